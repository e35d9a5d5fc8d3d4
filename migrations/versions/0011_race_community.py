"""Co-organizers, teams and announcements of races."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import portal.tables.columns

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString
    moment = portal.tables.columns.UtcDateTime(timezone=True)
    op.add_column(
        "race",
        sa.Column(
            "teams",
            text(),
            sa.CheckConstraint("teams IN ('none', 'best', 'sum')", name=op.f("ck_race_teams_known")),
            nullable=False,
            server_default="none",
        ),
    )
    op.add_column(
        "race",
        sa.Column(
            "team_size",
            sa.Integer(),
            sa.CheckConstraint("team_size BETWEEN 2 AND 20", name=op.f("ck_race_team_size_sensible")),
            nullable=False,
            server_default="2",
        ),
    )
    op.create_table(
        "race_organizer",
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("added_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_race_organizer_race_id_race")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_race_organizer_racer_id_racer")),
        sa.PrimaryKeyConstraint("race_id", "racer_id", name=op.f("pk_race_organizer")),
    )
    op.create_index(op.f("ix_race_organizer_racer_id"), "race_organizer", ["racer_id"])
    op.create_table(
        "race_team",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", text(), nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("name_key", text(), nullable=False),
        sa.Column("code", text(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_race_team_race_id_race")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_race_team")),
        sa.UniqueConstraint("public_id", name=op.f("uq_race_team_public_id")),
        sa.UniqueConstraint("code", name=op.f("uq_race_team_code")),
        sa.UniqueConstraint("race_id", "name_key", name="race_team_name_once"),
    )
    op.create_table(
        "race_team_member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("joined_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_race_team_member_race_id_race")),
        sa.ForeignKeyConstraint(["team_id"], ["race_team.id"], name=op.f("fk_race_team_member_team_id_race_team")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_race_team_member_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_race_team_member")),
        sa.UniqueConstraint("race_id", "racer_id", name="race_team_member_once"),
    )
    op.create_index(op.f("ix_race_team_member_team_id"), "race_team_member", ["team_id"])
    op.create_index(op.f("ix_race_team_member_racer_id"), "race_team_member", ["racer_id"])
    op.create_table(
        "race_announcement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", text(), nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("by_racer_id", sa.Integer(), nullable=False),
        sa.Column("text", text(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("removed_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_race_announcement_race_id_race")),
        sa.ForeignKeyConstraint(["by_racer_id"], ["racer.id"], name=op.f("fk_race_announcement_by_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_race_announcement")),
        sa.UniqueConstraint("public_id", name=op.f("uq_race_announcement_public_id")),
    )
    op.create_index(op.f("ix_race_announcement_race_id"), "race_announcement", ["race_id"])


def downgrade() -> None:
    for table in ("race_announcement", "race_team_member", "race_team", "race_organizer"):
        op.drop_table(table)
    op.drop_column("race", "team_size")
    op.drop_column("race", "teams")
