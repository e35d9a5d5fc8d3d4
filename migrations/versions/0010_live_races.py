"""LIVE races: a stage, a queue, and where each run is in its drive."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import portal.tables.columns

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATES = ("waiting", "launched", "driving", "finished", "cleared", "failed")


def upgrade() -> None:
    moment = portal.tables.columns.UtcDateTime(timezone=True)
    text = sqlmodel.sql.sqltypes.AutoString()
    op.create_table(
        "live_race",
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("run_limit_ms", sa.Integer(), nullable=False),
        sa.Column("entries_open", sa.Boolean(), nullable=False),
        sa.Column("autolaunch", sa.Boolean(), nullable=False),
        sa.Column("stage_run_id", sa.Integer(), nullable=True),
        sa.Column("winner_id", sa.Integer(), nullable=True),
        sa.Column("declared_at", moment, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.CheckConstraint("run_limit_ms > 0", name=op.f("ck_live_race_run_limit_positive")),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_live_race_race_id_race")),
        sa.ForeignKeyConstraint(["winner_id"], ["racer.id"], name=op.f("fk_live_race_winner_id_racer")),
        sa.PrimaryKeyConstraint("race_id", name=op.f("pk_live_race")),
    )
    op.create_table(
        "live_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", text, nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("evaluation_id", sa.Integer(), nullable=True),
        sa.Column("state", text, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("message", text, nullable=False),
        sa.Column("countdown_ends_at", moment, nullable=True),
        sa.Column("anchor_at", moment, nullable=True),
        sa.Column("anchor_ms", sa.Integer(), nullable=False),
        sa.Column("speed_percent", sa.Integer(), nullable=False),
        sa.Column("drive_ms", sa.Integer(), nullable=True),
        sa.Column("shown_at", moment, nullable=True),
        sa.Column("entered_at", moment, nullable=False),
        sa.CheckConstraint(
            "state IN ({})".format(", ".join(f"'{state}'" for state in STATES)), name=op.f("ck_live_run_state_known")
        ),
        sa.CheckConstraint("speed_percent >= 0", name=op.f("ck_live_run_speed_not_negative")),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_live_run_race_id_race")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_live_run_racer_id_racer")),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_live_run_model_id_model")),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name=op.f("fk_live_run_evaluation_id_evaluation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_run")),
        sa.UniqueConstraint("public_id", name=op.f("uq_live_run_public_id")),
        sa.UniqueConstraint("evaluation_id", name=op.f("uq_live_run_evaluation_id")),
    )
    op.create_index(op.f("ix_live_run_race_id"), "live_run", ["race_id"])
    op.create_index(op.f("ix_live_run_racer_id"), "live_run", ["racer_id"])


def downgrade() -> None:
    op.drop_table("live_run")
    op.drop_table("live_race")
