"""LIVE races: entering the queue, and what the organizer does with the stage. The state is the database's alone.

A run is driven by a worker at its launch, and shown from the start signal on: what everybody sees at a moment follows
from the anchor, the speed and the clock, so no process has to keep time. `advance` takes a step where one is due, and
can be called by anybody, as often as they like.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from portal.rules import audit, budgets, live_stage, race_hooks, races, sponsorship, standings, submissions
from portal.rules.broken import Code, RuleBroken
from portal.rules.races import RaceState
from portal.tables import (
    JobState,
    LiveRace,
    LiveRun,
    LiveState,
    Model,
    Race,
    Racer,
    Ranking,
)

USUAL_LIMIT_S = 180
SHORTEST_LIMIT_S, LONGEST_LIMIT_S = 30, 600
COUNTDOWN = timedelta(seconds=10)
PAUSE = timedelta(seconds=8)
"""How long a result stays on the stage before the next car is launched by itself."""
SPEEDS_PERCENT = (0, 25, 50, 100, 200, 400, 800, 1600)
STEPS_PER_SECOND = 15
MOST_LAPS = 10_000
"""As many as fit into the time."""
ON_STAGE = (LiveState.LAUNCHED, LiveState.DRIVING)


class Stepped(NamedTuple):
    """What `advance` has changed: whether the standings have, and an evaluation that wants a worker."""

    moved: bool
    evaluation_id: int | None


def make(session: Session, race: Race, *, by: Racer, now: datetime, limit_s: int) -> LiveRace:
    """Makes a race a LIVE race: the best lap within so many seconds counts.

    Raises RuleBroken: forbidden, conflict (somebody has entered, or it is one already), invalid.
    """
    race = races.hold_own(session, race, by)
    if not SHORTEST_LIMIT_S <= limit_s <= LONGEST_LIMIT_S:
        message = f"A car drives for {SHORTEST_LIMIT_S} to {LONGEST_LIMIT_S} seconds."
        raise RuleBroken(Code.INVALID, message, "limit_s")
    if races.has_entries(session, race) or live_stage.of(session, race) is not None:
        raise RuleBroken(Code.CONFLICT, "Somebody has entered this race: it stays as it is. Make a new one.")
    if races.state(race, now) is RaceState.CLOSED:
        raise RuleBroken(Code.CONFLICT, "This race is closed. Make a new one.")
    race.ranking, race.laps, race.minimum_laps = Ranking.BEST, 1, 1
    live = LiveRace(race_id=race.id or 0, run_limit_ms=limit_s * 1000, created_at=now)
    session.add(race)
    session.add(live)
    session.flush()
    audit.record(session, "race.live", races.subject(race), by=by, now=now, after={"limit_s": limit_s})
    return live


def enter(session: Session, race: Race, model: Model, *, by: Racer, now: datetime) -> LiveRun:
    """Puts a model at the end of the queue; the weights that it has when it is launched drive.

    Raises RuleBroken: missing, forbidden (sponsorship ended), conflict (not open, entries closed, waiting already, or
    the model is not ready).
    """
    live = _hold(session, race)
    race = races.get_visible(session, by, race.public_id)
    reason = why_closed(session, race, live, by, now=now)
    if reason:
        raise RuleBroken(Code.CONFLICT, reason)
    if model.racer_id != by.id:
        raise RuleBroken(Code.MISSING, "There is no such model.")
    reason = submissions.why_not(session, race, model)
    if reason:
        raise RuleBroken(Code.CONFLICT, reason, "model")
    last = session.exec(select(func.max(LiveRun.position)).where(LiveRun.race_id == race.id)).one()
    run = LiveRun(
        race_id=race.id or 0, racer_id=by.id or 0, model_id=model.id or 0, position=(last or 0) + 1, entered_at=now
    )
    session.add(run)
    _changed(session, live)
    return run


def why_closed(session: Session, race: Race, live: LiveRace, racer: Racer, *, now: datetime) -> str:
    """Why this racer cannot come into the queue now; empty where they can."""
    where = races.state(race, now)
    if where is not RaceState.OPEN:
        return "This race has not opened yet." if where is RaceState.UPCOMING else "This race is closed."
    if not live.entries_open:
        return "The organizer has closed the entries."
    if any(waiting.racer_id == racer.id for waiting, _ in live_stage.queue(session, race)):
        return "You have a car in the queue. Take it out, or enter again when it has driven."
    if submissions.left(session, race, racer) <= 0:
        return f"You have entered {race.maximum_submissions} times, which is the maximum."
    return sponsorship.race_refusal(session, racer) or ""


def withdraw(session: Session, race: Race, run_id: str, *, by: Racer) -> bool:
    """Takes a waiting car out of the queue: its racer or the organizer. False where it does not wait there any more."""
    live = _hold(session, race)
    run = live_stage.find_run(session, race, run_id)
    if run is None or (run.racer_id != by.id and not races.may_change(race, by)):
        raise RuleBroken(Code.MISSING, "There is no such car in the queue.")
    if run.state != LiveState.WAITING:
        return False
    session.delete(run)
    _changed(session, live)
    return True


def set_entries(session: Session, race: Race, *, by: Racer, now: datetime, is_open: bool) -> None:
    live = _hold_own(session, race, by)
    live.entries_open = is_open
    _changed(session, live)
    audit.record(session, "race.live_entries", races.subject(race), by=by, now=now, after={"open": is_open})


def set_autolaunch(session: Session, race: Race, *, by: Racer, now: datetime, is_on: bool) -> None:
    live = _hold_own(session, race, by)
    live.autolaunch = is_on
    _changed(session, live)
    audit.record(session, "race.live_autolaunch", races.subject(race), by=by, now=now, after={"on": is_on})


def reorder(session: Session, race: Race, order: Sequence[str], *, by: Racer) -> None:
    """Puts the queue in this order of ids. Who came or went meanwhile keeps the place behind the others."""
    live = _hold_own(session, race, by)
    wanted = {public_id: index for index, public_id in enumerate(order)}
    waiting = [run for run, _ in live_stage.queue(session, race)]
    _number(session, sorted(waiting, key=lambda run: wanted.get(run.public_id, len(wanted))))
    _changed(session, live)


def move(session: Session, race: Race, run_id: str, *, by: Racer, places: int) -> None:
    """Moves a waiting car so many places back (negative: forward). Raises RuleBroken (missing)."""
    live = _hold_own(session, race, by)
    waiting = [run for run, _ in live_stage.queue(session, race)]
    at = next((index for index, run in enumerate(waiting) if run.public_id == run_id), None)
    if at is None:
        raise RuleBroken(Code.MISSING, "This car does not wait in the queue any more.")
    run = waiting.pop(at)
    waiting.insert(min(max(0, at + places), len(waiting)), run)
    _number(session, waiting)
    _changed(session, live)


def _number(session: Session, runs: Sequence[LiveRun]) -> None:
    """Gives the runs the positions that they have together, in this order."""
    for position, run in zip(sorted(run.position for run in runs), runs, strict=True):
        run.position = position
        session.add(run)


def launch(session: Session, race: Race, run_id: str, *, by: Racer, now: datetime) -> int | None:
    """Begins the countdown of a car; a run that was driven before is shown again, with the same laps.

    Returns the evaluation that wants a worker; None where it was driven already. Raises RuleBroken: forbidden,
    missing, conflict (another car is on the stage, the winner is declared, or the model cannot drive).
    """
    budgets.hold(session)
    live = _hold_own(session, race, by)
    run = live_stage.find_run(session, race, run_id)
    if run is None:
        raise RuleBroken(Code.MISSING, "This car is not in the race any more.")
    _check_free(session, live)
    wanted = _begin(session, race, live, run, now)
    audit.record(session, "race.live_launch", races.subject(race), by=by, now=now, after={"run": run.public_id})
    return wanted


def _check_free(session: Session, live: LiveRace) -> None:
    if live.winner_id is not None:
        raise RuleBroken(Code.CONFLICT, "The winner is declared: nobody drives any more.")
    stage = live_stage.stage_run(session, live)
    if stage is not None and stage.state in ON_STAGE:
        raise RuleBroken(Code.CONFLICT, "A car is on the track. Clear it first, or wait for its end.")


def _begin(session: Session, race: Race, live: LiveRace, run: LiveRun, now: datetime) -> int | None:
    driven = live_stage.evaluation_of(session, run)
    wanted = None
    if driven is None or driven.state not in (JobState.COMPLETED, JobState.QUEUED, JobState.RUNNING):
        run.evaluation_id = wanted = _drive(session, race, live, run, now)
    run.state, run.message, run.countdown_ends_at = LiveState.LAUNCHED, "", now + COUNTDOWN
    run.anchor_at, run.anchor_ms, run.speed_percent, run.drive_ms = None, 0, 100, None
    live.stage_run_id = run.id
    session.add(run)
    _changed(session, live)
    return wanted


def _drive(session: Session, race: Race, live: LiveRace, run: LiveRun, now: datetime) -> int:
    """Asks for the drive of a run: as many laps as fit into the time, by the race's seed."""
    racer, model = session.get_one(Racer, run.racer_id), session.get_one(Model, run.model_id)
    reason = submissions.why_not(session, race, model)
    if reason:
        raise RuleBroken(Code.CONFLICT, f"This car cannot drive now. {reason}")
    rules = submissions.episode_rules(race) | {
        "laps": MOST_LAPS,
        "maximum_steps": live.run_limit_ms * STEPS_PER_SECOND // 1000,
    }
    return submissions.drive(session, race, model, by=racer, rules=rules, now=now).evaluation_id


def clear(session: Session, race: Race, *, by: Racer, now: datetime) -> bool:
    """Empties the stage. A car that has not come to its end counts for nothing. False: it was empty."""
    live = _hold_own(session, race, by)
    run = live_stage.stage_run(session, live)
    if run is None:
        return False
    if run.state in ON_STAGE:
        run.state = LiveState.FINISHED if run.shown_at is not None else LiveState.CLEARED
        session.add(run)
    live.stage_run_id = None
    _changed(session, live)
    audit.record(session, "race.live_clear", races.subject(race), by=by, now=now, after={"run": run.public_id})
    return True


def set_speed(session: Session, race: Race, percent: int, *, by: Racer, now: datetime) -> None:
    """Shows the drive at another speed from here on; 0 holds it.

    Raises RuleBroken: forbidden, invalid, conflict (nothing drives).
    """
    if percent not in SPEEDS_PERCENT:
        raise RuleBroken(Code.INVALID, "Choose one of the speeds.", "speed")
    live = _hold_own(session, race, by)
    run = live_stage.stage_run(session, live)
    if run is None or run.state != LiveState.DRIVING:
        raise RuleBroken(Code.CONFLICT, "No car drives now.")
    if run.anchor_at is not None and run.anchor_at <= now:
        run.anchor_ms, run.anchor_at = live_stage.position_ms(run, now), now
    run.speed_percent = percent
    session.add(run)
    _changed(session, live)


def declare(session: Session, race: Race, *, by: Racer, now: datetime) -> Racer:
    """Names the leader the winner, closes the entries and the race. Raises RuleBroken: forbidden, conflict."""
    live = _hold_own(session, race, by)
    _check_free(session, live)
    board = standings.for_race(session, race)
    if board.freeze is not None:
        raise RuleBroken(Code.CONFLICT, "The standings are frozen. Show them on the freeze page first.")
    if not board.rows:
        raise RuleBroken(Code.CONFLICT, "Nobody has a complete lap yet: there is no winner.")
    winner = board.rows[0].racer
    live.winner_id, live.declared_at, live.entries_open, live.autolaunch = winner.id, now, False, False
    live.stage_run_id = None
    _changed(session, live)
    audit.record(session, "race.live_winner", races.subject(race), by=by, now=now, after={"racer": winner.public_id})
    if races.state(race, now) is RaceState.OPEN:
        races.close(session, race, by=by, now=now)
    return winner


def due(session: Session, now: datetime) -> list[Race]:
    """The LIVE races in which something may have to happen by itself."""
    query = (
        select(Race)
        .join(LiveRace, col(LiveRace.race_id) == col(Race.id))
        .where(
            col(Race.deleted_at).is_(None),
            col(LiveRace.declared_at).is_(None),
            col(LiveRace.stage_run_id).is_not(None) | col(LiveRace.autolaunch).is_(True),
        )
    )
    return list(session.exec(query))


def advance(session: Session, race: Race, *, now: datetime) -> Stepped | None:
    """Takes the step that is due: the start, the end, or the next car. None where nothing is due."""
    budgets.hold(session)
    live = _hold(session, race)
    run = live_stage.stage_run(session, live)
    if run is not None and run.state == LiveState.LAUNCHED:
        return _start(session, live, run, now)
    if run is not None and live_stage.is_over(run, now):
        return _finish(session, race, live, run, now)
    if live.autolaunch and live.winner_id is None and _may_follow(run, now):
        return _launch_next(session, race, live, now)
    return None


def _start(session: Session, live: LiveRace, run: LiveRun, now: datetime) -> Stepped | None:
    """As soon as a worker has driven it, the start is fixed for the end of the countdown."""
    driven = live_stage.evaluation_of(session, run)
    if driven is None or not driven.is_over:
        return None
    if driven.state != JobState.COMPLETED:
        run.state, run.message = LiveState.FAILED, driven.message or "It ended without a result. Launch it again."
    else:
        ends = run.countdown_ends_at or now
        run.state, run.anchor_at, run.anchor_ms = LiveState.DRIVING, max(ends, now), 0
        run.drive_ms = driven.total_ms or 0
    session.add(run)
    _changed(session, live)
    return Stepped(False, None)


def _finish(session: Session, race: Race, live: LiveRace, run: LiveRun, now: datetime) -> Stepped:
    """Everybody has seen it: its laps count, and stand at the moment of its end."""
    is_new = run.shown_at is None
    run.state, run.shown_at = LiveState.FINISHED, run.shown_at or now
    run.anchor_ms, run.anchor_at = run.drive_ms or 0, None
    session.add(run)
    _changed(session, live)
    session.exec(
        update(Race)
        .where(col(Race.id) == race.id)
        .values(version=col(Race.version) + 1)
        .execution_options(synchronize_session=False)
    )
    session.refresh(race)
    driven = live_stage.evaluation_of(session, run)
    if is_new and driven is not None:
        race_hooks.result_came(session, driven, now=now)
    return Stepped(True, None)


def _may_follow(run: LiveRun | None, now: datetime) -> bool:
    if run is None or run.state == LiveState.FAILED:
        return True
    return run.state == LiveState.FINISHED and run.shown_at is not None and run.shown_at + PAUSE <= now


def _launch_next(session: Session, race: Race, live: LiveRace, now: datetime) -> Stepped | None:
    waiting = live_stage.queue(session, race)
    if not waiting:
        return None
    run = waiting[0][0]
    try:
        with session.begin_nested():
            return Stepped(False, _begin(session, race, live, run, now))
    except RuleBroken as refused:
        run.state, run.message = LiveState.FAILED, refused.message
        session.add(run)
        _changed(session, live)
        return Stepped(False, None)


def _hold(session: Session, race: Race) -> LiveRace:
    """The LIVE race, fresh; nobody else changes it until the transaction ends. Raises RuleBroken (missing)."""
    live = session.get(LiveRace, race.id, populate_existing=True, with_for_update=True)
    if live is None:
        raise RuleBroken(Code.MISSING, "This is no LIVE race.")
    return live


def _hold_own(session: Session, race: Race, by: Racer) -> LiveRace:
    if not races.may_change(race, by):
        raise RuleBroken(Code.FORBIDDEN, "Only the organizer of this race can do that.")
    return _hold(session, race)


def _changed(session: Session, live: LiveRace) -> None:
    live.version += 1
    session.add(live)
    session.flush()
