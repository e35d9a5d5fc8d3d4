"""What an iteration of a training drives as a race: three laps in one go, with penalties."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COLUMNS = {"race_completion": sa.Float(), "race_ms": sa.Integer(), "race_resets": sa.Integer()}


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("training_iteration", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("training_iteration", name)
