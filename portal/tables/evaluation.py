"""Evaluations: a trained model drives a track, for its racer or for a race, and its laps are measured."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from portal.tables.columns import one_of
from portal.tables.job import Job, JobState


class Evaluation(Job, table=True):
    """One drive of a model on a track under rules, repeatable by its seed."""

    __table_args__ = (
        one_of("state", JobState),
        Index(
            "ix_evaluation_kept_for_race",
            "race_id",
            "size_bytes",
            sqlite_where=text("artefact IS NOT NULL"),
            postgresql_where=text("artefact IS NOT NULL"),
        ),
    )

    training_run_id: int = Field(foreign_key="training_run.id")
    """Whose weights drive."""
    race_id: int | None = Field(default=None, foreign_key="race.id", index=True)
    """The race that it counts for; None for an evaluation of the racer's own."""
    track: str
    direction: str
    rules: dict[str, Any] = Field(sa_type=JSON)
    """The episode rules: laps, continuous or not, penalties, resets."""
    objects: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, sa_column_kwargs={"server_default": "{}"})
    """Boxes or bots, as `sim.objects.objects_json` writes them; empty: the track is clear."""
    total_ms: int | None = None
    best_lap_ms: int | None = None
    completion_percent: float | None = None
    resets: int | None = None
    fingerprint: str = ""


class Lap(SQLModel, table=True):
    """One measured lap of an evaluation."""

    __table_args__ = (UniqueConstraint("evaluation_id", "number", name="lap_once"),)

    id: int | None = Field(default=None, primary_key=True)
    evaluation_id: int = Field(foreign_key="evaluation.id", index=True, ondelete="CASCADE")
    number: int
    time_ms: int
    resets: int
    off_tracks: int = 0
    crashes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    complete: bool
    sector_1_ms: int | None = None
    """None where the sector was not completed, and in laps of before sectors were timed."""
    sector_2_ms: int | None = None
    sector_3_ms: int | None = None

    @property
    def sectors_ms(self) -> tuple[int | None, ...]:
        return (self.sector_1_ms, self.sector_2_ms, self.sector_3_ms)
