"""Accounts and their append-only ledger: milliseconds, byte-days of storage, and millionths of a dollar."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, one_of


class EntryKind(StrEnum):
    GRANT = "grant"
    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"
    ADJUST = "adjust"
    STORE = "store"


class ReservationState(StrEnum):
    HELD = "held"
    SETTLED = "settled"
    RELEASED = "released"


class JobKind(StrEnum):
    TRAINING = "training"
    EVALUATION = "evaluation"


class Account(SQLModel, table=True):
    """What one racer, or one race, may use and has used. The three sums equal the ledger's at every commit."""

    __table_args__ = (
        CheckConstraint("reserved_ms >= 0", name="reserved_not_negative"),
        CheckConstraint("used_ms >= 0", name="used_not_negative"),
        CheckConstraint("(racer_id IS NULL) <> (race_id IS NULL)", name="one_owner"),
    )

    id: int | None = Field(default=None, primary_key=True)
    racer_id: int | None = Field(default=None, foreign_key="racer.id", unique=True)
    race_id: int | None = Field(default=None, foreign_key="race.id", unique=True)
    quota_ms: int | None = Field(default=None, sa_type=BigInteger)
    """Time that may be used in all; None is without a limit (a race's account)."""
    reserved_ms: int = Field(default=0, sa_type=BigInteger)
    used_ms: int = Field(default=0, sa_type=BigInteger)
    spent_microusd: int = Field(default=0, sa_type=BigInteger)
    models_at_once: int = 2
    maximum_models: int = 50
    monthly_budget_microusd: int | None = Field(default=None, sa_type=BigInteger)
    """What it is meant to spend in a month; None is the limits' budget for racers."""


class Reservation(SQLModel, table=True):
    """Time held for one job until it is settled (used) or released (given back)."""

    __table_args__ = (
        UniqueConstraint("job_kind", "job_id", name="reservation_job"),
        CheckConstraint("amount_ms > 0", name="amount_positive"),
        one_of("state", ReservationState),
        one_of("job_kind", JobKind),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    job_kind: str
    job_id: int
    amount_ms: int = Field(sa_type=BigInteger)
    state: str = ReservationState.HELD
    created_at: datetime = Field(sa_type=UtcDateTime)


class LedgerEntry(SQLModel, table=True):
    """One line of an account's history: what it adds to the quota, reserved and used time, storage and money.

    Lines are only ever added; triggers refuse UPDATE and DELETE.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (
        UniqueConstraint("job_kind", "job_id", "kind", name="ledger_entry_once"),
        UniqueConstraint("account_id", "on_day", name="ledger_entry_once_a_day"),
        one_of("kind", EntryKind),
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    kind: str
    job_kind: str | None = None
    job_id: int | None = None
    quota_ms: int = Field(default=0, sa_type=BigInteger)
    reserved_ms: int = Field(default=0, sa_type=BigInteger)
    used_ms: int = Field(default=0, sa_type=BigInteger)
    byte_days: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    amount_microusd: int = Field(default=0, sa_type=BigInteger)
    on_day: date | None = None
    """The day, in UTC, whose storage a STORE line charges: once for each account and day."""
    by_racer_id: int | None = Field(default=None, foreign_key="racer.id")
    note: str = ""
    at: datetime = Field(sa_type=UtcDateTime)
