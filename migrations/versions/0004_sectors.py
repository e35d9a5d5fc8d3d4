"""Sector times of laps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = ("sector_1_ms", "sector_2_ms", "sector_3_ms")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("lap", sa.Column(name, sa.Integer(), nullable=True))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("lap", name)
