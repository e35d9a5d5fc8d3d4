"""What a model was used for and what it takes, cached on its row for lists; the ledger and the disk are the truth."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ScalarSelect, func
from sqlmodel import Session, col, or_, select, update

from portal.tables import Evaluation, Model, TrainingRun


def hold(session: Session, model_id: int) -> None:
    """Holds a model until the transaction ends: before the account is, and before its jobs are summed up."""
    session.exec(select(Model.id).where(Model.id == model_id).with_for_update(key_share=True)).one()


def touch(session: Session, model_id: int, now: datetime) -> None:
    """Remembers that it was trained, evaluated, entered in a race or downloaded; a clock that jumps back does not."""
    last = col(Model.last_used_at)
    later = or_(last.is_(None), last < now)
    session.exec(update(Model).where(col(Model.id) == model_id, later).values(last_used_at=now))


def charge(session: Session, model_id: int, used_ms: int) -> None:
    """Adds time that one of its jobs was charged, a race's included: in the transaction that settles it."""
    if used_ms:
        session.exec(update(Model).where(col(Model.id) == model_id).values(used_ms=col(Model.used_ms) + used_ms))


def measure(session: Session, model_id: int) -> None:
    """Makes `stored_bytes` what the artefacts of its trainings and its own evaluations take; a race's are the race's.

    To be called wherever the artefact or the size of one of its jobs changes.
    """
    trainings = _stored(TrainingRun, model_id)
    evaluations = _stored(Evaluation, model_id, col(Evaluation.race_id).is_(None))
    session.flush()
    hold(session, model_id)
    session.exec(update(Model).where(col(Model.id) == model_id).values(stored_bytes=trainings + evaluations))


def _stored(table: type[TrainingRun] | type[Evaluation], model_id: int, *besides: object) -> ScalarSelect[int]:
    total = select(func.coalesce(func.sum(col(table.size_bytes)), 0))
    kept = total.where(col(table.model_id) == model_id, col(table.artefact).is_not(None), *besides)  # type: ignore[arg-type]
    return kept.scalar_subquery()
