"""Trainings: one execution each, with its iterations."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import one_of
from portal.tables.job import Job, JobState


class TrainingRun(Job, table=True):
    """One training of a model, with the exact configuration that it ran with."""

    __tablename__ = "training_run"
    __table_args__ = (one_of("state", JobState), CheckConstraint("limit_ms > 0", name="limit_positive"))

    reward_function_id: int = Field(foreign_key="reward_function.id")
    limit_ms: int
    configuration: dict[str, Any] = Field(sa_type=JSON)
    """Track, direction, car and hyperparameters as they were when the training was requested."""
    iterations: int = 0
    episodes: int = 0
    steps: int = 0
    best_iteration: int | None = None
    best_lap_ms: int | None = None
    completion_percent: float | None = None
    ended_because: str = ""
    fingerprint: str = ""
    failed_call: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    """Where the reward function ended it: `parameters` of the first call that failed, without the waypoints (None where
    no call did), and `log`, what the code had printed."""


class TrainingIteration(SQLModel, table=True):
    """What one iteration of a training measured: a point on each line of the graph."""

    __tablename__ = "training_iteration"
    __table_args__ = (UniqueConstraint("training_run_id", "iteration", name="training_iteration_once"),)

    id: int | None = Field(default=None, primary_key=True)
    training_run_id: int = Field(foreign_key="training_run.id", index=True, ondelete="CASCADE")
    iteration: int
    episodes: int
    steps: int
    elapsed_ms: int
    average_reward: float
    training_completion: float
    evaluation_completion: float
    best_lap_ms: int | None = None
    race_completion: float | None = None
    """Of three laps in one go with a race's penalties; None where they were not tried, or were not measured yet."""
    race_ms: int | None = None
    race_resets: int | None = None
    best: bool = False
