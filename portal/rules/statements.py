"""A statement: the lines of one account, newest first, each with the balance after it; by month, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, and_, col, or_, select

from portal.rules import usage_totals
from portal.rules.ledger import Balance
from portal.tables import Account, Evaluation, JobKind, LedgerEntry, Model, TrainingRun, UsageMonth

PAGE_SIZE = 50
AMOUNTS: tuple[Any, ...] = (
    col(LedgerEntry.quota_ms),
    col(LedgerEntry.reserved_ms),
    col(LedgerEntry.used_ms),
    col(LedgerEntry.amount_microusd),
)
"""What a line adds to the balance, in the order of its first four values."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the ledger, what it was for, and what the account stood at after it."""

    entry: LedgerEntry
    model_name: str
    """Of the job that it is about; empty for a line without one."""
    after: Balance


@dataclass(frozen=True, slots=True)
class StatementPage:
    """One page of a statement: of a month, or of everything."""

    lines: list[Line]
    month: date | None
    months: list[date]
    """Every month from the first line to the last, newest first."""
    sums: UsageMonth | None
    """What was used and spent in the month; None where nothing was, or for everything."""
    page: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def page_of(session: Session, account: Account, *, month: date | None = None, page: int = 1) -> StatementPage:
    """One page of an account's lines, newest first. A page too far is the last one."""
    of_month = _of_month(account, month)
    total = session.exec(select(func.count()).select_from(LedgerEntry).where(*of_month)).one()
    page = min(max(1, page), max(1, -(-total // PAGE_SIZE)))
    query = select(LedgerEntry).where(*of_month).order_by(col(LedgerEntry.id).desc())
    entries = list(session.exec(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)))
    sums = session.get(UsageMonth, (account.id, month)) if month else None
    return StatementPage(_with_balances(session, account, entries), month, _months(session, account), sums, page, total)


def newest(session: Session, account: Account, count: int) -> list[Line]:
    """The last lines, newest first."""
    query = select(LedgerEntry).where(LedgerEntry.account_id == account.id).order_by(col(LedgerEntry.id).desc())
    return _with_balances(session, account, list(session.exec(query.limit(count))))


def exported(session: Session, account: Account, *, month: date | None = None) -> Iterator[Line]:
    """Every line of an account or of its month, oldest first."""
    query = select(LedgerEntry).where(LedgerEntry.account_id == account.id).order_by(col(LedgerEntry.id))
    running = Balance(None if account.quota_ms is None else 0, 0, 0, 0)
    for entries in session.exec(query).partitions(PAGE_SIZE * 10):
        names = _model_names(session, entries)
        for entry in entries:
            running = _less(running, [-getattr(entry, column.key) for column in AMOUNTS])
            if month is None or usage_totals.month_of(usage_totals.day_of(entry)) == month:
                yield Line(entry, names.get(_job(entry), ""), running)


def month_named(text: str) -> date | None:
    """The month that `2026-06` names; None for anything else."""
    try:
        month = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        return None
    return month if month.year in usage_totals.YEARS else None


def _of_month(account: Account, month: date | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [col(LedgerEntry.account_id) == account.id]
    if month is not None:
        after = _next(month)
        first, last = (datetime(day.year, day.month, 1, tzinfo=UTC) for day in (month, after))
        day, at = col(LedgerEntry.on_day), col(LedgerEntry.at)
        conditions.append(or_(and_(day >= month, day < after), and_(day.is_(None), at >= first, at < last)))
    return conditions


def _next(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def _months(session: Session, account: Account) -> list[date]:
    span = select(func.min(LedgerEntry.at), func.max(LedgerEntry.at)).where(LedgerEntry.account_id == account.id)
    first, last = session.exec(span).one()
    if first is None or last is None:
        return []
    found = [usage_totals.month_of(first)]
    while found[-1] < usage_totals.month_of(last):
        found.append(_next(found[-1]))
    return found[::-1]


def _with_balances(session: Session, account: Account, entries: Sequence[LedgerEntry]) -> list[Line]:
    """Entries, newest first, with balances: today's without what came after each.

    Between the lines of a month there may be some of another: a day's storage is charged on the day after.
    """
    if not entries:
        return []
    mine, entry_id = col(LedgerEntry.account_id) == account.id, col(LedgerEntry.id)
    newest_id, oldest_id = entries[0].id or 0, entries[-1].id or 0
    sums = (func.coalesce(func.sum(column), 0) for column in AMOUNTS)
    later = session.execute(select(*sums).where(mine, entry_id > newest_id)).one()
    today = Balance(account.quota_ms, account.reserved_ms, account.used_ms, account.spent_microusd)
    running, after = _less(today, later), dict[int, Balance]()
    between = select(entry_id, *AMOUNTS).where(mine, entry_id.between(oldest_id, newest_id)).order_by(entry_id.desc())
    for row_id, *amounts in session.execute(between):
        after[row_id] = running
        running = _less(running, amounts)
    model_names = _model_names(session, entries)
    return [Line(entry, model_names.get(_job(entry), ""), after[entry.id or 0]) for entry in entries]


def _less(balance: Balance, amounts: Sequence[Any]) -> Balance:
    quota, reserved, used, spent = (int(amount) for amount in amounts)
    left = None if balance.quota_ms is None else balance.quota_ms - quota
    return Balance(left, balance.reserved_ms - reserved, balance.used_ms - used, balance.spent_microusd - spent)


def _job(entry: LedgerEntry) -> tuple[str | None, int | None]:
    return entry.job_kind, entry.job_id


def _model_names(session: Session, entries: Sequence[LedgerEntry]) -> dict[tuple[str | None, int | None], str]:
    """The names of the models of the jobs that the lines are about."""
    found: dict[tuple[str | None, int | None], str] = {}
    for kind, table in ((JobKind.TRAINING, TrainingRun), (JobKind.EVALUATION, Evaluation)):
        jobs = {entry.job_id for entry in entries if entry.job_kind == kind}
        if jobs:
            query = select(table.id, Model.name).join(Model, col(table.model_id) == col(Model.id))
            found |= {(kind.value, job_id): name for job_id, name in session.exec(query.where(col(table.id).in_(jobs)))}
    return found
