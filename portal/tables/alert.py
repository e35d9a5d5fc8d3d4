"""Spending alerts: thresholds, where they are sent, and which were reached in which month."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, one_of, public_id


class AlertScope(StrEnum):
    INSTANCE = "instance"
    """All spending of the month, races included."""
    RACER = "racer"
    """Each racer's spending of the month."""


class AlertThreshold(SQLModel, table=True):
    """A share of the budget or an amount; reaching it in a month makes one alert."""

    __tablename__ = "alert_threshold"
    __table_args__ = (
        one_of("scope", AlertScope),
        CheckConstraint("(percent IS NULL) <> (amount_microusd IS NULL)", name="share_or_amount"),
        CheckConstraint("percent BETWEEN 1 AND 1000", name="percent_sensible"),
        CheckConstraint("amount_microusd > 0", name="amount_positive"),
        UniqueConstraint("scope", "percent", name="alert_threshold_percent"),
        UniqueConstraint("scope", "amount_microusd", name="alert_threshold_amount"),
    )

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    scope: str
    percent: int | None = None
    amount_microusd: int | None = Field(default=None, sa_type=BigInteger)
    created_at: datetime = Field(sa_type=UtcDateTime)


class AlertSettings(SQLModel, table=True):
    """The one row that says where alerts go besides the page."""

    __tablename__ = "alert_settings"
    __table_args__ = (CheckConstraint("id = 1", name="only_one_row"),)

    id: int = Field(default=1, primary_key=True)
    emails: list[str] = Field(default_factory=list, sa_type=JSON)
    webhook_url: str = ""
    webhook_secret: str = ""


class Alert(SQLModel, table=True):
    """A threshold that was reached: once for each month and whom it is about."""

    __table_args__ = (UniqueConstraint("month", "about", "threshold", name="alert_once"),)

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    month: date = Field(index=True)
    about: str
    """`instance` or `racer:<public id>`."""
    threshold: str
    """`percent:80` or `amount:100000000`: kept when the threshold itself is deleted or changed."""
    racer_id: int | None = Field(default=None, foreign_key="racer.id", index=True)
    spent_microusd: int = Field(sa_type=BigInteger)
    budget_microusd: int | None = Field(default=None, sa_type=BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)
    dismissed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    dismissed_by_id: int | None = Field(default=None, foreign_key="racer.id")
