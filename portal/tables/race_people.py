"""Who may see a private race, besides its organizer and administrators."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, public_id


class RaceMember(SQLModel, table=True):
    """A racer who came in by the race's link, its code or its list; `removed_at` keeps somebody out for good."""

    __tablename__ = "race_member"
    __table_args__ = (UniqueConstraint("race_id", "racer_id", name="race_member_once"),)

    id: int | None = Field(default=None, primary_key=True)
    race_id: int = Field(foreign_key="race.id")
    racer_id: int = Field(foreign_key="racer.id", index=True)
    joined_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RaceGuest(SQLModel, table=True):
    """A line of a race's list: an e-mail address, or `@` and a domain; who has it confirmed may come in."""

    __tablename__ = "race_guest"
    __table_args__ = (UniqueConstraint("race_id", "address", name="race_guest_once"),)

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    race_id: int = Field(foreign_key="race.id")
    address: str = Field(index=True)
    """In small letters."""
    added_at: datetime = Field(sa_type=UtcDateTime)
