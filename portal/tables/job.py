"""What trainings and evaluations have in common: a state, attempts, and a lease that one worker holds."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, public_id


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"
    REFUSED = "refused"

    @property
    def is_over(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


class Job(SQLModel):
    """Columns of a job. The database is the truth; the queue only wakes a worker.

    A worker owns the job while its `token` stands and `lease_until` is ahead; every write it makes carries the token.
    """

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    racer_id: int = Field(foreign_key="racer.id", index=True)
    model_id: int = Field(foreign_key="model.id", index=True)
    state: str = Field(default=JobState.QUEUED, index=True)
    attempt: int = 0
    token: str | None = None
    worker: str = ""
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    stop_requested_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    queued_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    used_ms: int = 0
    seed: int
    message: str = ""
    """Why it waits, was refused or failed; empty when all is well."""
    message_line: int | None = None
    """The line of the reward function that the message is about."""
    artefact: str | None = None
    """The winning attempt's folder, relative to the runs directory."""
    size_bytes: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    """What the artefact's files take."""

    @property
    def is_over(self) -> bool:
        return JobState(self.state).is_over
