"""The ledger added up once more: whether balances, held time and sums by day and month are what its lines say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import func
from sqlmodel import Session, col, select

from portal.rules.usage_totals import SUMS, amounts_of, day_of, month_of
from portal.tables import Account, LedgerEntry, Race, Racer, Reservation, ReservationState, UsageDay, UsageMonth

BALANCES = {
    "quota_ms": "quota_ms",
    "reserved_ms": "reserved_ms",
    "used_ms": "used_ms",
    "spent_microusd": "amount_microusd",
}
"""Columns of an account, and the columns of the ledger that add up to them."""
READ = (*BALANCES.values(), "kind", "job_kind", "byte_days", "on_day", "at")
"""What of a line is looked at: a million whole rows would be slow."""


class Difference(NamedTuple):
    """Something that is stored and is not what the ledger's lines add up to."""

    account: str
    what: str
    stored: int
    ledger: int


@dataclass
class Findings:
    """How much was added up, and what differs."""

    accounts: int = 0
    lines: int = 0
    differences: list[Difference] = field(default_factory=list)


@dataclass
class _Sums:
    """What one account's lines add up to."""

    balance: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BALANCES, 0))
    days: dict[date, dict[str, int]] = field(default_factory=dict)
    months: dict[date, dict[str, int]] = field(default_factory=dict)
    lines: int = 0

    def add(self, line: Any) -> None:
        self.lines += 1
        for stored, added in BALANCES.items():
            self.balance[stored] += getattr(line, added)
        amounts = amounts_of(line)
        if amounts:
            day = day_of(line)
            for spans, starts_on in ((self.days, day), (self.months, month_of(day))):
                span = spans.setdefault(starts_on, dict.fromkeys(SUMS, 0))
                for name, amount in amounts.items():
                    span[name] += amount


def check(session: Session) -> Findings:
    """Adds up every account, one at a time. The session must see one state throughout (SQLite; repeatable read)."""
    findings = Findings()
    query = (
        select(Account, Racer, Race)
        .join(Racer, col(Racer.id) == col(Account.racer_id), isouter=True)
        .join(Race, col(Race.id) == col(Account.race_id), isouter=True)
    )
    for account, racer, race in session.exec(query.order_by(col(Account.id))):
        sums = _add_up(session, account)
        name = f"racer {racer.alias or racer.public_id}" if racer else f"race {race.public_id if race else '?'}"
        findings.accounts += 1
        findings.lines += sums.lines
        findings.differences += (Difference(name, *rest) for rest in _compare(session, account, sums))
    return findings


def _add_up(session: Session, account: Account) -> _Sums:
    sums = _Sums()
    columns: Any = select(*(getattr(LedgerEntry, name) for name in READ))
    for line in session.exec(columns.where(LedgerEntry.account_id == account.id)):
        sums.add(line)
    return sums


def _compare(session: Session, account: Account, sums: _Sums) -> Iterator[tuple[str, int, int]]:
    for name, added in sums.balance.items():
        stored = getattr(account, name)
        if stored is not None and stored != added:
            yield name, stored, added
    held = session.exec(
        select(func.coalesce(func.sum(Reservation.amount_ms), 0)).where(
            Reservation.account_id == account.id, Reservation.state == ReservationState.HELD
        )
    ).one()
    if int(held) != sums.balance["reserved_ms"]:
        yield "held by reservations", int(held), sums.balance["reserved_ms"]
    yield from _compare_spans(session, UsageDay, account, sums.days, "%Y-%m-%d")
    yield from _compare_spans(session, UsageMonth, account, sums.months, "%Y-%m")


def _compare_spans(
    session: Session,
    table: type[UsageDay] | type[UsageMonth],
    account: Account,
    added: dict[date, dict[str, int]],
    form: str,
) -> Iterator[tuple[str, int, int]]:
    nothing = dict.fromkeys(SUMS, 0)
    columns: Any = select(table.starts_on, *(getattr(table, name) for name in SUMS))
    rows = session.exec(columns.where(table.account_id == account.id))
    stored = {row[0]: dict(zip(SUMS, row[1:], strict=True)) for row in rows}
    for starts_on in sorted(stored.keys() | added.keys()):
        have, want = stored.get(starts_on, nothing), added.get(starts_on, nothing)
        for name in SUMS:
            if have[name] != want[name]:
                yield f"{starts_on.strftime(form)} {name}", have[name], want[name]
