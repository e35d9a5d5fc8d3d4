"""Spending for tests: jobs and storage written into the ledger by its own rules."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count

from sqlmodel import Session

from portal.rules import ledger
from portal.tables import HOUR_MS, Account, JobKind

PRICE = 3_500_000
_numbers = count(1_000_000)


def spend(session: Session, account: Account, now: datetime, *, minutes: int = 60, kind: JobKind | None = None) -> None:
    """A job of the account that was charged so many minutes, at 3.50 dollars for an hour."""
    kind, number = kind or JobKind.TRAINING, next(_numbers)
    ledger.reserve(session, account, kind, number, minutes * HOUR_MS // 60, now=now)
    ledger.settle(session, kind, number, minutes * HOUR_MS // 60, PRICE, now=now)


def keep(session: Session, account: Account, first: date, days: int, stored_bytes: int, now: datetime) -> None:
    """Days of storage, charged."""
    for number in range(days):
        ledger.store(session, account, stored_bytes, first + timedelta(days=number), now=now)
