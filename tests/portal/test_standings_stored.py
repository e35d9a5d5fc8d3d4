"""Standings of stored races: what is loaded, how the version rises, and what a profile shows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session

from portal.rules import standings
from portal.rules.standings import LapMark
from portal.tables import Evaluation, JobState
from tests.cast import NOON, make_racer
from tests.portal.races_cast import make_race, make_result

pytestmark = pytest.mark.both_databases

MINUTE = timedelta(minutes=1)


def test_only_finished_runs_are_ranked_and_the_others_are_on_their_way(session: Session) -> None:
    alice, bob = make_racer(session), make_racer(session, "bob")
    race = make_race(session, alice, now=NOON)
    make_result(session, race, alice, 9_000, 9_000, 9_000)
    make_result(session, race, bob, 1_000, 1_000, 1_000, state=JobState.FAILED)
    make_result(session, race, bob, state=JobState.QUEUED)
    make_result(session, race, bob, state=JobState.RUNNING)
    board = standings.for_race(session, race)
    assert [row.racer.alias for row in board.rows] == ["alice"]
    assert board.pending == 2
    assert board.unranked == []


def test_a_racer_without_the_required_laps_is_shown_without_a_place(session: Session) -> None:
    alice = make_racer(session)
    race = make_race(session, alice, now=NOON)
    make_result(session, race, alice, 9_000, 9_000, None)
    board = standings.for_race(session, race)
    assert board.rows == []
    assert [(row.racer.alias, row.laps, row.submissions) for row in board.unranked] == [("alice", 2, 1)]


def test_laps_are_marked_beside_the_racers_best_and_the_races_best(session: Session) -> None:
    alice, bob, carol, dave = (make_racer(session, name) for name in ("alice", "bob", "carol", "dave"))
    race = make_race(session, alice, now=NOON, laps=2, minimum_laps=1)
    make_result(session, race, alice, 9_000, 8_000)
    make_result(session, race, bob, 9_500, 9_000)
    make_result(session, race, carol, 9_000, 9_500)
    make_result(session, race, dave, 9_900, None)
    marks = {row.racer.alias: (row.last_mark, row.holds_best_lap) for row in standings.for_race(session, race).rows}
    assert marks == {
        "alice": (LapMark.BEST, True),
        "bob": (LapMark.PERSONAL, False),
        "carol": (LapMark.SLOWER, False),
        "dave": (LapMark.INVALID, False),
    }


def test_the_newest_result_is_named(session: Session) -> None:
    alice, bob = make_racer(session), make_racer(session, "bob")
    race = make_race(session, alice, now=NOON)
    make_result(session, race, alice, 9_000, 9_000, 9_000, at=NOON + MINUTE)
    make_result(session, race, bob, 9_500, 9_000, 9_000, at=NOON)
    board = standings.for_race(session, race)
    assert board.newest is not None
    assert board.newest.racer.alias == "alice"
    assert {row.racer.alias: row.standing.delta for row in board.rows} == {"alice": None, "bob": -1}


def test_a_result_raises_its_races_version(session: Session) -> None:
    alice = make_racer(session)
    race = make_race(session, alice, now=NOON)
    submission = make_result(session, race, alice, 9_000, 9_000, 9_000)
    evaluation = session.get_one(Evaluation, submission.evaluation_id)
    assert standings.record_result(session, evaluation, NOON) == (race.public_id, 0, 1)
    assert standings.record_result(session, evaluation, NOON) == (race.public_id, 0, 2)
    assert race.version == 2


def test_an_evaluation_of_the_racers_own_concerns_no_race(session: Session) -> None:
    alice = make_racer(session)
    submission = make_result(session, make_race(session, alice, now=NOON), alice, 9_000)
    evaluation = session.get_one(Evaluation, submission.evaluation_id)
    evaluation.race_id = None
    assert standings.record_result(session, evaluation, NOON) is None


def test_a_profile_has_the_places_and_the_best_laps(session: Session) -> None:
    alice, bob = make_racer(session), make_racer(session, "bob")
    first = make_race(session, alice, now=NOON, name="first")
    second = make_race(session, alice, now=NOON + timedelta(days=1), name="second")
    for race in (first, second):
        make_result(session, race, alice, 9_000, 9_000, 9_000)
    make_result(session, second, bob, 8_000, 8_500, 8_000)
    make_result(session, first, bob, 7_000, None, 7_500)
    history = standings.history(session, bob, viewer=None)
    assert [(one.race.name, one.place, one.ranked) for one in history] == [("second", 1, 2), ("first", None, 1)]
    (best,) = standings.best_laps(session, bob)
    assert (best.track, best.direction, best.time_ms) == ("paddock-oval", "counterclockwise", 7_000)
