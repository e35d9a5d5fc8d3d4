"""What the world looks like in which a model trains, and how far it is randomised."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("model", sa.Column("scene", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("model", "scene")
