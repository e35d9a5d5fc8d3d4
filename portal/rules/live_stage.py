"""Looking at a LIVE race: its queue, its stage, and where the car is in its drive at a moment."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from portal.tables import Evaluation, LiveRace, LiveRun, LiveState, Model, Race, Racer

MILLISECOND = timedelta(milliseconds=1)


def of(session: Session, race: Race) -> LiveRace | None:
    """What makes the race a LIVE race; None for every other."""
    return session.get(LiveRace, race.id)


def stage_run(session: Session, live: LiveRace) -> LiveRun | None:
    """The run that everybody sees."""
    return session.get(LiveRun, live.stage_run_id) if live.stage_run_id else None


def queue(session: Session, race: Race) -> list[tuple[LiveRun, Racer]]:
    """The cars that wait, the next one first."""
    return _runs(session, race, waiting=True)


def done(session: Session, race: Race) -> list[tuple[LiveRun, Racer]]:
    """The cars that were on the stage, the newest first."""
    return _runs(session, race, waiting=False)[::-1]


def _runs(session: Session, race: Race, *, waiting: bool) -> list[tuple[LiveRun, Racer]]:
    state = col(LiveRun.state) == LiveState.WAITING if waiting else col(LiveRun.state) != LiveState.WAITING
    query = (
        select(LiveRun, Racer)
        .join(Racer, col(Racer.id) == col(LiveRun.racer_id))
        .where(LiveRun.race_id == race.id, state)
        .order_by(col(LiveRun.position), col(LiveRun.id))
    )
    return [(run, racer) for run, racer in session.exec(query)]


def find_run(session: Session, race: Race, public_id: str) -> LiveRun | None:
    return session.exec(select(LiveRun).where(LiveRun.race_id == race.id, LiveRun.public_id == public_id)).first()


def position_ms(run: LiveRun, now: datetime) -> int:
    """How far into its drive the car is; 0 before it starts."""
    if run.anchor_at is None:
        return run.anchor_ms
    moved = max(0, (now - run.anchor_at) // MILLISECOND) * run.speed_percent // 100
    return min(run.anchor_ms + moved, run.drive_ms or 0)


def is_over(run: LiveRun, now: datetime) -> bool:
    """True where the car that drives has come to the end of its drive."""
    return run.state == LiveState.DRIVING and run.drive_ms is not None and position_ms(run, now) >= run.drive_ms


def racer_of(session: Session, run: LiveRun) -> Racer:
    return session.get_one(Racer, run.racer_id)


def model_of(session: Session, run: LiveRun) -> Model:
    return session.get_one(Model, run.model_id)


def evaluation_of(session: Session, run: LiveRun) -> Evaluation | None:
    return session.get(Evaluation, run.evaluation_id) if run.evaluation_id else None
