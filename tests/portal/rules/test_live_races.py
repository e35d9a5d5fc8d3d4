"""LIVE races: the queue, the stage, and a clock that nobody has to keep."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from portal.rules import drives, freezing, live_races, live_stage, race_hooks, races, standings, submissions
from portal.rules.broken import Code, RuleBroken
from portal.tables import (
    Evaluation,
    JobState,
    Lap,
    LiveRace,
    LiveRun,
    LiveState,
    Model,
    Race,
    Racer,
    Ranking,
    Submission,
    WebhookDelivery,
)
from tests.cast import NOON, make_racer
from tests.portal.races_cast import make_model, make_race

SECOND = timedelta(seconds=1)
START = NOON + 10 * SECOND


@pytest.fixture
def cast(session: Session) -> dict[str, Racer]:
    people = {name: make_racer(session, name) for name in ("olivia", "alice", "bob", "carol")}
    for name in ("alice", "bob", "carol"):
        make_model(session, people[name])
    return people


@pytest.fixture
def race(session: Session, cast: dict[str, Racer]) -> Race:
    race = make_race(session, cast["olivia"], now=NOON, opens_at=NOON - 60 * SECOND)
    live_races.make(session, race, by=cast["olivia"], now=NOON, limit_s=180)
    return race


def enter(session: Session, race: Race, racer: Racer) -> LiveRun:
    model = session.exec(select(Model).where(Model.racer_id == racer.id)).one()
    return live_races.enter(session, race, model, by=racer, now=NOON)


def drive(session: Session, run: LiveRun, *times_ms: int, state: JobState = JobState.COMPLETED) -> None:
    """What a worker leaves: the laps of the run's evaluation, an end at the moment at which it was driven."""
    evaluation = session.get_one(Evaluation, run.evaluation_id)
    evaluation.state, evaluation.ended_at = state, NOON + SECOND
    evaluation.total_ms, evaluation.best_lap_ms = sum(times_ms), min(times_ms, default=None)
    for number, time_ms in enumerate(times_ms, start=1):
        session.add(Lap(evaluation_id=evaluation.id or 0, number=number, time_ms=time_ms, resets=0, complete=True))
    session.add(evaluation)
    session.flush()


def show(session: Session, race: Race, run: LiveRun, by: Racer, *times_ms: int, at: datetime = NOON) -> datetime:
    """Launches a run at a moment and lets everybody see all of it; returns the moment of its end."""
    live_races.launch(session, race, run.public_id, by=by, now=at)
    drive(session, run, *times_ms)
    live_races.advance(session, race, now=at + SECOND)
    end = at + live_races.COUNTDOWN + timedelta(milliseconds=sum(times_ms))
    assert live_races.advance(session, race, now=end) is not None
    return end


def names_in_queue(session: Session, race: Race) -> list[str | None]:
    return [racer.alias for _, racer in live_stage.queue(session, race)]


def live_of(session: Session, race: Race) -> LiveRace:
    live = live_stage.of(session, race)
    assert live is not None
    return live


def test_the_best_lap_within_the_time_counts(session: Session, race: Race) -> None:
    assert (race.ranking, race.minimum_laps) == (Ranking.BEST, 1)
    assert live_of(session, race).run_limit_ms == 180_000


def test_a_race_that_somebody_entered_stays_as_it_is(session: Session, cast: dict[str, Racer]) -> None:
    race = make_race(session, cast["olivia"], now=NOON, name="Other")
    model = session.exec(select(Model).where(Model.racer_id == cast["alice"].id)).one()
    submissions.enter(session, race, model, by=cast["alice"], now=NOON)
    with pytest.raises(RuleBroken) as broken:
        live_races.make(session, race, by=cast["olivia"], now=NOON, limit_s=180)
    assert broken.value.code is Code.CONFLICT


@pytest.mark.parametrize("limit_s", [29, 601])
def test_a_run_lasts_half_a_minute_to_ten_minutes(session: Session, cast: dict[str, Racer], limit_s: int) -> None:
    race = make_race(session, cast["olivia"], now=NOON, name="Other")
    with pytest.raises(RuleBroken, match="30 to 600 seconds"):
        live_races.make(session, race, by=cast["olivia"], now=NOON, limit_s=limit_s)


def test_cars_wait_in_the_order_in_which_they_came_one_of_each_racer(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    for name in ("bob", "alice"):
        enter(session, race, cast[name])
    assert names_in_queue(session, race) == ["bob", "alice"]
    with pytest.raises(RuleBroken, match="a car in the queue"):
        enter(session, race, cast["bob"])


def test_nobody_enters_a_live_race_past_its_queue(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    model = session.exec(select(Model).where(Model.racer_id == cast["alice"].id)).one()
    with pytest.raises(RuleBroken, match="LIVE race"):
        submissions.enter(session, race, model, by=cast["alice"], now=NOON)
    assert "LIVE race" in submissions.why_closed(session, race, cast["alice"], now=NOON)


def test_closed_entries_let_nobody_in_until_they_are_open_again(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    live_races.set_entries(session, race, by=cast["olivia"], now=NOON, is_open=False)
    with pytest.raises(RuleBroken, match="closed the entries"):
        enter(session, race, cast["alice"])
    live_races.set_entries(session, race, by=cast["olivia"], now=NOON, is_open=True)
    enter(session, race, cast["alice"])


def test_the_organizer_puts_the_queue_in_another_order(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    runs = {name: enter(session, race, cast[name]) for name in ("alice", "bob", "carol")}
    live_races.move(session, race, runs["carol"].public_id, by=cast["olivia"], places=-1)
    assert names_in_queue(session, race) == ["alice", "carol", "bob"]
    live_races.move(session, race, runs["bob"].public_id, by=cast["olivia"], places=-10_000)
    assert names_in_queue(session, race) == ["bob", "alice", "carol"]
    live_races.move(session, race, runs["carol"].public_id, by=cast["olivia"], places=5)
    order = [runs["carol"].public_id, runs["alice"].public_id]
    live_races.reorder(session, race, ["unknown", *order], by=cast["olivia"])
    assert names_in_queue(session, race) == ["carol", "alice", "bob"], "who is not named stays behind the others"


def test_a_racer_takes_the_own_car_out_and_nobody_elses(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    run = enter(session, race, cast["alice"])
    with pytest.raises(RuleBroken) as broken:
        live_races.withdraw(session, race, run.public_id, by=cast["bob"])
    assert broken.value.code is Code.MISSING
    assert live_races.withdraw(session, race, run.public_id, by=cast["alice"])
    assert names_in_queue(session, race) == []


def test_a_launch_counts_down_while_a_worker_drives_and_starts_at_zero(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    run = enter(session, race, cast["alice"])
    wanted = live_races.launch(session, race, run.public_id, by=cast["olivia"], now=NOON)
    evaluation = session.get_one(Evaluation, wanted)
    assert evaluation.rules["maximum_steps"] == 180 * 15
    assert (evaluation.seed, run.state, run.countdown_ends_at) == (race.seed, LiveState.LAUNCHED, START)
    assert live_races.advance(session, race, now=NOON + SECOND) is None, "it waits for the worker"
    drive(session, run, 9_000, 8_500)
    assert live_races.advance(session, race, now=NOON + 2 * SECOND) is not None
    assert (run.state, run.anchor_at, run.drive_ms) == (LiveState.DRIVING, START, 17_500)
    assert live_stage.position_ms(run, START - SECOND) == 0
    assert live_stage.position_ms(run, START + 3 * SECOND) == 3_000
    assert live_races.advance(session, race, now=START + 17 * SECOND) is None


def test_a_worker_that_is_late_delays_the_start_not_the_race(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    run = enter(session, race, cast["alice"])
    live_races.launch(session, race, run.public_id, by=cast["olivia"], now=NOON)
    assert live_races.advance(session, race, now=START + 60 * SECOND) is None
    drive(session, run, 9_000)
    live_races.advance(session, race, now=START + 61 * SECOND)
    assert run.anchor_at == START + 61 * SECOND


def test_a_result_counts_from_the_moment_on_at_which_everybody_has_seen_it(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    run = enter(session, race, cast["alice"])
    live_races.launch(session, race, run.public_id, by=cast["olivia"], now=NOON)
    drive(session, run, 9_000, 8_500)
    live_races.advance(session, race, now=NOON + 2 * SECOND)
    evaluation = session.get_one(Evaluation, run.evaluation_id)
    assert standings.for_race(session, race).rows == []
    assert standings.for_race(session, race, whole=True).rows == []
    with pytest.raises(RuleBroken) as hidden:
        drives.get_visible(session, None, evaluation.public_id)
    assert hidden.value.code is Code.MISSING
    assert standings.history(session, cast["alice"], viewer=None) == []
    with pytest.raises(RuleBroken):
        drives.get_visible(session, cast["alice"], evaluation.public_id)
    (mine,) = submissions.of_racer(session, race, cast["alice"])
    assert (mine.is_unseen, mine.is_ranked, mine.laps) == (True, False, []), "not even its racer knows"
    before = race.version
    stepped = live_races.advance(session, race, now=START + 18 * SECOND)
    assert stepped is not None
    assert stepped.moved
    assert race.version == before + 1
    rows = standings.for_race(session, race).rows
    assert [(row.racer.alias, row.standing.result_ms) for row in rows] == [("alice", 8_500)]
    freezing.require_visible(session, race, evaluation, None)
    freezing.require_visible(session, race, evaluation, cast["alice"])
    (mine,) = submissions.of_racer(session, race, cast["alice"])
    assert (mine.is_unseen, mine.is_ranked, len(mine.laps)) == (False, True, 2)
    assert live_races.advance(session, race, now=START + 19 * SECOND) is None, "the end is taken once"


def events(session: Session) -> list[tuple[str, object]]:
    rows = session.exec(select(WebhookDelivery).order_by(col(WebhookDelivery.id)))
    return [(row.event, row.body.get("racer")) for row in rows]


def test_web_hooks_hear_of_a_run_once_when_everybody_has_seen_it(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    race_hooks.add(session, race, "https://hook.example/live", by=cast["olivia"], now=NOON)
    slow, fast = enter(session, race, cast["alice"]), enter(session, race, cast["bob"])
    live_races.launch(session, race, slow.public_id, by=cast["olivia"], now=NOON)
    drive(session, slow, 9_000)
    race_hooks.result_came(session, session.get_one(Evaluation, slow.evaluation_id), now=NOON + SECOND)  # the worker's
    live_races.advance(session, race, now=NOON + SECOND)
    assert events(session) == []
    live_races.advance(session, race, now=START + 9 * SECOND)
    assert events(session) == [("race.ranked", "alice"), ("race.lead", "alice")]
    end = show(session, race, fast, cast["olivia"], 8_000, at=START + 30 * SECOND)
    assert events(session)[2:] == [("race.ranked", "bob"), ("race.lead", "bob")]
    live_races.launch(session, race, slow.public_id, by=cast["olivia"], now=end + SECOND)
    live_races.advance(session, race, now=end + 2 * SECOND)
    live_races.advance(session, race, now=end + 60 * SECOND)
    assert slow.state == LiveState.FINISHED
    assert len(events(session)) == 4, "shown again is no new result"


def test_another_speed_goes_on_from_where_the_car_is(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    run = enter(session, race, cast["alice"])
    live_races.launch(session, race, run.public_id, by=cast["olivia"], now=NOON)
    drive(session, run, 60_000)
    live_races.advance(session, race, now=NOON + SECOND)
    live_races.set_speed(session, race, 400, by=cast["olivia"], now=START + 10 * SECOND)
    assert live_stage.position_ms(run, START + 12 * SECOND) == 18_000
    live_races.set_speed(session, race, 0, by=cast["olivia"], now=START + 12 * SECOND)
    assert live_stage.position_ms(run, START + 500 * SECOND) == 18_000
    live_races.set_speed(session, race, 50, by=cast["olivia"], now=START + 20 * SECOND)
    assert live_stage.position_ms(run, START + 22 * SECOND) == 19_000
    assert live_stage.position_ms(run, START + 2_000 * SECOND) == 60_000
    with pytest.raises(RuleBroken):
        live_races.set_speed(session, race, 123, by=cast["olivia"], now=START)


def test_a_cleared_car_counts_for_nothing_and_can_be_launched_again(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    run = enter(session, race, cast["alice"])
    live_races.launch(session, race, run.public_id, by=cast["olivia"], now=NOON)
    drive(session, run, 9_000)
    live_races.advance(session, race, now=NOON + SECOND)
    assert live_races.clear(session, race, by=cast["olivia"], now=START + SECOND)
    assert (run.state, live_of(session, race).stage_run_id) == (LiveState.CLEARED, None)
    assert standings.for_race(session, race).rows == []
    assert not live_races.clear(session, race, by=cast["olivia"], now=START + SECOND)
    again = live_races.launch(session, race, run.public_id, by=cast["olivia"], now=START + 60 * SECOND)
    assert again is None, "the same laps, from the same drive"
    assert len(session.exec(select(Submission)).all()) == 1
    live_races.advance(session, race, now=START + 61 * SECOND)
    live_races.advance(session, race, now=START + 90 * SECOND)
    assert [row.racer.alias for row in standings.for_race(session, race).rows] == ["alice"]


def test_showing_a_finished_run_again_takes_nothing_from_the_standings(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    run = enter(session, race, cast["alice"])
    end = show(session, race, run, cast["olivia"], 9_000)
    live_races.launch(session, race, run.public_id, by=cast["olivia"], now=end + SECOND)
    assert len(standings.for_race(session, race).rows) == 1
    live_races.clear(session, race, by=cast["olivia"], now=end + 2 * SECOND)
    assert run.state == LiveState.FINISHED
    assert len(standings.for_race(session, race).rows) == 1


def test_a_run_that_failed_says_why_and_is_driven_anew(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    run = enter(session, race, cast["alice"])
    first = live_races.launch(session, race, run.public_id, by=cast["olivia"], now=NOON)
    session.get_one(Evaluation, first).message = "The worker was lost."
    drive(session, run, state=JobState.FAILED)
    live_races.advance(session, race, now=NOON + 5 * SECOND)
    assert (run.state, run.message) == (LiveState.FAILED, "The worker was lost.")
    freezing.require_visible(session, race, session.get_one(Evaluation, first), cast["alice"])
    second = live_races.launch(session, race, run.public_id, by=cast["olivia"], now=NOON + 10 * SECOND)
    assert second not in (None, first)


def test_one_car_at_a_time(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    first, second = enter(session, race, cast["alice"]), enter(session, race, cast["bob"])
    live_races.launch(session, race, first.public_id, by=cast["olivia"], now=NOON)
    with pytest.raises(RuleBroken, match="A car is on the track"):
        live_races.launch(session, race, second.public_id, by=cast["olivia"], now=NOON)


def test_the_next_car_is_launched_by_itself_after_a_pause(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    enter(session, race, cast["alice"])
    enter(session, race, cast["bob"])
    live_races.set_autolaunch(session, race, by=cast["olivia"], now=NOON, is_on=True)
    assert [found.id for found in live_races.due(session, NOON)] == [race.id]
    stepped = live_races.advance(session, race, now=NOON)
    assert stepped is not None
    assert stepped.evaluation_id is not None
    run = live_stage.stage_run(session, live_of(session, race))
    assert run is not None
    drive(session, run, 9_000)
    live_races.advance(session, race, now=NOON + SECOND)
    end = START + 9 * SECOND
    live_races.advance(session, race, now=end)
    assert live_races.advance(session, race, now=end + live_races.PAUSE - SECOND) is None
    assert live_races.advance(session, race, now=end + live_races.PAUSE) is not None
    following = live_stage.stage_run(session, live_of(session, race))
    assert following is not None
    assert following.racer_id == cast["bob"].id
    assert names_in_queue(session, race) == []


def test_a_model_that_cannot_drive_does_not_stop_the_others(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    gone, _ = enter(session, race, cast["alice"]), enter(session, race, cast["bob"])
    session.get_one(Model, gone.model_id).deleted_at = NOON
    session.flush()
    live_races.set_autolaunch(session, race, by=cast["olivia"], now=NOON, is_on=True)
    live_races.advance(session, race, now=NOON)
    assert gone.state == LiveState.FAILED
    assert "deleted" in gone.message
    live_races.advance(session, race, now=NOON + SECOND)
    run = live_stage.stage_run(session, live_of(session, race))
    assert run is not None
    assert (run.racer_id, run.state) == (cast["bob"].id, LiveState.LAUNCHED)


def test_the_leader_is_declared_the_winner_and_the_race_is_over(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    with pytest.raises(RuleBroken, match="no winner"):
        live_races.declare(session, race, by=cast["olivia"], now=NOON)
    first, second = enter(session, race, cast["alice"]), enter(session, race, cast["bob"])
    end = show(session, race, first, cast["olivia"], 9_000)
    end = show(session, race, second, cast["olivia"], 8_000, at=end + SECOND)
    winner = live_races.declare(session, race, by=cast["olivia"], now=end + SECOND)
    assert winner.alias == "bob"
    assert races.state(race, end + 2 * SECOND) is races.RaceState.CLOSED
    assert live_races.due(session, end + 2 * SECOND) == []
    with pytest.raises(RuleBroken, match="winner is declared"):
        live_races.launch(session, race, first.public_id, by=cast["olivia"], now=end + 3 * SECOND)


def test_nobody_is_declared_while_the_standings_are_frozen(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    end = show(session, race, enter(session, race, cast["alice"]), cast["olivia"], 9_000)
    freezing.plan(session, race, by=cast["olivia"], now=end + SECOND, minutes=None)
    with pytest.raises(RuleBroken, match="frozen"):
        live_races.declare(session, race, by=cast["olivia"], now=end + 2 * SECOND)
    freezing.lift(session, race, by=cast["olivia"], now=end + 3 * SECOND)
    assert live_races.declare(session, race, by=cast["olivia"], now=end + 4 * SECOND).alias == "alice"


def test_a_freeze_asks_when_a_run_was_shown_not_when_a_worker_drove_it(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    before, after = enter(session, race, cast["alice"]), enter(session, race, cast["bob"])
    race_hooks.add(session, race, "https://hook.example/live", by=cast["olivia"], now=NOON)
    end = show(session, race, before, cast["olivia"], 9_000)
    live_races.launch(session, race, after.public_id, by=cast["olivia"], now=end + SECOND)
    drive(session, after, 8_000)  # a worker has driven it before the freeze
    live_races.advance(session, race, now=end + 2 * SECOND)
    freezing.plan(session, race, by=cast["olivia"], now=end + 12 * SECOND, minutes=None)
    assert live_races.advance(session, race, now=end + 30 * SECOND) is not None
    seen, unseen = (session.get_one(Evaluation, run.evaluation_id) for run in (before, after))
    assert [row.racer.alias for row in standings.for_race(session, race).rows] == ["alice"]
    assert [row.racer.alias for row in standings.for_race(session, race, whole=True).rows] == ["bob", "alice"]
    freezing.require_visible(session, race, seen, None)
    freezing.require_visible(session, race, unseen, cast["bob"])
    with pytest.raises(RuleBroken) as hidden:
        freezing.require_visible(session, race, unseen, None)
    assert hidden.value.code is Code.MISSING
    assert standings.history(session, cast["bob"], viewer=None) == []
    assert events(session) == [("race.ranked", "alice"), ("race.lead", "alice")], "the hook hears of no hidden run"


def test_a_run_that_was_shown_at_the_moment_of_the_freeze_still_counts_as_seen(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    end = show(session, race, enter(session, race, cast["alice"]), cast["olivia"], 9_000)
    freezing.plan(session, race, by=cast["olivia"], now=end, minutes=None)
    assert [row.racer.alias for row in standings.for_race(session, race).rows] == ["alice"]


def test_nothing_is_revealed_or_final_while_a_car_is_on_the_stage(
    session: Session, race: Race, cast: dict[str, Racer]
) -> None:
    end = show(session, race, enter(session, race, cast["alice"]), cast["olivia"], 9_000)
    freezing.plan(session, race, by=cast["olivia"], now=end + SECOND, minutes=None)
    late = enter(session, race, cast["bob"])
    live_races.launch(session, race, late.public_id, by=cast["olivia"], now=end + 2 * SECOND)
    drive(session, late, 8_000)
    live_races.advance(session, race, now=end + 3 * SECOND)
    races.close(session, race, by=cast["olivia"], now=end + 4 * SECOND)
    board = standings.for_race(session, race, whole=True)
    assert (board.pending, [row.racer.alias for row in board.rows]) == (1, ["alice"])
    with pytest.raises(RuleBroken, match="still wait or drive"):
        freezing.reveal(session, race, by=cast["olivia"], now=end + 5 * SECOND, after=0)
    live_races.advance(session, race, now=end + 60 * SECOND)
    first = freezing.reveal(session, race, by=cast["olivia"], now=end + 61 * SECOND, after=0)
    assert first is not None
    assert (first.standing.place, first.racer.alias) == (2, "alice")


def test_the_newest_result_is_the_one_that_was_shown_last(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    cleared, shown = enter(session, race, cast["alice"]), enter(session, race, cast["bob"])
    live_races.launch(session, race, cleared.public_id, by=cast["olivia"], now=NOON)
    drive(session, cleared, 9_000)
    live_races.advance(session, race, now=NOON + SECOND)
    live_races.clear(session, race, by=cast["olivia"], now=START + SECOND)
    end = show(session, race, shown, cast["olivia"], 8_000, at=START + 2 * SECOND)
    session.get_one(Evaluation, shown.evaluation_id).ended_at = START + 3 * SECOND
    live_races.launch(session, race, cleared.public_id, by=cast["olivia"], now=end + SECOND)
    live_races.advance(session, race, now=end + 2 * SECOND)
    live_races.advance(session, race, now=end + 60 * SECOND)
    newest = standings.for_race(session, race).newest
    assert newest is not None
    assert newest.racer.alias == "alice", "driven first, seen last"


def test_only_the_organizer_directs(session: Session, race: Race, cast: dict[str, Racer]) -> None:
    run, alice = enter(session, race, cast["alice"]), cast["alice"]
    for refused in (
        lambda: live_races.launch(session, race, run.public_id, by=alice, now=NOON),
        lambda: live_races.clear(session, race, by=alice, now=NOON),
        lambda: live_races.move(session, race, run.public_id, by=alice, places=1),
        lambda: live_races.reorder(session, race, [], by=alice),
        lambda: live_races.set_speed(session, race, 200, by=alice, now=NOON),
        lambda: live_races.set_entries(session, race, by=alice, now=NOON, is_open=False),
        lambda: live_races.set_autolaunch(session, race, by=alice, now=NOON, is_on=True),
        lambda: live_races.declare(session, race, by=alice, now=NOON),
    ):
        with pytest.raises(RuleBroken) as broken:
            refused()
        assert broken.value.code is Code.FORBIDDEN
