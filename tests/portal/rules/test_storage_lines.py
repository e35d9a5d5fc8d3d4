"""Storage in the ledger: a day is charged once, and the sums by day and month are those of its lines."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session, select

from portal.rules import ledger, usage_totals
from portal.tables import EntryKind, JobKind, LedgerEntry, UsageDay
from tests.cast import NOON, make_racer

GB = ledger.GB_BYTES


def test_a_gigabyte_for_a_whole_month_costs_the_price_of_a_gb_month() -> None:
    days = [ledger.storage_cost(GB, date(2026, 6, day), 23_000) for day in range(1, 31)]
    assert abs(sum(days) - 23_000) <= 15  # each day is rounded to the millionth of a dollar


def test_february_spreads_the_same_price_over_fewer_days() -> None:
    assert ledger.storage_cost(GB, date(2026, 2, 1), 28_000) == 1000
    assert ledger.storage_cost(GB, date(2026, 7, 1), 31_000) == 1000


def test_a_day_is_charged_once_and_nothing_stored_costs_nothing(session: Session) -> None:
    account = ledger.account_of(session, make_racer(session))
    assert ledger.store(session, account, 30 * GB, date(2026, 5, 31), now=NOON)
    assert not ledger.store(session, account, 99 * GB, date(2026, 5, 31), now=NOON)
    assert not ledger.store(session, account, 0, date(2026, 6, 1), now=NOON)
    lines = session.exec(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.STORE)).all()
    assert [(line.byte_days, line.amount_microusd, line.on_day) for line in lines] == [
        (30 * GB, ledger.storage_cost(30 * GB, date(2026, 5, 31), 23_000), date(2026, 5, 31))
    ]
    session.refresh(account)
    assert account.spent_microusd == lines[0].amount_microusd == 22_258


def test_the_sums_by_day_and_month_are_those_of_the_ledgers_lines(session: Session) -> None:
    account = ledger.account_of(session, make_racer(session))
    for number, kind in enumerate((JobKind.TRAINING, JobKind.EVALUATION, JobKind.TRAINING)):
        ledger.reserve(session, account, kind, number, 60_000, now=NOON)
        ledger.settle(session, kind, number, 36_000, 3_500_000, now=NOON)
    ledger.store(session, account, GB, date(2026, 5, 31), now=NOON)
    months = usage_totals.months_of(session, account)
    assert months == usage_totals.recompute(session, account)
    june = months[date(2026, 6, 1)]
    assert (june["trainings"], june["training_ms"], june["training_microusd"]) == (2, 72_000, 70_000)
    assert (june["evaluations"], june["evaluation_ms"], june["evaluation_microusd"]) == (1, 36_000, 35_000)
    assert months[date(2026, 5, 1)]["byte_days"] == GB
    days = session.exec(select(UsageDay.starts_on).where(UsageDay.account_id == account.id)).all()
    assert sorted(days) == [date(2026, 5, 31), NOON.date()]
