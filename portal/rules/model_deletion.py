"""Deleting models: first so that it can be undone, then for good, when the files go too.

A deleted model is in no garage and costs no storage any more. Its files stay for GRACE, so that it can be brought back
(`models.bring_back`); then maintenance, or an administrator before it, deletes it for good. What it drove in races is
the races': rows, laps and replays stay, the replays until GRACE after a race itself was deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists
from sqlmodel import Session, col, select

from portal.rules import audit, queueing
from portal.rules.broken import Code, RuleBroken
from portal.tables import Evaluation, JobState, Model, Race, Racer, TrainingRun

GRACE = timedelta(days=7)
"""How long a deleted model can be brought back."""
AT_WORK = (JobState.QUEUED, JobState.RUNNING)
MOST_AT_ONCE = 200
"""What one round of maintenance takes; the next round goes on."""


def delete(session: Session, model: Model, *, by: Racer | None, now: datetime, reason: str = "") -> bool:
    """Takes a model out of its garage, so that it can be brought back for GRACE. False: it was deleted already.

    Whose it is was checked by the caller. Raises RuleBroken (conflict) while it is trained or evaluated; a race's
    evaluation drives on, with the weights that stay for it.
    """
    held = _hold(session, model)
    if held.deleted_at is not None:
        return False
    if held.id in queueing.models_at_work(session, held.racer_id, states=AT_WORK):
        raise RuleBroken(Code.CONFLICT, "This model is at work. Stop it or wait for the end, then delete it.")
    held.deleted_at = now
    session.flush()
    _record(session, "model.delete", held, by=by, now=now, reason=reason)
    return True


def for_good(session: Session, model: Model, *, by: Racer | None, now: datetime, reason: str = "") -> bool:
    """Ends the time in which a deleted model can be brought back; maintenance removes its files. False: it was so.

    Raises RuleBroken (conflict) where it was not deleted before, and while a race's evaluation needs its weights.
    """
    held = _hold(session, model)
    if held.purged_at is not None:
        return False
    if held.deleted_at is None:
        raise RuleBroken(Code.CONFLICT, "This model was not deleted. Delete it first.")
    if _is_at_work(session, held):
        message = "A race's evaluation still needs the weights of this model. Wait for its end, then try again."
        raise RuleBroken(Code.CONFLICT, message)
    held.purged_at, held.stored_bytes = now, 0
    session.flush()
    _record(session, "model.delete_for_good", held, by=by, now=now, reason=reason)
    return True


def can_come_back(model: Model) -> bool:
    """True for a deleted model whose files are still there."""
    return model.deleted_at is not None and model.purged_at is None


def due(session: Session, now: datetime) -> list[Model]:
    """Deleted models whose time is over and that nothing needs any more."""
    query = select(Model).where(
        col(Model.deleted_at) <= now - GRACE,
        col(Model.purged_at).is_(None),
        *(
            ~exists().where(col(table.model_id) == col(Model.id), col(table.state).in_(AT_WORK))
            for table in (TrainingRun, Evaluation)
        ),
    )
    return list(session.exec(query.order_by(col(Model.id)).limit(MOST_AT_ONCE)))


def with_files(session: Session) -> list[queueing.AnyJob]:
    """Trainings and own evaluations of models that were deleted for good, whose files may still be there."""
    gone = select(Model.id).where(col(Model.purged_at).is_not(None)).scalar_subquery()
    trainings = select(TrainingRun).where(col(TrainingRun.model_id).in_(gone), col(TrainingRun.artefact).is_not(None))
    evaluations = select(Evaluation).where(
        col(Evaluation.model_id).in_(gone), col(Evaluation.artefact).is_not(None), col(Evaluation.race_id).is_(None)
    )
    return [*session.exec(trainings.limit(MOST_AT_ONCE)), *session.exec(evaluations.limit(MOST_AT_ONCE))]


def races_with_files(session: Session, now: datetime) -> list[Evaluation]:
    """Evaluations that are over, of races that were deleted GRACE ago, whose files may still be there."""
    gone = select(Race.id).where(col(Race.deleted_at) <= now - GRACE).scalar_subquery()
    query = select(Evaluation).where(
        col(Evaluation.race_id).in_(gone), col(Evaluation.artefact).is_not(None), col(Evaluation.state).not_in(AT_WORK)
    )
    return list(session.exec(query.order_by(col(Evaluation.id)).limit(MOST_AT_ONCE)))


def forget_files(session: Session, jobs: Sequence[queueing.AnyJob]) -> None:
    """Notes that the files of these jobs are gone."""
    for job in jobs:
        row = queueing.find(session, queueing.kind_of(job), job.id or 0)
        if row is not None:
            row.artefact, row.size_bytes = None, 0
    session.flush()


def _hold(session: Session, model: Model) -> Model:
    """The model, fresh; nobody else deletes it or puts it to work until the transaction ends."""
    return session.get_one(Model, model.id, populate_existing=True, with_for_update={"key_share": True})


def _is_at_work(session: Session, model: Model) -> bool:
    """True while any job of the model waits or runs, a race's evaluation included."""
    for table in (TrainingRun, Evaluation):
        active = select(table.id).where(col(table.model_id) == model.id, col(table.state).in_(AT_WORK))
        if session.exec(active.limit(1)).first() is not None:
            return True
    return False


def _record(session: Session, action: str, model: Model, *, by: Racer | None, now: datetime, reason: str) -> None:
    owner = session.get_one(Racer, model.racer_id)
    facts = {"name": model.name, "owner": owner.alias or owner.name}
    audit.record(session, action, f"model:{model.public_id}", by=by, now=now, after=facts, reason=reason)
