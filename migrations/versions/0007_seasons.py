"""Seasons: points over several races."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import portal.tables.columns

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = portal.tables.columns.UtcDateTime(timezone=True)
    op.create_table(
        "season",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("deleted_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["racer.id"], name=op.f("fk_season_owner_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_season")),
        sa.UniqueConstraint("public_id", name=op.f("uq_season_public_id")),
    )
    op.create_index(op.f("ix_season_owner_id"), "season", ["owner_id"])
    op.create_table(
        "season_race",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("season_id", sa.Integer(), nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["season_id"], ["season.id"], name=op.f("fk_season_race_season_id_season")),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_season_race_race_id_race")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_season_race")),
        sa.UniqueConstraint("season_id", "race_id", name="season_race_once"),
    )
    op.create_index(op.f("ix_season_race_race_id"), "season_race", ["race_id"])


def downgrade() -> None:
    op.drop_table("season_race")
    op.drop_table("season")
