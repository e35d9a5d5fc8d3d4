"""What is known of the call of a reward function that ended a training: its parameters, and what was printed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("training_run", sa.Column("failed_call", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("training_run", "failed_call")
