"""Web hooks of races."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import portal.tables.columns

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FOREIGN_KEY = "fk_webhook_delivery_race_hook_id_race_hook"


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString
    moment = portal.tables.columns.UtcDateTime(timezone=True)
    op.create_table(
        "race_hook",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", text(), nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("url", text(), nullable=False),
        sa.Column("secret", text(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("removed_at", moment, nullable=True),
        sa.Column("opened_at", moment, nullable=True),
        sa.Column("frozen_at", moment, nullable=True),
        sa.Column("closed_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_race_hook_race_id_race")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_race_hook")),
        sa.UniqueConstraint("public_id", name=op.f("uq_race_hook_public_id")),
    )
    op.create_index(op.f("ix_race_hook_race_id"), "race_hook", ["race_id"])
    with op.batch_alter_table("webhook_delivery") as batch:
        batch.add_column(sa.Column("race_hook_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f(FOREIGN_KEY), "race_hook", ["race_hook_id"], ["id"])
        batch.create_index(op.f("ix_webhook_delivery_race_hook_id"), ["race_hook_id"])


def downgrade() -> None:
    with op.batch_alter_table("webhook_delivery") as batch:
        batch.drop_index(op.f("ix_webhook_delivery_race_hook_id"))
        batch.drop_constraint(op.f(FOREIGN_KEY), type_="foreignkey")
        batch.drop_column("race_hook_id")
    op.drop_table("race_hook")
