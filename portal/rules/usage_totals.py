"""Usage summed by account, day and month: added to with every line of the ledger that used or cost something."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from portal.tables import Account, EntryKind, LedgerEntry, UsageDay, UsageMonth

SUMS = (
    "trainings",
    "evaluations",
    "training_ms",
    "evaluation_ms",
    "byte_days",
    "training_microusd",
    "evaluation_microusd",
    "storage_microusd",
)
"""The columns that are added up."""


YEARS = range(2000, 2101)
"""Years that a month or day in an address may name: at the calendar's ends there is no month before or after."""


def month_of(day: date | datetime) -> date:
    """The first day of the calendar month, in UTC."""
    if isinstance(day, datetime):
        day = day.astimezone(UTC).date()
    return day.replace(day=1)


def day_of(line: LedgerEntry) -> date:
    """The day that a line counts for: a storage line names it, any other is of the moment it was written."""
    return line.on_day or line.at.astimezone(UTC).date()


def amounts_of(line: LedgerEntry) -> dict[str, int]:
    """What a line adds to the sums; empty for one that used and cost nothing (a grant, a reservation)."""
    if line.kind == EntryKind.STORE:
        return {"byte_days": line.byte_days, "storage_microusd": line.amount_microusd}
    if line.kind != EntryKind.SETTLE:
        return {}
    kind = line.job_kind
    return {f"{kind}s": 1, f"{kind}_ms": line.used_ms, f"{kind}_microusd": line.amount_microusd}


def add(session: Session, line: LedgerEntry) -> None:
    """Adds a line to its account's day and month, in the transaction that writes the line."""
    amounts, day = amounts_of(line), day_of(line)
    if amounts:
        _add_to(session, UsageDay, line.account_id, day, amounts)
        _add_to(session, UsageMonth, line.account_id, month_of(day), amounts)


def _add_to(
    session: Session,
    table: type[UsageDay] | type[UsageMonth],
    account_id: int,
    starts_on: date,
    amounts: dict[str, int],
) -> None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(account_id=account_id, starts_on=starts_on, **(dict.fromkeys(SUMS, 0) | amounts))
    added = {name: getattr(table, name) + statement.excluded[name] for name in amounts}
    session.exec(statement.on_conflict_do_update(index_elements=["account_id", "starts_on"], set_=added))


def recompute(session: Session, account: Account) -> dict[date, dict[str, int]]:
    """The months of an account as sums of its ledger: what `usage_month` must hold at every commit."""
    months: dict[date, dict[str, int]] = {}
    for line in session.exec(select(LedgerEntry).where(LedgerEntry.account_id == account.id)):
        amounts = amounts_of(line)
        if amounts:
            month = months.setdefault(month_of(day_of(line)), dict.fromkeys(SUMS, 0))
            for name, amount in amounts.items():
                month[name] += amount
    return months


def months_of(session: Session, account: Account) -> dict[date, dict[str, int]]:
    """The stored months of an account, oldest first."""
    query = select(UsageMonth).where(UsageMonth.account_id == account.id).order_by(col(UsageMonth.starts_on))
    return {row.starts_on: {name: getattr(row, name) for name in SUMS} for row in session.exec(query)}
