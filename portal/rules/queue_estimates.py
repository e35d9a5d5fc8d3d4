"""How long a queued job will wait, estimated from the drives of the last hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median

from sqlmodel import Session, col, select

from portal.rules import queueing
from portal.tables import Evaluation, JobState

LOOKED_BACK = timedelta(hours=1)
MOST_LOOKED_AT = 50
MILLISECOND = timedelta(milliseconds=1)


def wait_ms(session: Session, evaluation: Evaluation, *, now: datetime) -> int | None:
    """About how long until a queued evaluation has its result; None where nothing was driven lately to go by.

    The median time of the latest drives, once for each round: so many workers as drove them take one each in a round.
    """
    place = queueing.place(session, evaluation)
    if place == 0:
        return None
    query = (
        select(Evaluation.started_at, Evaluation.ended_at, Evaluation.worker)
        .where(Evaluation.state == JobState.COMPLETED, col(Evaluation.ended_at) >= now - LOOKED_BACK)
        .order_by(col(Evaluation.ended_at).desc())
        .limit(MOST_LOOKED_AT)
    )
    rows = session.exec(query)
    lately = [((ended - started) // MILLISECOND, worker) for started, ended, worker in rows if started and ended]
    if not lately:
        return None
    workers = len({worker for _, worker in lately})
    rounds = -(-place // workers)
    return rounds * round(median(took_ms for took_ms, _ in lately))
