"""LIVE races: cars drive one after another before everybody's eyes, launched by the organizer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, one_of, public_id


class LiveState(StrEnum):
    """Where a run of a LIVE race is."""

    WAITING = "waiting"
    LAUNCHED = "launched"
    DRIVING = "driving"
    FINISHED = "finished"
    CLEARED = "cleared"
    FAILED = "failed"


class LiveRace(SQLModel, table=True):
    """What makes a race a LIVE race, and what is on its stage."""

    __tablename__ = "live_race"
    __table_args__ = (CheckConstraint("run_limit_ms > 0", name="run_limit_positive"),)

    race_id: int = Field(foreign_key="race.id", primary_key=True)
    run_limit_ms: int
    """How long each car drives; its best lap counts."""
    entries_open: bool = True
    autolaunch: bool = False
    stage_run_id: int | None = None
    """The run that everybody sees; None where the stage is empty."""
    winner_id: int | None = Field(default=None, foreign_key="racer.id")
    declared_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 0
    """Raised with every change; open pages show the highest that they have seen."""
    created_at: datetime = Field(sa_type=UtcDateTime)


class LiveRun(SQLModel, table=True):
    """A car in the queue, on the stage, or done. Where it is in its drive follows from the anchor and the speed."""

    __tablename__ = "live_run"
    __table_args__ = (one_of("state", LiveState), CheckConstraint("speed_percent >= 0", name="speed_not_negative"))

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    race_id: int = Field(foreign_key="race.id", index=True)
    racer_id: int = Field(foreign_key="racer.id", index=True)
    model_id: int = Field(foreign_key="model.id")
    evaluation_id: int | None = Field(default=None, foreign_key="evaluation.id", unique=True)
    """The drive, from the launch on."""
    state: str = LiveState.WAITING
    position: int
    """Its order in the queue."""
    message: str = ""
    """Why it failed."""
    countdown_ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    anchor_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """A moment at which the car was, or will be, `anchor_ms` into its drive."""
    anchor_ms: int = 0
    speed_percent: int = 100
    drive_ms: int | None = None
    """How long the drive is."""
    shown_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When everybody had seen all of it: from then on its laps count."""
    entered_at: datetime = Field(sa_type=UtcDateTime)
