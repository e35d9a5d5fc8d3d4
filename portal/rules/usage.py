"""Estimated spending and what it was for, by month and by day: read from the sums, never from the ledger."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from portal.rules import budgets, forecast, ledger, limits, storage
from portal.rules.broken import Code, RuleBroken
from portal.rules.forecast import Forecast
from portal.rules.usage_totals import SUMS, YEARS, month_of
from portal.tables import Account, Evaluation, Model, Race, UsageDay, UsageMonth

MONTHS_SHOWN = 12
AnySums = type[UsageDay] | type[UsageMonth]


@dataclass(frozen=True, slots=True)
class Amounts:
    """Jobs, time, storage and estimated money of a span; the names are those of the sums."""

    trainings: int = 0
    evaluations: int = 0
    training_ms: int = 0
    evaluation_ms: int = 0
    byte_days: int = 0
    training_microusd: int = 0
    evaluation_microusd: int = 0
    storage_microusd: int = 0

    @property
    def spent_microusd(self) -> int:
        return self.training_microusd + self.evaluation_microusd + self.storage_microusd

    @property
    def used_ms(self) -> int:
        return self.training_ms + self.evaluation_ms

    @property
    def jobs(self) -> int:
        return self.trainings + self.evaluations

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Amounts)))


@dataclass(frozen=True, slots=True)
class Span:
    """A day or a month, by its first day in UTC, and what was used in it."""

    starts_on: date
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Stored:
    """Models that were not deleted, and what their artefacts and those of the races' evaluations take now."""

    models: int
    model_bytes: int
    race_bytes: int

    @property
    def stored_bytes(self) -> int:
        return self.model_bytes + self.race_bytes


@dataclass(frozen=True, slots=True)
class Summary:
    """A month of the instance: what was used, how the month before compares, and where it leads."""

    month: date
    first_month: date
    """The oldest month with any usage; the month itself where there is none."""
    is_current: bool
    amounts: Amounts
    before_microusd: int | None
    """Spent in the month before, in as many days as have passed of a month in progress; None where nothing is known."""
    days: list[Span]
    """Every day of the month; of the current one to today."""
    stored: Stored
    forecast: Forecast | None
    """None for a month that is over, and where it is too early to say."""
    budget: budgets.Standing | None
    """Only of the current month."""

    @property
    def change_percent(self) -> float | None:
        """How much more than in the month before was spent; None where that is nothing."""
        if not self.before_microusd:
            return None
        return 100 * (self.amounts.spent_microusd / self.before_microusd - 1)

    @property
    def is_new(self) -> bool:
        """True where nothing was ever used."""
        return self.is_current and self.first_month == self.month and self.amounts == Amounts()


def parse_month(text: str, *, now: datetime) -> date:
    """The month of `2026-11`; this month for nothing. Raises RuleBroken (missing) for one that is none or to come."""
    current = month_of(now)
    if not text:
        return current
    try:
        month = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007  a month has no time zone
    except ValueError:
        raise RuleBroken(Code.MISSING, "There is no such month.") from None
    if month.year not in YEARS:
        raise RuleBroken(Code.MISSING, "There is no such month.")
    if month > current:
        raise RuleBroken(Code.MISSING, "This month has not begun yet.")
    return month


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month + timedelta(days=31)).replace(day=1)


def previous_month(month: date) -> date:
    """The first day of the month before."""
    return (month - timedelta(days=1)).replace(day=1)


def summary(session: Session, month: date, *, now: datetime) -> Summary:
    """A month of the whole instance, for the usage page and the overview."""
    is_current = month == month_of(now)
    last = storage.today(now) if is_current else next_month(month) - timedelta(days=1)
    earlier = previous_month(month)
    by_day = _by_day(session, min(month, last - timedelta(days=forecast.DAYS)), last)
    days = [Span(day, by_day.get(day, Amounts())) for day in _days(month, last)]
    amounts = sum((span.amounts for span in days), Amounts())
    first_day = _first_day(session)
    before_last = min(earlier + (last - month), month - timedelta(days=1)) if is_current else month - timedelta(days=1)
    stored = stored_now(session)
    return Summary(
        month=month,
        first_month=month_of(first_day) if first_day else month,
        is_current=is_current,
        amounts=amounts,
        before_microusd=_spent(session, earlier, before_last) if first_day and first_day < month else None,
        days=days,
        stored=stored,
        forecast=_forecast(session, amounts, by_day, first_day, stored, now) if is_current else None,
        budget=budgets.instance(session, now=now) if is_current else None,
    )


def first_month(session: Session) -> date | None:
    """The oldest month with any usage."""
    first_day = _first_day(session)
    return month_of(first_day) if first_day else None


def _first_day(session: Session) -> date | None:
    return session.exec(select(func.min(UsageDay.starts_on))).one()


def _forecast(
    session: Session,
    amounts: Amounts,
    by_day: dict[date, Amounts],
    first_day: date | None,
    stored: Stored,
    now: datetime,
) -> Forecast | None:
    today = storage.today(now)
    if first_day is None:
        return None
    looked_at = _days(max(first_day, today - timedelta(days=forecast.DAYS)), today - timedelta(days=1))
    recent = [_jobs_cost(by_day.get(day, Amounts())) for day in looked_at]
    given = limits.current(session)
    end = next_month(month_of(today))
    charged = given.storage_charged_on is not None and given.storage_charged_on >= today
    to_charge = (end - today).days - (1 if charged else 0)
    a_day = ledger.storage_cost(stored.stored_bytes, today, given.storage_gb_month_microusd)
    return forecast.month_end(
        amounts.spent_microusd, recent, left=forecast.until(end, now), storage_microusd=to_charge * a_day
    )


def _jobs_cost(amounts: Amounts) -> int:
    return amounts.training_microusd + amounts.evaluation_microusd


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _by_day(session: Session, first: date, last: date) -> dict[date, Amounts]:
    return {span.starts_on: span.amounts for span in _summed(session, UsageDay, first, last)}


def _spent(session: Session, first: date, last: date) -> int:
    cost = col(UsageDay.training_microusd) + col(UsageDay.evaluation_microusd) + col(UsageDay.storage_microusd)
    within = (col(UsageDay.starts_on) >= first, col(UsageDay.starts_on) <= last)
    return int(session.exec(select(func.coalesce(func.sum(cost), 0)).where(*within)).one())


def _summed(session: Session, table: AnySums, first: date, last: date, *besides: ColumnElement[bool]) -> list[Span]:
    """The sums over all accounts, or those that `besides` selects, from one first day to another."""
    sums: list[ColumnElement[Any]] = [func.sum(getattr(table, name)) for name in SUMS]
    within = (col(table.starts_on) >= first, col(table.starts_on) <= last, *besides)
    query: Any = select(col(table.starts_on), *sums)
    rows = session.exec(query.where(*within).group_by(col(table.starts_on)).order_by(col(table.starts_on)))
    return [Span(row[0], Amounts(*(int(value) for value in row[1:]))) for row in rows]


def stored_now(session: Session) -> Stored:
    """What is stored now."""
    count, size = session.exec(
        select(func.count(), func.coalesce(func.sum(Model.stored_bytes), 0)).where(col(Model.deleted_at).is_(None))
    ).one()
    there = select(Race.id).where(col(Race.deleted_at).is_(None))
    races = session.exec(
        select(func.coalesce(func.sum(Evaluation.size_bytes), 0)).where(
            col(Evaluation.race_id).in_(there), col(Evaluation.artefact).is_not(None)
        )
    ).one()
    return Stored(count, int(size), int(races))


def months(session: Session, last: date, count: int = MONTHS_SHOWN) -> list[Span]:
    """So many months up to one, the oldest first, those without usage too."""
    wanted = [last]
    while len(wanted) < count:
        wanted.insert(0, previous_month(wanted[0]))
    found = {span.starts_on: span.amounts for span in _summed(session, UsageMonth, wanted[0], last)}
    return [Span(month, found.get(month, Amounts())) for month in wanted]


def of_race(session: Session, race: Race) -> Amounts:
    """What a race has cost so far: its evaluations and what they keep on the disk."""
    query = select(UsageMonth).join(Account, col(Account.id) == col(UsageMonth.account_id))
    rows = session.exec(query.where(Account.race_id == race.id))
    return sum((amounts_of(row) for row in rows), Amounts())


def amounts_of(row: UsageMonth) -> Amounts:
    """A stored row of sums."""
    return Amounts(*(getattr(row, name) for name in SUMS))
