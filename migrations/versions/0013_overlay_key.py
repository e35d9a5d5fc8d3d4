"""A key in the address of a private race's overlay."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("race", sa.Column("overlay_key", sqlmodel.sql.sqltypes.AutoString(), nullable=True))


def downgrade() -> None:
    # Not in a batch: that would make SQLite's table anew, with the checks of its columns as checks of the table, and
    # the way further down could not drop those columns any more.
    op.drop_column("race", "overlay_key")
