"""The administrator's summary: how much of everything there is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from portal.rules import limits
from portal.tables import (
    Account,
    Car,
    Evaluation,
    JobState,
    Limits,
    Model,
    Race,
    Racer,
    Sponsorship,
    TrainingRun,
    Visibility,
)


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Jobs of one kind that are not over, and how many may run at once."""

    running: int
    queued: int
    at_once: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The instance in numbers."""

    racers: int
    racers_paused: int
    models: int
    races: int
    trainings: JobCounts
    evaluations: JobCounts
    used_ms: int
    reserved_ms: int
    spent_microusd: int
    limits: Limits


@dataclass(frozen=True, slots=True)
class Shared:
    """How much of what all racers share is taken now."""

    trainings: int
    evaluations: int
    cars: int
    private_leaderboards: int


def shared(session: Session) -> Shared:
    """The numbers of now, for the limits beside them."""
    private = select(func.count()).select_from(Race)
    return Shared(
        trainings=_jobs(session, TrainingRun, 0).running,
        evaluations=_jobs(session, Evaluation, 0).running,
        cars=session.exec(select(func.count()).select_from(Car).where(col(Car.deleted_at).is_(None))).one(),
        private_leaderboards=session.exec(
            private.where(Race.visibility == Visibility.PRIVATE, col(Race.deleted_at).is_(None))
        ).one(),
    )


def current(session: Session) -> Overview:
    """The numbers of now."""
    allowed = limits.current(session)
    used, reserved, spent = session.exec(
        select(
            func.coalesce(func.sum(Account.used_ms), 0),
            func.coalesce(func.sum(Account.reserved_ms), 0),
            func.coalesce(func.sum(Account.spent_microusd), 0),
        )
    ).one()
    return Overview(
        racers=session.exec(select(func.count()).select_from(Racer)).one(),
        racers_paused=session.exec(
            select(func.count()).select_from(Racer).where(Racer.sponsorship == Sponsorship.PAUSED)
        ).one(),
        models=session.exec(select(func.count()).select_from(Model).where(col(Model.deleted_at).is_(None))).one(),
        races=session.exec(select(func.count()).select_from(Race).where(col(Race.deleted_at).is_(None))).one(),
        trainings=_jobs(session, TrainingRun, allowed.trainings_at_once),
        evaluations=_jobs(session, Evaluation, allowed.evaluations_at_once),
        used_ms=int(used),
        reserved_ms=int(reserved),
        spent_microusd=int(spent),
        limits=allowed,
    )


def _jobs(session: Session, table: type[TrainingRun] | type[Evaluation], at_once: int) -> JobCounts:
    state = col(table.state)
    by_state = dict(
        session.exec(
            select(state, func.count()).where(state.in_([JobState.RUNNING, JobState.QUEUED])).group_by(state)
        ).all()
    )
    return JobCounts(by_state.get(JobState.RUNNING, 0), by_state.get(JobState.QUEUED, 0), at_once)
