"""Usage summed by account and day, and by account and month: what pages read instead of the ledger's many lines.

Written in the same transaction as the ledger's line; always equal to its sums.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel


class Usage(SQLModel):
    """Columns of a sum: jobs that were charged, time, storage and estimated money, by what they were used for."""

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    starts_on: date = Field(primary_key=True)
    """The first day of the span, in UTC."""
    trainings: int = 0
    evaluations: int = 0
    training_ms: int = Field(default=0, sa_type=BigInteger)
    evaluation_ms: int = Field(default=0, sa_type=BigInteger)
    byte_days: int = Field(default=0, sa_type=BigInteger)
    training_microusd: int = Field(default=0, sa_type=BigInteger)
    evaluation_microusd: int = Field(default=0, sa_type=BigInteger)
    storage_microusd: int = Field(default=0, sa_type=BigInteger)


class UsageDay(Usage, table=True):
    """One account's day."""

    __tablename__ = "usage_day"
    __table_args__ = (
        Index("ix_usage_day_spent", "starts_on", "training_microusd", "evaluation_microusd", "storage_microusd"),
    )


class UsageMonth(Usage, table=True):
    """One account's calendar month."""

    __tablename__ = "usage_month"
    __table_args__ = (Index("ix_usage_month_starts_on", "starts_on"),)
