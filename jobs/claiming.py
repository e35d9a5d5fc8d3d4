"""The beginning of every job: to become its owner, or to leave quietly."""

from __future__ import annotations

from typing import NamedTuple

from jobs import announce
from jobs.workplace import Workplace
from portal import clock
from portal.database import write_session
from portal.rules import ledger, queueing
from portal.rules.queueing import AnyJob
from portal.tables import JobKind


class Claimed(NamedTuple):
    """A job that is ours: the row as it was claimed, its token, and what is left of its reservation."""

    job: AnyJob
    token: str
    left_ms: int


def claim(workplace: Workplace, kind: JobKind, job_id: int) -> Claimed | None:
    """Claims a job and tells its watchers. None: somebody else's, over, refused, or waiting for a limit."""
    with write_session(workplace.engine) as session:
        token = queueing.claim(session, kind, job_id, worker=workplace.worker, now=clock.now())
        job = queueing.find(session, kind, job_id)
        reservation = ledger.reservation_of(session, kind, job_id)
    announce.state(workplace, kind, job_id)
    if token is None or job is None or reservation is None:
        return None
    return Claimed(job, token, max(1, reservation.amount_ms - job.used_ms))
