"""Standings that freeze before the end and are revealed place by place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import portal.tables.columns

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "race_freeze",
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("freezes_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("reveal_began_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("revealed", sa.Integer(), nullable=False),
        sa.Column("ended_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("revealed >= 0", name=op.f("ck_race_freeze_revealed_not_negative")),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_race_freeze_race_id_race")),
        sa.PrimaryKeyConstraint("race_id", name=op.f("pk_race_freeze")),
    )


def downgrade() -> None:
    op.drop_table("race_freeze")
