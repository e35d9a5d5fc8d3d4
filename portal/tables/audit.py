"""What was done by whom: added to, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime


class AuditEvent(SQLModel, table=True):
    """One administrative or money-relevant event, with what was before and after. Triggers refuse UPDATE and DELETE."""

    __tablename__ = "audit_event"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    by_racer_id: int | None = Field(default=None, foreign_key="racer.id", index=True)
    """None: the operator's command line or the system itself."""
    action: str = Field(index=True)
    """`noun.verb`, as in `race.open`."""
    subject: str = Field(index=True)
    """What it was done to: `noun:public-id`."""
    before: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    after: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    reason: str = ""
    batch: str | None = Field(default=None, index=True)
    """What was done together has the same value here, so that it can be undone together."""
