"""Which team is ahead, by examples and by properties."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.rules.ranking import Entry, LapTime, Standing, rank
from portal.rules.team_ranking import rank_teams
from tests.cast import NOON


def standing(racer: str, place: int, result_ms: int, *, laps: int = 3, resets: int = 0, best_ms: int = 0) -> Standing:
    return Standing(
        place=place,
        racer=racer,
        submission=racer,
        result_ms=result_ms,
        best_lap_ms=best_ms or result_ms,
        last_lap=None,
        gap_ms=None,
        gap_laps=0,
        interval_ms=None,
        interval_laps=0,
        laps=laps,
        resets=resets,
        submissions=1,
        delta=None,
    )


TEAMS = {"a": "X", "b": "X", "c": "Y", "d": "Y", "e": "Z"}


def test_a_team_stands_where_its_best_racer_stands() -> None:
    rows = [standing("c", 1, 10), standing("e", 2, 11), standing("a", 3, 12), standing("b", 4, 13)]
    found = rank_teams(rows, TEAMS, scoring="best", size=2, ranking="best")
    assert [(one.team, one.place, one.result_ms, one.ranked) for one in found] == [
        ("Y", 1, 10, 1),
        ("Z", 2, 11, 1),
        ("X", 3, 12, 2),
    ]


def test_a_sum_needs_as_many_racers_as_are_counted() -> None:
    rows = [standing("e", 1, 5), standing("c", 2, 10), standing("a", 3, 12), standing("b", 4, 13), standing("d", 5, 20)]
    found = rank_teams(rows, TEAMS, scoring="sum", size=2, ranking="average")
    assert [(one.team, one.place, one.result_ms) for one in found] == [("X", 1, 25), ("Y", 2, 30), ("Z", None, None)]


def test_in_a_total_more_laps_come_before_less_time() -> None:
    rows = [standing("a", 1, 30), standing("b", 2, 31), standing("c", 3, 5, laps=2), standing("d", 4, 6, laps=2)]
    found = rank_teams(rows, TEAMS, scoring="sum", size=2, ranking="total")
    assert [one.team for one in found] == ["X", "Y"]


def test_equal_sums_go_to_fewer_resets_then_to_the_better_best_lap() -> None:
    rows = [standing("a", 1, 10, resets=2), standing("b", 4, 13), standing("c", 2, 11), standing("d", 3, 12)]
    assert rank_teams(rows, TEAMS, scoring="sum", size=2, ranking="best")[0].team == "Y"
    rows = [standing("a", 1, 10), standing("b", 4, 13), standing("c", 2, 11, best_ms=9), standing("d", 3, 12)]
    assert rank_teams(rows, TEAMS, scoring="sum", size=2, ranking="best")[0].team == "Y"


def test_it_refuses_what_ranks_no_teams() -> None:
    for scoring, size in (("none", 2), ("sum", 0), ("relay", 2)):
        with pytest.raises(ValueError, match=r"scor|relay"):
            rank_teams([], {}, scoring=scoring, size=size, ranking="best")


def entry(number: int, racer: str, times: list[int], at: datetime) -> Entry:
    return Entry(str(number), racer, at + timedelta(seconds=number), tuple(LapTime(time) for time in times))


patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The first draw of a process reads every module for constants, which takes seconds on a busy machine."""
runs = st.lists(st.tuples(st.sampled_from("abcde"), st.lists(st.integers(5, 9), min_size=1, max_size=3)), max_size=10)


@patient
@given(runs, st.sampled_from(["best", "sum"]), st.sampled_from(["total", "average", "best"]))
def test_the_order_does_not_matter_and_every_team_has_one_row(
    driven: list[tuple[str, list[int]]], scoring: str, ranking: str
) -> None:
    entries = [entry(number, racer, times, NOON) for number, (racer, times) in enumerate(driven)]
    rows = rank(entries, ranking=ranking, minimum_laps=1)
    shuffled = sorted(rows, key=lambda row: str(row.racer), reverse=True)
    found = rank_teams(rows, TEAMS, scoring=scoring, size=2, ranking=ranking)
    assert found == rank_teams(shuffled, TEAMS, scoring=scoring, size=2, ranking=ranking)
    assert sorted(str(one.team) for one in found) == sorted({TEAMS[str(row.racer)] for row in rows})
    placed = [one.place for one in found if one.place is not None]
    assert placed == list(range(1, len(placed) + 1))


@patient
@given(runs, st.sampled_from(["average", "best"]), st.integers(0, 4))
def test_a_slower_run_of_one_racer_never_moves_the_other_teams_apart(
    driven: list[tuple[str, list[int]]], ranking: str, slower_ms: int
) -> None:
    """Another run of `a` that is no better changes nothing: the best counts."""
    entries = [entry(number, racer, times, NOON) for number, (racer, times) in enumerate(driven)]
    rows = rank(entries, ranking=ranking, minimum_laps=1)
    own = [row.result_ms for row in rows if row.racer == "a"]
    if not own:
        return
    later = entry(len(entries), "a", [max(own) + slower_ms], NOON)
    again = rank([*entries, later], ranking=ranking, minimum_laps=1)

    def order(standings: list[Standing]) -> list[tuple[object, int | None]]:
        teams = rank_teams(standings, TEAMS, scoring="sum", size=2, ranking=ranking)
        return [(one.team, one.result_ms) for one in teams]

    assert order(again) == order(rows)
