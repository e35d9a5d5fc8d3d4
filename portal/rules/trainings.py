"""Trainings of a model: requested, watched, stopped."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlmodel import Session, col, delete, select

from portal.rules import audit, budgets, ledger, model_use, outbox, queueing, sponsorship
from portal.rules.broken import Code, RuleBroken
from portal.tables import JobKind, JobState, Model, Racer, RewardFunction, TrainingIteration, TrainingRun

ACTIVE = (JobState.QUEUED, JobState.RUNNING)
SEEDS = 2**31
BEST_DRIVE = "best-drive.json"
"""In a training's folder: the evaluation drive of its best iteration, for the map on its page."""


def request(session: Session, model: Model, *, by: Racer, now: datetime, seed: int | None = None) -> TrainingRun:
    """Queues a training of the racer's own model and reserves its whole stop time.

    Raises RuleBroken: missing (not the racer's model), forbidden (not sponsored now), conflict (the model is being
    trained, has no reward function, too many models at work, too little quota left, or a budget's hard cap).
    """
    budgets.hold(session)
    model = own_model(session, model, by)
    sponsorship.require(session, by)
    account = ledger.account_of(session, by)
    budgets.require(session, account, JobKind.TRAINING, model.training_limit_ms, now=now)
    queueing.admit(session, account, model.racer_id, model.id or 0)
    if active(session, model) is not None:
        raise RuleBroken(Code.CONFLICT, "This model is being trained already. Wait for the end or stop it.")
    run = TrainingRun(
        racer_id=model.racer_id,
        model_id=model.id or 0,
        queued_at=now,
        seed=secrets.randbelow(SEEDS) if seed is None else seed,
        reward_function_id=_current_reward_function(session, model).id or 0,
        limit_ms=model.training_limit_ms,
        configuration=configuration_of(model) | _inheritance(session, model),
    )
    session.add(run)
    session.flush()
    ledger.reserve(session, account, JobKind.TRAINING, run.id or 0, run.limit_ms, now=now)
    held = {"model": model.public_id, "held_ms": run.limit_ms}
    audit.record(session, "training.request", queueing.subject(run), by=by, now=now, after=held)
    outbox.put(session, JobKind.TRAINING, run.id or 0, run.attempt, now)
    model_use.touch(session, run.model_id, now)
    return run


def own_model(session: Session, model: Model, racer: Racer) -> Model:
    """The model, fresh, where it is the racer's and not deleted; else RuleBroken (missing).

    Nobody deletes it until the transaction ends.
    """
    found = session.get(Model, model.id, populate_existing=True, with_for_update={"key_share": True})
    if found is None or found.racer_id != racer.id or found.deleted_at is not None:
        raise RuleBroken(Code.MISSING, "There is no such model.")
    return found


def _current_reward_function(session: Session, model: Model) -> RewardFunction:
    query = select(RewardFunction).where(RewardFunction.model_id == model.id)
    newest = session.exec(query.order_by(col(RewardFunction.version).desc())).first()
    if newest is None:
        raise RuleBroken(Code.CONFLICT, "This model has no reward function yet. Write one first.")
    return newest


def configuration_of(model: Model) -> dict[str, object]:
    """What a training of the model as it is set now runs with."""
    return {
        "track": model.track,
        "direction": model.direction,
        "car": dict(model.car_metadata),
        "hyperparameters": dict(model.hyperparameters),
        **model.scene,
    }


def _inheritance(session: Session, model: Model) -> dict[str, object]:
    """What a clone's training begins with: the training whose weights its parent has now. Nothing without any."""
    parent = session.get(Model, model.cloned_from_id) if model.cloned_from_id else None
    weights = weights_of(session, parent) if parent is not None and model.imported_from is None else None
    if parent is None or weights is None:
        return {}
    facts = {"model": parent.name, "training": weights.public_id, "weights": weights.fingerprint}
    return {"parent": facts}


def active(session: Session, model: Model) -> TrainingRun | None:
    """The model's queued or running training."""
    query = select(TrainingRun).where(TrainingRun.model_id == model.id, col(TrainingRun.state).in_(ACTIVE))
    return session.exec(query).first()


def stop(session: Session, run: TrainingRun, *, by: Racer, now: datetime) -> bool:
    """Stops a training of the racer's own: at once where it is queued, else after the iteration, with the model saved.

    False: over or asked for before. An administrator may stop everybody's. Raises RuleBroken (missing) else.
    """
    if run.racer_id != by.id and not by.is_admin:
        raise RuleBroken(Code.MISSING, "There is no such training.")
    return queueing.request_stop(session, JobKind.TRAINING, run.id or 0, now=now, by=by)


def get_own(session: Session, racer: Racer, public_id: str) -> TrainingRun:
    """The racer's training. Raises RuleBroken (missing) for anybody else's."""
    query = select(TrainingRun).where(TrainingRun.public_id == public_id, TrainingRun.racer_id == racer.id)
    run = session.exec(query).first()
    if run is None:
        raise RuleBroken(Code.MISSING, "There is no such training.")
    return run


def of_model(session: Session, model: Model) -> list[TrainingRun]:
    """All trainings of a model, newest first."""
    query = select(TrainingRun).where(TrainingRun.model_id == model.id)
    return list(session.exec(query.order_by(col(TrainingRun.id).desc())))


def latest(session: Session, model: Model) -> TrainingRun | None:
    """The model's newest training, whatever its state."""
    query = select(TrainingRun).where(TrainingRun.model_id == model.id)
    return session.exec(query.order_by(col(TrainingRun.id).desc()).limit(1)).first()


def weights_of(session: Session, model: Model) -> TrainingRun | None:
    """The training whose weights are the model's: the newest that is over and left weights behind.

    One that failed after it had saved its model counts only where there is no other.
    """
    query = select(TrainingRun).where(
        TrainingRun.model_id == model.id,
        col(TrainingRun.artefact).is_not(None),
        col(TrainingRun.state).not_in(ACTIVE),
    )
    failed_last = (col(TrainingRun.state) == JobState.FAILED, col(TrainingRun.id).desc())
    return session.exec(query.order_by(*failed_last).limit(1)).first()


def iterations(session: Session, run: TrainingRun) -> list[TrainingIteration]:
    """What each iteration measured, in order."""
    query = select(TrainingIteration).where(TrainingIteration.training_run_id == run.id)
    return list(session.exec(query.order_by(col(TrainingIteration.iteration))))


def record_iteration(session: Session, token: str, measured: TrainingIteration) -> bool:
    """Writes what an iteration measured, for the worker that owns the training. False: it is lost to that worker.

    A training that went on from a checkpoint repeats an iteration or two: the repeated ones replace the old.
    """
    run = queueing.owned(session, JobKind.TRAINING, measured.training_run_id, token)
    if not isinstance(run, TrainingRun):
        return False
    session.exec(
        delete(TrainingIteration).where(
            col(TrainingIteration.training_run_id) == run.id,
            col(TrainingIteration.iteration) >= measured.iteration,
        )
    )
    session.add(measured)
    run.iterations, run.episodes, run.steps = measured.iteration, measured.episodes, measured.steps
    if measured.best:
        run.best_iteration = measured.iteration
        run.completion_percent = measured.evaluation_completion
        run.best_lap_ms = measured.best_lap_ms
    session.flush()
    return True
