"""Standings that stop for the public before the end, to be revealed place by place."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime


class RaceFreeze(SQLModel, table=True):
    """From `freezes_at` on the public sees no newer result, until `ended_at`."""

    __tablename__ = "race_freeze"
    __table_args__ = (CheckConstraint("revealed >= 0", name="revealed_not_negative"),)

    race_id: int = Field(foreign_key="race.id", primary_key=True)
    freezes_at: datetime = Field(sa_type=UtcDateTime)
    reveal_began_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revealed: int = 0
    """Places that the public sees since the reveal began, counted from the last."""
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the last place was revealed, or the freeze was lifted."""
