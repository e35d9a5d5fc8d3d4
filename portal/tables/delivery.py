"""What leaves the house: mails and web hooks, written with what they tell of and delivered after the commit."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, one_of, public_id


class DeliveryState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class Delivery(SQLModel):
    """Columns of something to deliver: tried again with growing pauses until it is sent or given up."""

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    state: str = Field(default=DeliveryState.WAITING, index=True)
    attempts: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    next_at: datetime = Field(sa_type=UtcDateTime, index=True)
    """When it is tried next."""
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was sent or given up."""
    error: str = ""
    """Why the last try did not work."""


class Mail(Delivery, table=True):
    """One mail to one person."""

    __table_args__ = (one_of("state", DeliveryState),)

    recipient: str
    subject: str
    text: str
    html: str = ""


class WebhookDelivery(Delivery, table=True):
    """One event for one address, signed with that address's secret when it is sent."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (one_of("state", DeliveryState),)

    url: str
    event: str
    """`noun.verb`, as in `spending.alert`."""
    body: dict[str, Any] = Field(sa_type=JSON)
    status: int | None = None
    """The HTTP status of the last answer."""
    race_hook_id: int | None = Field(default=None, foreign_key="race_hook.id", index=True)
    """The race's web hook whose secret signs it; None: that of the administrators."""
