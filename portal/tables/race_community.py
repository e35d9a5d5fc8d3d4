"""Who organizes a race besides its owner, its teams, and what the organizers announce."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, public_id


class RaceOrganizer(SQLModel, table=True):
    """A racer who may do with the race what its owner may, but for naming organizers and deleting it."""

    __tablename__ = "race_organizer"

    race_id: int = Field(foreign_key="race.id", primary_key=True)
    racer_id: int = Field(foreign_key="racer.id", primary_key=True, index=True)
    added_at: datetime = Field(sa_type=UtcDateTime)


class RaceTeam(SQLModel, table=True):
    """Racers of one race whose results count together; its code lets others join."""

    __tablename__ = "race_team"
    __table_args__ = (UniqueConstraint("race_id", "name_key", name="race_team_name_once"),)

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    race_id: int = Field(foreign_key="race.id")
    name: str
    name_key: str
    """The name in small letters."""
    code: str = Field(unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)


class RaceTeamMember(SQLModel, table=True):
    """A racer in a team; in one team of a race at a time."""

    __tablename__ = "race_team_member"
    __table_args__ = (UniqueConstraint("race_id", "racer_id", name="race_team_member_once"),)

    id: int | None = Field(default=None, primary_key=True)
    race_id: int = Field(foreign_key="race.id")
    team_id: int = Field(foreign_key="race_team.id", index=True)
    racer_id: int = Field(foreign_key="racer.id", index=True)
    joined_at: datetime = Field(sa_type=UtcDateTime)


class RaceAnnouncement(SQLModel, table=True):
    """What the organizers tell everybody who sees the race; one that was taken back stays stored."""

    __tablename__ = "race_announcement"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    race_id: int = Field(foreign_key="race.id", index=True)
    by_racer_id: int = Field(foreign_key="racer.id")
    text: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
