"""Submissions that were withdrawn, disqualified or driven again."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import portal.tables.columns

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

DISQUALIFIER = "fk_submission_disqualified_by_id_racer"
RERUN = "fk_submission_rerun_id_evaluation"


def upgrade() -> None:
    moment = portal.tables.columns.UtcDateTime(timezone=True)
    with op.batch_alter_table("submission") as batch:
        batch.add_column(sa.Column("withdrawn_at", moment, nullable=True))
        batch.add_column(sa.Column("disqualified_at", moment, nullable=True))
        batch.add_column(sa.Column("disqualified_by_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("disqualified_for", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        batch.add_column(sa.Column("rerun_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f(DISQUALIFIER), "racer", ["disqualified_by_id"], ["id"])
        batch.create_foreign_key(op.f(RERUN), "evaluation", ["rerun_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("submission") as batch:
        batch.drop_constraint(op.f(RERUN), type_="foreignkey")
        batch.drop_constraint(op.f(DISQUALIFIER), type_="foreignkey")
        for name in ("rerun_id", "disqualified_for", "disqualified_by_id", "disqualified_at", "withdrawn_at"):
            batch.drop_column(name)
