"""Races and what is entered in them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, one_of, public_id


class Ranking(StrEnum):
    TOTAL = "total"
    AVERAGE = "average"
    BEST = "best"


class Counting(StrEnum):
    """Which of a racer's submissions the standings show."""

    BEST = "best"
    LATEST = "latest"


class TeamScoring(StrEnum):
    """What a team's row is: none has teams, its best racer's result, or the sum of its best racers'."""

    NONE = "none"
    BEST = "best"
    SUM = "sum"


class Visibility(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"


class Race(SQLModel, table=True):
    """A competition on a track. Whether it is upcoming, open or closed follows from its dates."""

    __table_args__ = (
        one_of("ranking", Ranking),
        one_of("visibility", Visibility),
        one_of("counts", Counting),
        one_of("teams", TeamScoring),
        CheckConstraint("team_size BETWEEN 2 AND 20", name="team_size_sensible"),
        CheckConstraint("closes_at > opens_at", name="closes_after_opening"),
        CheckConstraint("minimum_laps BETWEEN 1 AND laps", name="minimum_laps_reachable"),
        CheckConstraint("maximum_submissions > 0", name="maximum_submissions_positive"),
        CheckConstraint("maximum_per_day > 0", name="maximum_per_day_positive"),
    )

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    owner_id: int = Field(foreign_key="racer.id", index=True)
    name: str
    description: str = ""
    track: str
    direction: str
    visibility: str = Visibility.PUBLIC
    ranking: str = Ranking.TOTAL
    counts: str = Field(default=Counting.BEST, sa_column_kwargs={"server_default": Counting.BEST.value})
    teams: str = Field(default=TeamScoring.NONE, sa_column_kwargs={"server_default": TeamScoring.NONE.value})
    team_size: int = Field(default=2, sa_column_kwargs={"server_default": "2"})
    """How many of a team's racers count for its sum."""
    laps: int = 3
    minimum_laps: int = 3
    off_track_penalty_ms: int = 3000
    collision_penalty_ms: int = 5000
    maximum_resets: int = 10_000
    maximum_submissions: int = 99
    maximum_per_day: int | None = None
    """Of one racer, by the calendar of `time_zone`; None: as many as in all."""
    objects: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, sa_column_kwargs={"server_default": "{}"})
    """The type of the race, with its boxes or bots, as `sim.objects.objects_json` writes them; empty: a time trial."""
    sensors: list[str] = Field(default_factory=list, sa_type=JSON, sa_column_kwargs={"server_default": "[]"})
    """The only sensors that a car may carry, by their names in `model_metadata.json`; empty: any."""
    action_spaces: list[str] = Field(default_factory=list, sa_type=JSON, sa_column_kwargs={"server_default": "[]"})
    """The only kinds of action space that a car may have, `discrete` or `continuous`; empty: any."""
    seed: int
    opens_at: datetime = Field(sa_type=UtcDateTime)
    closes_at: datetime = Field(sa_type=UtcDateTime)
    time_zone: str = Field(default="UTC", sa_column_kwargs={"server_default": "UTC"})
    """In which its dates were meant, and in which its days begin."""
    version: int = 0
    """Raised with every change to the standings; open pages show the highest that they have seen."""
    invite_code: str | None = Field(default=None, index=True, unique=True)
    """What lets people into a private race, typed or as a link; None: nobody new comes in by one."""
    invite_expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    audience: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Raised when somebody loses sight of the race; a part of its channel's name, so that old tickets hear nothing."""
    overlay_key: str | None = None
    """What opens the overlay of a private race for who is not signed in; None: nothing does."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Submission(SQLModel, table=True):
    """A model entered in a race. Its state and its laps are those of its evaluation."""

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    race_id: int = Field(foreign_key="race.id", index=True)
    racer_id: int = Field(foreign_key="racer.id", index=True)
    model_id: int = Field(foreign_key="model.id")
    evaluation_id: int = Field(foreign_key="evaluation.id", unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When its racer took it back while it waited."""
    disqualified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    disqualified_by_id: int | None = Field(default=None, foreign_key="racer.id")
    disqualified_for: str | None = None
    """The organizer's reason, which everybody reads."""
    rerun_id: int | None = Field(default=None, foreign_key="evaluation.id")
    """The evaluation that drove it again last; it counts for nothing."""
