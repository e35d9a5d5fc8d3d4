"""The forecast of a month: known numbers, its range, and when it is too early to say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from portal.rules import forecast

DOLLAR = 1_000_000
TEN_DAYS = timedelta(days=10)


def test_even_days_lead_to_one_sure_number() -> None:
    found = forecast.month_end(20 * DOLLAR, [2 * DOLLAR] * 7, left=TEN_DAYS)
    assert found == forecast.Forecast(40 * DOLLAR, 40 * DOLLAR, 40 * DOLLAR, 7)


def test_uneven_days_have_a_range_by_students_t() -> None:
    found = forecast.month_end(20 * DOLLAR, [0, 0, 0, 7 * DOLLAR, 7 * DOLLAR, 0, 0], left=TEN_DAYS)
    assert found is not None
    # mean 2; standard deviation 3.4157; 1.44 * 3.4157 * sqrt(10 * (1 + 10 / 7)) = 24.24
    assert found.microusd == 40 * DOLLAR
    assert found.high_microusd == 64_238_812
    assert found.low_microusd == 20 * DOLLAR  # what is spent is spent


def test_storage_that_is_still_to_be_charged_is_added_and_is_sure() -> None:
    found = forecast.month_end(5 * DOLLAR, [0] * 7, left=TEN_DAYS, storage_microusd=3 * DOLLAR)
    assert found == forecast.Forecast(8 * DOLLAR, 8 * DOLLAR, 8 * DOLLAR, 7)


def test_a_part_of_a_day_counts_in_part() -> None:
    found = forecast.month_end(0, [24 * DOLLAR] * 3, left=timedelta(hours=1))
    assert found is not None
    assert found.microusd == DOLLAR


def test_without_a_whole_day_it_is_too_early_to_say() -> None:
    assert forecast.month_end(5 * DOLLAR, [], left=TEN_DAYS) is None


def test_one_or_two_days_tell_a_number_and_no_range() -> None:
    found = forecast.month_end(DOLLAR, [DOLLAR, 3 * DOLLAR], left=TEN_DAYS)
    assert found == forecast.Forecast(21 * DOLLAR, None, None, 2)


def test_the_time_left_ends_at_midnight_in_utc_and_is_never_negative() -> None:
    now = datetime(2028, 2, 29, 23, 0, tzinfo=UTC)
    assert forecast.until(date(2028, 3, 1), now) == timedelta(hours=1)
    assert forecast.until(date(2028, 2, 1), now) == timedelta(0)


def test_at_the_end_of_the_month_the_forecast_is_what_was_spent() -> None:
    found = forecast.month_end(9 * DOLLAR, [0, DOLLAR, 5 * DOLLAR], left=timedelta(0))
    assert found == forecast.Forecast(9 * DOLLAR, 9 * DOLLAR, 9 * DOLLAR, 3)
