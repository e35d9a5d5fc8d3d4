"""Models and jobs for the tests of rules and workers, and what must hold after any history."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, select

from portal.rules import ledger, queueing, trainings
from portal.tables import (
    Account,
    EntryKind,
    JobKind,
    JobState,
    LedgerEntry,
    Model,
    Racer,
    Reservation,
    ReservationState,
    RewardFunction,
    TrainingRun,
)
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from tests.cast import NOON, make_racer

MINUTE_MS = 60_000
GOOD_REWARD = "def reward_function(params):\n    return 1.0 if params['all_wheels_on_track'] else 1e-3\n"


def after(seconds: float) -> datetime:
    """A moment after noon."""
    return NOON + timedelta(seconds=seconds)


def make_sponsored(session: Session, alias: str = "alice", *, quota_ms: int = 60 * MINUTE_MS, **values: Any) -> Racer:
    """A racer whose account's quota is in the ledger, as it is for real people."""
    racer = make_racer(session, alias, quota_ms=0, **values)
    ledger.set_quota(session, racer, quota_ms, by=None, now=NOON)
    return racer


def make_model(
    session: Session,
    racer: Racer,
    name: str = "swift",
    *,
    limit_ms: int = 10 * MINUTE_MS,
    track: str = "paddock-oval",
    code: str = GOOD_REWARD,
) -> Model:
    """A model with one version of a reward function."""
    model = Model(
        racer_id=racer.id or 0,
        name=name,
        car_name="car",
        car_metadata=Car.default().to_metadata(),
        track=track,
        direction="counterclockwise",
        hyperparameters=Hyperparameters().to_dict(),
        training_limit_ms=limit_ms,
        created_at=NOON,
    )
    session.add(model)
    session.flush()
    session.add(RewardFunction(model_id=model.id or 0, version=1, code=code, created_at=NOON))
    session.flush()
    return model


def claim(session: Session, run: TrainingRun, seconds: float = 0) -> str | None:
    """A worker's claim of a training, so long after noon."""
    return queueing.claim(session, JobKind.TRAINING, run.id or 0, worker="w", now=after(seconds))


def finish(session: Session, run: TrainingRun, token: str, seconds: float, **values: Any) -> object:
    """The end of a training, so long after noon."""
    values.setdefault("state", JobState.COMPLETED)
    return queueing.finish(session, JobKind.TRAINING, run.id or 0, token, now=after(seconds), **values)


def make_trained(session: Session, racer: Racer, name: str = "trained", artefact: str = "training-1/1-a") -> Model:
    """A model that has weights, as far as the database knows."""
    model = make_model(session, racer, name, limit_ms=MINUTE_MS)
    run = trainings.request(session, model, by=racer, now=NOON, seed=1)
    token = claim(session, run)
    assert token is not None
    finish(session, run, token, 10, artefact=artefact)
    return model


def check_ledger(session: Session) -> None:
    """The cached sums equal the ledger's, nothing is over a quota that reservations made, each job settled once."""
    for account in session.exec(select(Account)):
        assert ledger.balance_of(account) == ledger.recompute(session, account)
        held = session.exec(
            select(Reservation).where(Reservation.account_id == account.id, Reservation.state == ReservationState.HELD)
        ).all()
        assert account.reserved_ms == sum(reservation.amount_ms for reservation in held)
    for kind in JobKind:
        for job in session.exec(select(queueing.table_of(kind))):
            check_job(session, kind, job)


def check_job(session: Session, kind: JobKind, job: queueing.AnyJob) -> None:
    """One reservation and one reserve line per job; one settle or release line exactly when it is over."""
    lines = session.exec(
        select(LedgerEntry.kind).where(LedgerEntry.job_kind == kind, LedgerEntry.job_id == job.id)
    ).all()
    reservation = ledger.reservation_of(session, kind, job.id or 0)
    assert reservation is not None
    assert lines.count(EntryKind.RESERVE) == 1
    endings = lines.count(EntryKind.SETTLE) + lines.count(EntryKind.RELEASE)
    assert endings == (1 if job.is_over else 0)
    assert (reservation.state == ReservationState.HELD) == (not job.is_over)
    assert (job.token is not None) == (job.state == JobState.RUNNING) == (job.lease_until is not None)
    assert (job.ended_at is not None) == job.is_over
