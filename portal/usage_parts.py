"""Pieces of the usage pages: charts, tables as CSV, and what each page shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from flask_babel import format_date
from flask_babel import gettext as _
from sqlmodel import Session

from portal import charts, clock, formats, scope
from portal.charts import Values
from portal.rules import alerts, spenders, usage, usage_totals
from portal.rules.spenders import BY_SPENDING, Spender, SpenderPage
from portal.rules.usage import Amounts, Span, Summary

COLUMNS = tuple(Amounts.__dataclass_fields__)
"""The columns of amounts in every CSV, as integers in the units of their names."""


def page(month: date) -> dict[str, Any]:
    """What the usage page shows of a month."""
    session = scope.reading()
    summary = usage.summary(session, month, now=clock.now())
    months = usage.months(session, month)
    return {
        "summary": summary,
        "months": months,
        "choices": choices(summary.first_month),
        "day_chart": charts.stacked([_day_values(span) for span in _whole_month(summary)]),
        "month_chart": charts.stacked([_month_values(span, summary) for span in months]),
        "racers": spenders.racers(session, month, size=spenders.TOP),
        "races": spenders.races(session, month, size=spenders.TOP),
        "alert_banner": alerts.banner(session, now=clock.now()),
    }


def choices(first: date) -> list[date]:
    """The months that can be looked at, the newest first."""
    months = [usage_totals.month_of(clock.now())]
    while months[-1] > first:
        months.append(usage.previous_month(months[-1]))
    return months


def table(of: str, month: date, arguments: dict[str, str], *, page: int, whole: bool = False) -> SpenderPage:
    """A page of racers or of races, or all of it, by what the address asks for."""
    listed = spenders.racers if of == "racers" else spenders.races
    search, sort = arguments.get("q", "").strip(), arguments.get("sort", BY_SPENDING)
    size = None if whole else spenders.PAGE_SIZE
    return listed(scope.reading(), month, search=search, sort=sort, page=page, size=size)


def csv_of_spans(spans: list[Span], name: str) -> tuple[tuple[str, ...], Iterator[tuple[object, ...]]]:
    """A header and rows of days or months."""
    return (name, *COLUMNS, "spent_microusd"), ((span.starts_on, *_row(span.amounts)) for span in spans)


def csv_of_spenders(rows: list[Spender], of: str) -> tuple[tuple[str, ...], Iterator[tuple[object, ...]]]:
    """A header and rows of racers or races."""
    names = ("alias", "name", "email") if of == "racers" else ("race", "owner", "deleted_at")
    return (*names, *COLUMNS, "spent_microusd"), ((*_names(row), *_row(row.amounts)) for row in rows)


def spans_of(session: Session, of: str, month: date) -> list[Span]:
    """The months up to one, or its days."""
    return usage.months(session, month) if of == "months" else usage.summary(session, month, now=clock.now()).days


def _names(row: Spender) -> tuple[object, ...]:
    if row.race is None:
        return (row.racer.alias, row.racer.name, row.racer.email)
    return (row.race.name, row.racer.alias, row.race.deleted_at)


def _row(amounts: Amounts) -> tuple[int, ...]:
    return (*(getattr(amounts, name) for name in COLUMNS), amounts.spent_microusd)


def _whole_month(summary: Summary) -> list[Span]:
    """The days with those to come, so that the chart keeps its width all month."""
    last = usage.next_month(summary.month)
    coming = range(len(summary.days), (last - summary.month).days)
    return [*summary.days, *(Span(summary.month.replace(day=number + 1), Amounts()) for number in coming)]


def _kinds(amounts: Amounts) -> tuple[tuple[str, int], ...]:
    return (
        ("training", amounts.training_microusd),
        ("evaluation", amounts.evaluation_microusd),
        ("storage", amounts.storage_microusd),
    )


def _day_values(span: Span) -> Values:
    words = f"{formats.day(span.starts_on)}: {_money(span.amounts)}"
    return Values(str(span.starts_on.day), words, _kinds(span.amounts))


def _month_values(span: Span, summary: Summary) -> Values:
    amounts, words = _kinds(span.amounts), f"{formats.month_name(span.starts_on)}: {_money(span.amounts)}"
    if summary.forecast is not None and span.starts_on == summary.month:
        coming = summary.forecast.microusd - span.amounts.spent_microusd
        amounts = (*amounts, ("forecast", max(0, coming)))
        words += " " + _("(forecast %(money)s)", money=formats.money(summary.forecast.microusd))
    return Values(str(format_date(span.starts_on, "LLL")), words, amounts)


def _money(amounts: Amounts) -> str:
    return _(
        "%(total)s: training %(training)s, evaluation %(evaluation)s, storage %(storage)s",
        total=formats.money(amounts.spent_microusd),
        training=formats.money(amounts.training_microusd),
        evaluation=formats.money(amounts.evaluation_microusd),
        storage=formats.money(amounts.storage_microusd),
    )


def axis_money(microusd: int) -> str:
    """A round amount at a line of a chart, without needless cents."""
    return f"${microusd // 1_000_000:,}" if microusd % 1_000_000 == 0 else formats.money(microusd)
