"""Jobs that the queue still has to hear of: written with the job itself, sent after the commit."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, one_of
from portal.tables.ledger import JobKind


class OutboxEntry(SQLModel, table=True):
    """One attempt of one job to be announced to the queue."""

    __tablename__ = "outbox_entry"
    __table_args__ = (
        UniqueConstraint("job_kind", "job_id", "attempt", name="outbox_once"),
        one_of("job_kind", JobKind),
    )

    id: int | None = Field(default=None, primary_key=True)
    job_kind: str
    job_id: int
    attempt: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
