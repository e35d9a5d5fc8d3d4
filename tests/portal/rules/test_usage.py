"""Spending by month, day, racer and race: what the usage page reads."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session

from portal.rules import ledger, limits, spenders, storage, usage
from portal.rules.broken import Code, RuleBroken
from portal.rules.usage import Amounts
from portal.tables import HOUR_MS, Account, JobKind, Racer, Sponsorship
from tests.cast import make_racer
from tests.jobs.paddock_yard import make_model
from tests.portal.races_cast import make_race
from tests.portal.usage_cast import keep, spend

GB = ledger.GB_BYTES
NOW = datetime(2026, 6, 11, 12, 0, tzinfo=UTC)
JUNE, MAY = date(2026, 6, 1), date(2026, 5, 1)
HOUR_COSTS = 3_500_000


def at(day: int, month: int = 6) -> datetime:
    return datetime(2026, month, day, 9, 0, tzinfo=UTC)


def account(session: Session, alias: str = "alice", **values: Sponsorship) -> Account:
    return ledger.account_of(session, make_racer(session, alias, quota_ms=1000 * HOUR_MS, **values))  # type: ignore[arg-type]


def test_a_month_is_the_sum_of_its_days_by_what_it_was_for(session: Session) -> None:
    alice = account(session)
    spend(session, alice, at(1))
    spend(session, alice, at(2), minutes=30, kind=JobKind.EVALUATION)
    keep(session, alice, JUNE, 2, GB, NOW)
    found = usage.summary(session, JUNE, now=NOW)
    assert found.amounts == Amounts(1, 1, 3_600_000, 1_800_000, 2 * GB, HOUR_COSTS, HOUR_COSTS // 2, 2 * 767)
    assert [span.starts_on.day for span in found.days] == list(range(1, 12))
    assert sum((span.amounts for span in found.days), Amounts()) == found.amounts
    assert found.days[1].amounts.evaluation_microusd == HOUR_COSTS // 2


def test_what_ends_at_a_months_edge_counts_for_its_own_month(session: Session) -> None:
    alice = account(session)
    spend(session, alice, datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC))
    spend(session, alice, datetime(2026, 6, 1, 0, 0, tzinfo=UTC))
    spend(session, alice, datetime.fromisoformat("2026-05-31T22:00:00-04:00"))  # June in UTC
    assert usage.summary(session, MAY, now=NOW).amounts.trainings == 1
    assert usage.summary(session, JUNE, now=NOW).amounts.trainings == 2


def test_a_month_in_progress_is_compared_with_as_many_days_of_the_month_before(session: Session) -> None:
    alice = account(session)
    spend(session, alice, at(10, 5))
    spend(session, alice, at(12, 5))
    spend(session, alice, at(3), minutes=90)
    found = usage.summary(session, JUNE, now=NOW)
    assert found.before_microusd == HOUR_COSTS
    assert found.change_percent == pytest.approx(50)
    whole = usage.summary(session, MAY, now=NOW)
    assert (whole.amounts.spent_microusd, whole.before_microusd, whole.forecast) == (2 * HOUR_COSTS, None, None)


def test_a_long_month_is_compared_with_the_whole_of_a_short_one(session: Session) -> None:
    alice = account(session)
    spend(session, alice, at(28, 2))
    spend(session, alice, at(1, 3))
    found = usage.summary(session, date(2026, 3, 1), now=at(31, 3))
    assert found.before_microusd == HOUR_COSTS == found.amounts.spent_microusd


def test_the_forecast_is_spent_so_far_and_the_mean_of_seven_days_and_storage(session: Session) -> None:
    alice = account(session)
    for day in range(1, 11):
        spend(session, alice, at(day))
    model = make_model(session, session.get_one(Racer, alice.racer_id))
    model.stored_bytes = 100 * GB
    session.flush()
    found = usage.summary(session, JUNE, now=NOW).forecast
    storage_a_day = ledger.storage_cost(100 * GB, NOW.date(), 23_000)
    assert found is not None
    assert found.days == 7
    assert found.microusd == 10 * HOUR_COSTS + round(19.5 * HOUR_COSTS) + 20 * storage_a_day
    storage.finish(session, NOW.date())
    session.expire_all()
    again = usage.summary(session, JUNE, now=NOW).forecast
    assert again is not None
    assert again.microusd == found.microusd - storage_a_day  # today is charged


def test_days_before_the_first_use_do_not_pull_the_mean_down(session: Session) -> None:
    alice = account(session)
    spend(session, alice, at(9))
    spend(session, alice, at(10))
    found = usage.summary(session, JUNE, now=NOW).forecast
    assert found is not None
    assert (found.days, found.low_microusd) == (2, None)
    assert found.microusd == 2 * HOUR_COSTS + round(19.5 * HOUR_COSTS)


def test_on_the_first_day_it_is_too_early_to_say(session: Session) -> None:
    alice = account(session)
    assert usage.summary(session, JUNE, now=NOW).forecast is None
    spend(session, alice, at(11))
    assert usage.summary(session, JUNE, now=NOW).forecast is None


def test_a_new_instance_has_nothing_and_says_so(session: Session) -> None:
    found = usage.summary(session, JUNE, now=NOW)
    assert found.is_new
    assert (found.first_month, found.before_microusd, found.change_percent) == (JUNE, None, None)
    assert [span.amounts for span in usage.months(session, JUNE)] == [Amounts()] * 12


def test_twelve_months_without_a_hole_end_with_the_one_that_is_asked_for(session: Session) -> None:
    alice = account(session)
    spend(session, alice, at(5, 2))
    spend(session, alice, at(5))
    found = usage.months(session, JUNE)
    assert [span.starts_on for span in found][:2] == [date(2025, 7, 1), date(2025, 8, 1)]
    assert [span.starts_on.month for span in found if span.amounts.trainings] == [2, 6]


def test_a_leap_february_has_29_days(session: Session) -> None:
    spend(session, account(session), datetime(2028, 2, 29, 23, 0, tzinfo=UTC))
    found = usage.summary(session, date(2028, 2, 1), now=datetime(2028, 3, 5, tzinfo=UTC))
    assert len(found.days) == 29
    assert found.days[-1].amounts.trainings == 1


@pytest.mark.parametrize("text", ["2026-13", "2026", "junk", "2026-07", "9999-01", "../etc"])
def test_a_month_that_is_none_or_to_come_is_missing(text: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        usage.parse_month(text, now=NOW)
    assert refused.value.code == Code.MISSING


def test_months_are_written_with_year_and_month() -> None:
    assert usage.parse_month("", now=NOW) == JUNE == usage.parse_month("2026-06", now=NOW)
    assert usage.next_month(date(2026, 12, 1)) == date(2027, 1, 1)
    assert usage.previous_month(date(2026, 1, 1)) == date(2025, 12, 1)


def test_racers_are_listed_by_what_they_spent_the_ended_ones_too(session: Session) -> None:
    spend(session, account(session, "alice"), at(1))
    spend(session, account(session, "bob", sponsorship=Sponsorship.ENDED), at(1), minutes=120)
    account(session, "carol")
    spend(session, account(session, "dora"), at(1, 5))
    found = spenders.racers(session, JUNE)
    assert [row.racer.alias for row in found.rows] == ["bob", "alice"]
    assert (found.total, found.most_microusd) == (2, 2 * HOUR_COSTS)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["alice", "bob", "carol"]),
        ("-name", ["carol", "bob", "alice"]),
        ("-hours", ["carol", "bob", "alice"]),
        ("jobs", ["bob", "carol", "alice"]),
        ("-stored", ["alice", "bob", "carol"]),
        ("nonsense; drop table", ["alice", "bob", "carol"]),
    ],
)
def test_the_table_is_sorted_by_what_was_asked(session: Session, sort: str, expected: list[str]) -> None:
    for alias, minutes, jobs, stored in (("alice", 1, 3, 30), ("bob", 20, 1, 20), ("carol", 30, 2, 10)):
        whose = account(session, alias)
        for _ in range(jobs):
            spend(session, whose, at(1), minutes=minutes)
        keep(session, whose, JUNE, 1, stored, NOW)
    assert [row.racer.alias for row in spenders.racers(session, JUNE, sort=sort).rows] == expected


def test_search_takes_signs_literally_and_pages_end_with_the_last(session: Session) -> None:
    for number in range(5):
        spend(session, account(session, f"alice-{number}"), at(1), minutes=number + 1)
    assert spenders.racers(session, JUNE, search="ALICE-3").total == 1
    assert spenders.racers(session, JUNE, search="%").total == 0
    far = spenders.racers(session, JUNE, page=99, size=2)
    assert ([row.racer.alias for row in far.rows], far.page, far.total) == (["alice-0"], 3, 5)
    assert len(spenders.racers(session, JUNE, size=None).rows) == 5


def test_a_race_costs_its_evaluations_and_their_storage_also_when_it_is_deleted(session: Session) -> None:
    alice = make_racer(session)
    race = make_race(session, alice, now=NOW)
    paying = ledger.race_account(session, race)
    spend(session, paying, at(2), kind=JobKind.EVALUATION)
    spend(session, paying, at(2, 5), kind=JobKind.EVALUATION)
    keep(session, paying, JUNE, 1, GB, NOW)
    race.deleted_at = NOW
    session.flush()
    (row,) = spenders.races(session, JUNE, search="sunday").rows
    assert (row.race, row.racer) == (race, alice)
    assert row.amounts.spent_microusd == HOUR_COSTS + 767
    assert usage.of_race(session, race).spent_microusd == 2 * HOUR_COSTS + 767


def test_the_budget_is_that_of_the_current_month(session: Session) -> None:
    limits.change(session, by=None, now=NOW, monthly_budget_microusd=5 * HOUR_COSTS)
    spend(session, account(session), at(1))
    found = usage.summary(session, JUNE, now=NOW)
    assert found.budget is not None
    assert (found.budget.spent_microusd, found.budget.budget_microusd) == (HOUR_COSTS, 5 * HOUR_COSTS)
    assert usage.summary(session, MAY, now=NOW).budget is None


def test_models_that_were_deleted_are_not_stored_any_more(session: Session) -> None:
    alice = make_racer(session)
    for name in ("kept", "gone"):
        make_model(session, alice, name).stored_bytes = 500
    make_model(session, alice, "gone too").deleted_at = NOW - timedelta(days=1)
    session.flush()
    assert usage.stored_now(session) == usage.Stored(2, 1000, 0)
