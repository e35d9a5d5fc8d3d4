"""Which results of a race the public sees already: nothing newer than its freeze, and of a LIVE race what was shown."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, not_
from sqlmodel import Session, col, select

from portal.tables import Evaluation, LiveRun, Race, RaceFreeze


def freeze_of(session: Session, race: Race) -> RaceFreeze | None:
    """The race's freeze while it holds or is ahead; None where there is none or it has ended."""
    freeze = session.exec(select(RaceFreeze).where(RaceFreeze.race_id == race.id)).first()
    return None if freeze is None or freeze.ended_at is not None else freeze


def is_frozen(freeze: RaceFreeze | None, now: datetime) -> bool:
    """True from the moment of the freeze until its end."""
    return freeze is not None and freeze.freezes_at <= now


def was_shown() -> ColumnElement[bool]:
    """The clause for evaluations that count: a run of a LIVE race does so when everybody has seen it."""
    unseen = exists().where(col(LiveRun.evaluation_id) == Evaluation.id, col(LiveRun.shown_at).is_(None))
    return not_(unseen)


def came_at() -> ColumnElement[datetime]:
    """The moment at which an evaluation's result came: its end; of a run of a LIVE race when everybody had seen it."""
    shown = select(LiveRun.shown_at).where(LiveRun.evaluation_id == Evaluation.id).correlate(Evaluation)
    return func.coalesce(shown.scalar_subquery(), col(Evaluation.ended_at))


def is_public() -> ColumnElement[bool]:
    """The clause for evaluations whose results everybody sees who sees their race.

    A freeze that is ahead hides nothing: no result is newer than now.
    """
    newer = exists().where(
        col(RaceFreeze.race_id) == Evaluation.race_id,
        col(RaceFreeze.ended_at).is_(None),
        col(RaceFreeze.freezes_at) < came_at(),
    )
    return and_(not_(newer), was_shown())


def is_shown(session: Session, evaluation: Evaluation) -> bool:
    """False for a run of a LIVE race that the broadcast has not shown to its end: not even its racer knows it."""
    return session.exec(select(Evaluation.id).where(Evaluation.id == evaluation.id, was_shown())).first() is not None


def is_published(session: Session, evaluation: Evaluation) -> bool:
    """True where everybody who sees the race sees this result."""
    return session.exec(select(Evaluation.id).where(Evaluation.id == evaluation.id, is_public())).first() is not None
