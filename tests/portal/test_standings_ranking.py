"""Ranking: worked examples for every rule, and what must hold whatever the laps are."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.rules.standings import Entry, LapTime, Standing, rank
from portal.tables import Ranking
from tests.cast import NOON

RANKINGS = list(Ranking)
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The first draw of a process reads every module for constants, which takes seconds on a busy machine."""


def run(
    racer: str,
    *times_ms: int | None,
    resets: int = 0,
    minute: int = 0,
    name: str | None = None,
) -> Entry:
    """A run of laps; None is a lap that was not completed. All resets are in the first lap."""
    laps = tuple(
        LapTime(time_ms or 9_999, resets if number == 0 else 0, time_ms is not None)
        for number, time_ms in enumerate(times_ms)
    )
    return Entry(name or f"{racer}-{minute}", racer, NOON + timedelta(minutes=minute), laps)


def order(rows: list[Standing]) -> list[object]:
    return [row.racer for row in rows]


def test_total_adds_up_every_complete_lap() -> None:
    entries = [
        run("alice", 10_000, 10_500, 11_000),
        run("bob", 9_000, 12_000, 10_000),
        run("carol", 8_000, 8_000, 16_000),
    ]
    rows = rank(entries, ranking="total", minimum_laps=3)
    assert [(row.place, row.racer, row.result_ms) for row in rows] == [
        (1, "bob", 31_000),
        (2, "alice", 31_500),
        (3, "carol", 32_000),
    ]
    assert [row.gap_ms for row in rows] == [None, 500, 1_000]
    assert [row.interval_ms for row in rows] == [None, 500, 500]


def test_total_puts_more_laps_before_less_time() -> None:
    rows = rank([run("alice", 5_000, 5_000, None), run("bob", 9_000, 9_000, 9_000)], ranking="total", minimum_laps=2)
    assert order(rows) == ["bob", "alice"]
    assert (rows[1].gap_ms, rows[1].gap_laps) == (None, 1)
    assert (rows[1].interval_ms, rows[1].interval_laps) == (None, 1)


def test_average_is_the_best_window_of_laps_in_a_row() -> None:
    entries = [run("alice", 12_000, 8_000, 9_000, 11_000), run("bob", 8_000, 12_000, 8_000, 12_000)]
    rows = rank(entries, ranking="average", minimum_laps=2)
    assert [(row.racer, row.result_ms) for row in rows] == [("alice", 8_500), ("bob", 10_000)]


def test_average_never_spans_a_lap_that_was_not_completed() -> None:
    rows = rank([run("alice", 5_000, None, 5_000, 9_000)], ranking="average", minimum_laps=2)
    assert rows[0].result_ms == 7_000


def test_average_is_rounded_for_the_page_but_compared_exactly() -> None:
    entries = [run("alice", 1_000, 1_001, 1_001), run("bob", 1_001, 1_000, 1_000)]
    rows = rank(entries, ranking="average", minimum_laps=3)
    assert [(row.racer, row.result_ms) for row in rows] == [("bob", 1_000), ("alice", 1_001)]


def test_best_is_the_best_complete_lap() -> None:
    rows = rank([run("alice", 9_000, 8_000), run("bob", 8_500, None)], ranking="best", minimum_laps=1)
    assert [(row.racer, row.result_ms, row.laps) for row in rows] == [("alice", 8_000, 2), ("bob", 8_500, 1)]


@pytest.mark.parametrize("ranking", RANKINGS)
def test_a_run_without_the_minimum_laps_in_a_row_is_not_ranked(ranking: Ranking) -> None:
    entries = [run("alice", 5_000, None, 5_000, 5_000), run("bob", 9_000, 9_000, 9_000)]
    assert order(rank(entries, ranking=ranking, minimum_laps=3)) == ["bob"]
    assert set(order(rank(entries, ranking=ranking, minimum_laps=2))) == {"alice", "bob"}


def test_the_best_submission_counts_and_all_are_counted() -> None:
    entries = [
        run("alice", 10_000, minute=0),
        run("alice", 9_000, resets=2, minute=1),
        run("alice", 11_000, minute=2),
        run("alice", None, minute=3),
    ]
    (row,) = rank(entries, ranking="best", minimum_laps=1)
    assert (row.submission, row.submissions, row.resets, row.best_lap_ms) == ("alice-1", 4, 2, 9_000)
    assert row.last_lap == LapTime(9_999, 0, complete=False)


def test_equal_results_are_decided_by_fewer_resets() -> None:
    entries = [run("alice", 9_000, 11_000, resets=1), run("bob", 10_000, 10_000, minute=5)]
    assert order(rank(entries, ranking="total", minimum_laps=2)) == ["bob", "alice"]


def test_then_by_the_better_best_lap() -> None:
    entries = [run("alice", 10_000, 10_000), run("bob", 9_000, 11_000, minute=5)]
    assert order(rank(entries, ranking="total", minimum_laps=2)) == ["bob", "alice"]


def test_then_by_the_earlier_submission() -> None:
    entries = [run("alice", 10_000, minute=5), run("bob", 10_000, minute=1)]
    rows = rank(entries, ranking="best", minimum_laps=1)
    assert order(rows) == ["bob", "alice"]
    assert [row.place for row in rows] == [1, 2]
    assert rows[1].gap_ms == 0


def test_delta_says_what_the_newest_result_moved() -> None:
    entries = [run("alice", 9_000, minute=0), run("bob", 10_000, minute=1), run("carol", 11_000, minute=2)]
    moved = rank([*entries, run("carol", 8_000, minute=3)], ranking="best", minimum_laps=1)
    assert [(row.racer, row.delta) for row in moved] == [("carol", 2), ("alice", -1), ("bob", -1)]
    joined = rank([*entries, run("dave", 9_500, minute=3)], ranking="best", minimum_laps=1)
    assert [(row.racer, row.delta) for row in joined] == [("alice", 0), ("dave", None), ("bob", -1), ("carol", -1)]


def test_the_newest_result_is_the_one_that_finished_last_not_the_one_entered_last() -> None:
    slow_worker = Entry("a-0", "alice", NOON, (LapTime(8_000),), finished_at=NOON + timedelta(minutes=9))
    quick_worker = Entry("b-0", "bob", NOON + timedelta(minutes=1), (LapTime(9_000),), NOON + timedelta(minutes=2))
    rows = rank([slow_worker, quick_worker], ranking="best", minimum_laps=1)
    assert [(row.racer, row.delta) for row in rows] == [("alice", None), ("bob", -1)]


def test_no_entries_make_no_rows() -> None:
    assert rank([], ranking="total", minimum_laps=3) == []


def test_it_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="fastest"):
        rank([], ranking="fastest", minimum_laps=1)
    with pytest.raises(ValueError, match="at least 1"):
        rank([], ranking="best", minimum_laps=0)
    with pytest.raises(ValueError, match="same submission"):
        rank([run("alice", 1), run("alice", 2)], ranking="best", minimum_laps=1)


laps = st.builds(LapTime, st.integers(1, 40), st.integers(0, 2), st.booleans())
drives = st.tuples(st.sampled_from("abcd"), st.integers(0, 3), st.lists(laps, min_size=1, max_size=5))


@st.composite
def fields(draw: st.DrawFn) -> list[Entry]:
    """Up to a dozen runs of four racers, with many equal times."""
    return [
        Entry(f"{number:02}", racer, NOON + timedelta(minutes=minute), tuple(driven))
        for number, (racer, minute, driven) in enumerate(draw(st.lists(drives, max_size=12)))
    ]


def test_the_latest_counts_where_the_race_says_so_better_or_not() -> None:
    entries = [
        run("alice", 8_000, minute=1),
        run("alice", 9_500, minute=5),
        run("bob", 9_000, minute=2),
        run("carol", 7_000, minute=3),
        run("carol", None, minute=4),
    ]
    best = rank(entries, ranking="best", minimum_laps=1)
    latest = rank(entries, ranking="best", minimum_laps=1, counts="latest")
    assert order(best) == ["carol", "alice", "bob"]
    assert [(row.racer, row.result_ms) for row in latest] == [("bob", 9_000), ("alice", 9_500)]
    assert latest[1].best_lap_ms == 8_000, "the best lap of all runs stays to be seen"
    assert [row.delta for row in latest] == [1, -1]


def test_the_latest_is_that_which_was_finished_last() -> None:
    slow_worker = replace(run("alice", 9_000, minute=1), finished_at=NOON + timedelta(minutes=9))
    quick_worker = replace(run("alice", 8_000, minute=2), finished_at=NOON + timedelta(minutes=3))
    (row,) = rank([slow_worker, quick_worker], ranking="best", minimum_laps=1, counts="latest")
    assert row.submission == slow_worker.submission


@patient
@given(fields(), st.sampled_from(RANKINGS), st.integers(1, 3), st.randoms())
def test_with_the_latest_the_order_of_the_entries_does_not_matter(
    entries: list[Entry], ranking: Ranking, minimum_laps: int, random: Random
) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)
    rules = {"ranking": ranking, "minimum_laps": minimum_laps, "counts": "latest"}
    assert rank(shuffled, **rules) == rank(entries, **rules)


@patient
@given(fields(), st.sampled_from(RANKINGS), st.integers(1, 3), st.randoms())
def test_the_order_of_the_entries_does_not_matter(
    entries: list[Entry], ranking: Ranking, minimum_laps: int, random: Random
) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)
    assert rank(shuffled, ranking=ranking, minimum_laps=minimum_laps) == rank(
        entries, ranking=ranking, minimum_laps=minimum_laps
    )


@patient
@given(fields(), st.sampled_from(RANKINGS), st.integers(1, 3))
def test_places_count_up_and_gaps_add_up(entries: list[Entry], ranking: Ranking, minimum_laps: int) -> None:
    rows = rank(entries, ranking=ranking, minimum_laps=minimum_laps)
    assert [row.place for row in rows] == list(range(1, len(rows) + 1))
    assert len({row.racer for row in rows}) == len(rows)
    for ahead, row in itertools.pairwise(rows):
        if row.interval_ms is not None:
            assert row.interval_ms == row.result_ms - ahead.result_ms >= 0
        if row.gap_ms is not None:
            assert row.gap_ms == row.result_ms - rows[0].result_ms >= 0
        assert (row.interval_ms is None) == (row.interval_laps > 0)


def _slower(entry: Entry, by_ms: int, name: str) -> Entry:
    """The same drive, later and slower in every lap."""
    driven = tuple(LapTime(lap.time_ms + by_ms, lap.resets, lap.complete) for lap in entry.laps)
    return Entry(name, entry.racer, entry.submitted_at + timedelta(days=1), driven)


@patient
@given(fields().filter(bool), st.sampled_from(RANKINGS), st.integers(1, 3), st.integers(0, 50), st.data())
def test_a_slower_submission_hurts_nobody_not_even_its_own_racer(
    entries: list[Entry], ranking: Ranking, minimum_laps: int, by_ms: int, data: st.DataObject
) -> None:
    repeated = _slower(data.draw(st.sampled_from(entries)), by_ms, "slower")
    before = rank(entries, ranking=ranking, minimum_laps=minimum_laps)
    after = rank([*entries, repeated], ranking=ranking, minimum_laps=minimum_laps)
    assert [(row.racer, row.place, row.result_ms, row.submission) for row in before] == [
        (row.racer, row.place, row.result_ms, row.submission) for row in after
    ]
    assert all(row.delta == 0 for row in after)


@patient
@given(fields(), st.sampled_from(RANKINGS), st.integers(1, 3), st.sampled_from("abcd"), st.lists(laps, max_size=4))
def test_another_racers_run_never_changes_who_of_two_is_ahead(
    entries: list[Entry], ranking: Ranking, minimum_laps: int, racer: str, driven: list[LapTime]
) -> None:
    """Independence: a new run of one racer leaves the others in their order."""
    extra = Entry("extra", racer, NOON, tuple(driven))
    before = order(rank(entries, ranking=ranking, minimum_laps=minimum_laps))
    after = order(rank([*entries, extra], ranking=ranking, minimum_laps=minimum_laps))
    assert [other for other in before if other != racer] == [other for other in after if other != racer]
