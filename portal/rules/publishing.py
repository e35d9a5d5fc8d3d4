"""Which results of a race the public sees already: nothing newer than the moment at which its standings froze."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, exists, not_
from sqlmodel import Session, col, select

from portal.tables import Evaluation, Race, RaceFreeze


def freeze_of(session: Session, race: Race) -> RaceFreeze | None:
    """The race's freeze while it holds or is ahead; None where there is none or it has ended."""
    freeze = session.exec(select(RaceFreeze).where(RaceFreeze.race_id == race.id)).first()
    return None if freeze is None or freeze.ended_at is not None else freeze


def is_frozen(freeze: RaceFreeze | None, now: datetime) -> bool:
    """True from the moment of the freeze until its end."""
    return freeze is not None and freeze.freezes_at <= now


def is_public() -> ColumnElement[bool]:
    """The clause for evaluations whose results everybody sees who sees their race.

    A freeze that is ahead hides nothing: no result is newer than now.
    """
    newer = exists().where(
        col(RaceFreeze.race_id) == Evaluation.race_id,
        col(RaceFreeze.ended_at).is_(None),
        col(RaceFreeze.freezes_at) < Evaluation.ended_at,
    )
    return not_(newer)


def is_published(session: Session, evaluation: Evaluation) -> bool:
    """True where everybody who sees the race sees this result."""
    return session.exec(select(Evaluation.id).where(Evaluation.id == evaluation.id, is_public())).first() is not None
