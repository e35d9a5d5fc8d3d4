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
    with op.batch_alter_table("race") as batch:
        batch.add_column(sa.Column("overlay_key", sqlmodel.sql.sqltypes.AutoString(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("race") as batch:
        batch.drop_column("overlay_key")
