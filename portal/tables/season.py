"""Seasons: points over several races."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, public_id


class Season(SQLModel, table=True):
    """Races whose places give points; who sees one of the races sees the season."""

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    owner_id: int = Field(foreign_key="racer.id", index=True)
    name: str
    description: str = ""
    points: list[int] = Field(sa_type=JSON)
    """For the first place, the second and so on; further places get none."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SeasonRace(SQLModel, table=True):
    """A race of a season."""

    __tablename__ = "season_race"
    __table_args__ = (UniqueConstraint("season_id", "race_id", name="season_race_once"),)

    id: int | None = Field(default=None, primary_key=True)
    season_id: int = Field(foreign_key="season.id")
    race_id: int = Field(foreign_key="race.id", index=True)
