"""What racers ask the administrators for: more hours, more models, a workshop."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, one_of, public_id


class RequestKind(StrEnum):
    HOURS = "hours"
    MODELS = "models"
    WORKSHOP = "workshop"


class RequestState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class RacerRequest(SQLModel, table=True):
    """One request of one racer, and what became of it."""

    __tablename__ = "racer_request"
    __table_args__ = (
        one_of("kind", RequestKind),
        one_of("state", RequestState),
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        CheckConstraint("(state IN ('approved', 'declined')) = (decided_at IS NOT NULL)", name="decided_when"),
        Index(
            "racer_request_one_open",
            "racer_id",
            "kind",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    racer_id: int = Field(foreign_key="racer.id", index=True)
    kind: str
    amount: int = Field(default=0, sa_type=BigInteger)
    """What is asked for on top: milliseconds or models; 0 for a workshop."""
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """A workshop's date, place, number of people and the like; once approved, `before`: what there was before it."""
    reason: str
    state: str = Field(default=RequestState.OPEN, index=True)
    granted: int | None = Field(default=None, sa_type=BigInteger)
    """What an administrator gave, in the unit of `amount`; may differ from it."""
    answer: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by_id: int | None = Field(default=None, foreign_key="racer.id")
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the racer put the decision's notice away."""

    @property
    def is_open(self) -> bool:
        return self.state == RequestState.OPEN
