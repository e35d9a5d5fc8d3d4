"""Freezing standings before the end and revealing them place by place."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from portal.rules import drives, freezing, publishing, races, replays, standings
from portal.rules.broken import Code, RuleBroken
from portal.tables import Evaluation, JobState, Race, Racer, Submission
from tests.cast import NOON, make_racer
from tests.portal.races_cast import make_race, make_result

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
END = NOON + 4 * HOUR
FREEZE = END - HOUR
AFTER = END + MINUTE


@pytest.fixture
def cast(session: Session) -> dict[str, Racer]:
    return {name: make_racer(session, name) for name in ("olivia", "alice", "bob", "carol")}


@pytest.fixture
def race(session: Session, cast: dict[str, Racer]) -> Race:
    """Alice leads before bob when the standings freeze, an hour before the end; then bob wins, and carol comes in."""
    race = make_race(session, cast["olivia"], now=NOON, opens_at=NOON, closes_at=END, laps=1, minimum_laps=1)
    make_result(session, race, cast["alice"], 9_000, at=NOON + MINUTE)
    make_result(session, race, cast["bob"], 9_500, at=NOON + 2 * MINUTE)
    freezing.plan(session, race, by=cast["olivia"], now=NOON + HOUR, minutes=60)
    make_result(session, race, cast["bob"], 8_500, at=FREEZE + MINUTE)
    make_result(session, race, cast["carol"], 9_200, at=FREEZE + 2 * MINUTE)
    return race


def public(session: Session, race: Race) -> list[tuple[int, str | None, int]]:
    rows = standings.for_race(session, race).rows
    return [(row.standing.place, row.racer.alias, row.standing.result_ms) for row in rows]


def reveal(session: Session, race: Race, by: Racer, now: datetime = AFTER) -> str | None:
    freeze = publishing.freeze_of(session, race)
    row = freezing.reveal(session, race, by=by, now=now, after=freeze.revealed if freeze else 0)
    return row.racer.alias if row else None


def test_the_public_sees_no_result_that_is_newer_than_the_freeze(session: Session, race: Race) -> None:
    assert public(session, race) == [(1, "alice", 9_000), (2, "bob", 9_500)]
    board = standings.for_race(session, race)
    assert [row.standing.submissions for row in board.rows] == [1, 1]
    assert [row.racer.alias for row in board.unranked] == []
    whole = standings.for_race(session, race, whole=True).rows
    assert [row.racer.alias for row in whole] == ["bob", "alice", "carol"]


def test_a_result_at_the_moment_of_the_freeze_still_counts_as_seen(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    make_result(session, race, cast["carol"], 8_000, at=FREEZE)
    assert public(session, race)[0] == (1, "carol", 8_000)


def test_places_are_revealed_from_the_last_up_and_the_freeze_ends_with_the_first(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    assert reveal(session, race, cast["olivia"]) == "carol"
    assert public(session, race) == [(3, "carol", 9_200)]
    board = standings.for_race(session, race)
    assert (board.hidden, board.newest) == (2, None)
    assert {(row.standing.gap_ms, row.standing.interval_ms) for row in board.rows} == {(None, None)}
    assert reveal(session, race, cast["olivia"]) == "alice"
    assert reveal(session, race, cast["olivia"]) == "bob"
    assert public(session, race) == [(1, "bob", 8_500), (2, "alice", 9_000), (3, "carol", 9_200)]
    assert publishing.freeze_of(session, race) is None
    assert standings.for_race(session, race).rows[1].standing.gap_ms == 500


def test_a_button_that_is_pressed_twice_reveals_once(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    assert freezing.reveal(session, race, by=cast["olivia"], now=AFTER, after=0) is not None
    assert freezing.reveal(session, race, by=cast["olivia"], now=AFTER, after=0) is None
    assert len(public(session, race)) == 1


def test_every_step_raises_the_version_for_open_pages(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    before = race.version
    reveal(session, race, cast["olivia"])
    assert race.version == before + 1
    freezing.lift(session, race, by=cast["olivia"], now=AFTER)
    assert race.version == before + 2


def test_nothing_is_revealed_while_the_race_goes_on_or_submissions_drive(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    with pytest.raises(RuleBroken, match="still goes on") as early:
        reveal(session, race, cast["olivia"], END - MINUTE)
    assert early.value.code is Code.CONFLICT
    driving = make_result(session, race, cast["carol"], state=JobState.RUNNING)
    with pytest.raises(RuleBroken, match="still wait or drive"):
        reveal(session, race, cast["olivia"])
    session.get_one(Evaluation, driving.evaluation_id).state = JobState.FAILED
    session.flush()
    assert reveal(session, race, cast["olivia"]) == "carol"


def test_only_the_organizer_freezes_and_reveals(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    for refused in (
        lambda: freezing.plan(session, race, by=cast["alice"], now=NOON + HOUR, minutes=30),
        lambda: freezing.lift(session, race, by=cast["alice"], now=NOON + HOUR),
        lambda: reveal(session, race, cast["alice"]),
    ):
        with pytest.raises(RuleBroken) as broken:
            refused()
        assert broken.value.code is Code.FORBIDDEN


def test_lifting_shows_everything_and_a_plan_can_be_taken_back(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    assert freezing.lift(session, race, by=cast["olivia"], now=FREEZE + HOUR / 2)
    assert public(session, race)[0] == (1, "bob", 8_500)
    assert not freezing.lift(session, race, by=cast["olivia"], now=FREEZE + HOUR / 2)
    freezing.plan(session, race, by=cast["olivia"], now=FREEZE + HOUR / 2, minutes=5)
    assert publishing.freeze_of(session, race) is not None


@pytest.mark.parametrize(
    ("now", "minutes", "code"),
    [
        (NOON + HOUR, 5 * 60, Code.INVALID),  # before the race opens
        (FREEZE - MINUTE, 120, Code.INVALID),  # that moment is over
        (FREEZE + MINUTE, 10, Code.CONFLICT),  # frozen already
        (AFTER, 10, Code.CONFLICT),  # the race is over
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    session: Session, race: Race, cast: dict[str, Racer], now: datetime, minutes: int, code: Code
) -> None:
    with pytest.raises(RuleBroken) as broken:
        freezing.plan(session, race, by=cast["olivia"], now=now, minutes=minutes)
    assert broken.value.code is code


def test_freezing_now_hides_what_comes_from_now_on(session: Session, cast: dict[str, Racer]) -> None:
    race = make_race(session, cast["olivia"], now=NOON, opens_at=NOON, closes_at=END, laps=1, minimum_laps=1)
    make_result(session, race, cast["alice"], 9_000, at=NOON + MINUTE)
    freezing.plan(session, race, by=cast["olivia"], now=NOON + HOUR, minutes=None)
    make_result(session, race, cast["bob"], 8_000, at=NOON + HOUR + MINUTE)
    assert public(session, race) == [(1, "alice", 9_000)]


def late_run(session: Session, race: Race, racer: Racer) -> tuple[Submission, Evaluation]:
    submission = make_result(session, race, racer, 9_900, at=FREEZE + 5 * MINUTE)
    return submission, session.get_one(Evaluation, submission.evaluation_id)


def test_a_hidden_run_is_there_for_its_racer_and_the_organizer_only(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    submission, evaluation = late_run(session, race, cast["bob"])
    for viewer in (cast["bob"], cast["olivia"]):
        freezing.require_visible(session, race, evaluation, viewer)
        assert drives.get_visible(session, viewer, evaluation.public_id).id == evaluation.id
        assert replays.get(session, race, submission.public_id, viewer=viewer).evaluation.id == evaluation.id
    for viewer in (None, cast["alice"]):
        for look in (
            lambda viewer=viewer: drives.get_visible(session, viewer, evaluation.public_id),
            lambda viewer=viewer: replays.get(session, race, submission.public_id, viewer=viewer),
        ):
            with pytest.raises(RuleBroken) as broken:
                look()
            assert broken.value.code is Code.MISSING
    shown = replays.ghosts(session, race, submission)
    assert {(ghost.racer.alias, ghost.best_lap_ms) for ghost in shown} <= {("alice", 9_000), ("bob", 9_500)}


def test_a_run_is_there_for_everybody_once_its_racer_was_revealed(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    _, carols = late_run(session, race, cast["carol"])
    _, bobs = late_run(session, race, cast["bob"])
    reveal(session, race, cast["olivia"])
    freezing.require_visible(session, race, carols, None)
    with pytest.raises(RuleBroken):
        freezing.require_visible(session, race, bobs, None)


def test_profiles_tell_nothing_of_what_is_hidden(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    bob, carol = cast["bob"], cast["carol"]
    assert [(found.place, found.ranked) for found in standings.history(session, bob, viewer=None)] == [(2, 2)]
    assert standings.history(session, carol, viewer=None) == []
    assert [best.time_ms for best in standings.best_laps(session, bob)] == [9_500]
    freezing.lift(session, race, by=cast["olivia"], now=AFTER)
    assert [(found.place, found.ranked) for found in standings.history(session, bob, viewer=None)] == [(1, 3)]
    assert [best.time_ms for best in standings.best_laps(session, bob)] == [8_500]


def test_a_race_that_was_closed_early_can_be_revealed(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    races.close(session, race, by=cast["olivia"], now=FREEZE + 10 * MINUTE)
    assert reveal(session, race, cast["olivia"], FREEZE + 11 * MINUTE) == "carol"
