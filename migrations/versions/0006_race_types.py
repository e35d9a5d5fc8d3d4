"""Boxes and bots in races and evaluations, collisions of laps, which cars may enter, submissions a day, time zones."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

RACE = ("objects", "sensors", "action_spaces", "maximum_per_day", "time_zone")


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString
    op.add_column("evaluation", sa.Column("objects", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("lap", sa.Column("crashes", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("race", sa.Column("objects", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("race", sa.Column("sensors", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("race", sa.Column("action_spaces", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column(
        "race",
        sa.Column(
            "maximum_per_day",
            sa.Integer(),
            sa.CheckConstraint("maximum_per_day > 0", name=op.f("ck_race_maximum_per_day_positive")),
            nullable=True,
        ),
    )
    op.add_column("race", sa.Column("time_zone", text(), nullable=False, server_default="UTC"))


def downgrade() -> None:
    for name in reversed(RACE):
        op.drop_column("race", name)
    op.drop_column("lap", "crashes")
    op.drop_column("evaluation", "objects")
