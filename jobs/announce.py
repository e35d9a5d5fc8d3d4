"""Telling those who watch a job what became of it."""

from __future__ import annotations

from sqlmodel import Session

from jobs.workplace import Workplace
from portal import live
from portal.database import read_session
from portal.rules import queueing
from portal.tables import JobKind


def state(workplace: Workplace, kind: JobKind, job_id: int) -> None:
    """Publishes a job's state, message and place in the queue as they are stored."""
    with read_session(workplace.engine) as session:
        found = describe(session, kind, job_id)
    if found is not None:
        channel, data = found
        live.publish(workplace.redis, channel, "state", data)


def describe(session: Session, kind: JobKind, job_id: int) -> tuple[str, dict[str, str | int]] | None:
    """A job's channel and what is told about it: state, message, place (1 is next, 0 is not queued)."""
    job = queueing.look(session, kind, job_id)
    if job is None:
        return None
    place = queueing.place(session, job)
    return f"{kind}:{job.public_id}", {"state": str(job.state), "message": job.message, "place": place}
