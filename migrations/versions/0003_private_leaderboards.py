"""Private leaderboards: links and codes, members, lists of guests. Which submission counts."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import portal.tables.columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = portal.tables.columns.UtcDateTime(timezone=True)
    op.add_column("race", sa.Column("invite_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column("race", sa.Column("invite_expires_at", moment, nullable=True))
    op.add_column(
        "race",
        sa.Column(
            "counts",
            sqlmodel.sql.sqltypes.AutoString(),
            sa.CheckConstraint("counts IN ('best', 'latest')", name=op.f("ck_race_counts_known")),
            nullable=False,
            server_default="best",
        ),
    )
    op.add_column("race", sa.Column("audience", sa.Integer(), nullable=False, server_default="0"))
    op.create_index(op.f("ix_race_invite_code"), "race", ["invite_code"], unique=True)
    op.create_table(
        "race_member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("joined_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("removed_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_race_member_race_id_race")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_race_member_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_race_member")),
        sa.UniqueConstraint("race_id", "racer_id", name="race_member_once"),
    )
    op.create_index(op.f("ix_race_member_racer_id"), "race_member", ["racer_id"])
    op.create_table(
        "race_guest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("address", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("added_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_race_guest_race_id_race")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_race_guest")),
        sa.UniqueConstraint("public_id", name=op.f("uq_race_guest_public_id")),
        sa.UniqueConstraint("race_id", "address", name="race_guest_once"),
    )
    op.create_index(op.f("ix_race_guest_address"), "race_guest", ["address"])


def downgrade() -> None:
    op.drop_table("race_guest")
    op.drop_table("race_member")
    op.drop_index(op.f("ix_race_invite_code"), "race")
    for name in ("invite_code", "invite_expires_at", "audience", "counts"):
        op.drop_column("race", name)
