"""Web hooks of races: where a race's events are posted to."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, public_id


class RaceHook(SQLModel, table=True):
    """One address with its secret, and what it was told by the clock already; one that was removed gets nothing."""

    __tablename__ = "race_hook"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    race_id: int = Field(foreign_key="race.id", index=True)
    url: str
    secret: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was told that the race is open."""
    frozen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
