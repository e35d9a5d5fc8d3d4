"""Ringing for jobs that the queue has not heard of, or has forgotten: the database says what is to be done."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

import structlog
from redis import Redis
from rq import Queue
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from sqlalchemy import Engine
from sqlmodel import Session

from portal import doorbell
from portal.database import read_session, write_session
from portal.rules import outbox, queueing
from portal.tables import JobKind, JobState, OutboxEntry

HEAD_START = timedelta(seconds=2)
"""What the portal gets to ring itself, and a process that gave a job back to end."""
AT_MOST = 500
SILENT_AFTER = timedelta(seconds=90)
"""A queue's job that says it is started, and whose worker was not heard of for so long, is gone."""

log = structlog.get_logger(__name__)


def send_outbox(engine: Engine, redis: Redis, now: datetime) -> int:
    """Rings for what waits in the outbox; returns how many it rang for.

    Jobs that still wait for a limit stay there until they may start. Entries of jobs that are not queued any more, or
    are in a later attempt, are done with.
    """
    with read_session(engine) as session:
        entries = outbox.unsent(session, now - HEAD_START, AT_MOST)
        ready, waiting = _sorted_out(session, entries)
    rung = [entry for entry in ready if ring_anew(redis, JobKind(entry.job_kind), entry.job_id, entry.attempt, now)]
    kept = {entry.id for entry in (*waiting, *ready)} - {entry.id for entry in rung}
    done = [entry for entry in entries if entry.id not in kept]
    if done:
        with write_session(engine) as session:
            outbox.mark_sent(session, done, now)
    return len(rung)


def _sorted_out(session: Session, entries: list[OutboxEntry]) -> tuple[list[OutboxEntry], list[OutboxEntry]]:
    """The entries whose jobs may start, and those whose jobs wait for a limit."""
    ready: list[OutboxEntry] = []
    waiting: list[OutboxEntry] = []
    for entry in entries:
        job = queueing.look(session, JobKind(entry.job_kind), entry.job_id)
        if job is None or job.state != JobState.QUEUED or job.attempt != entry.attempt:
            continue
        (waiting if queueing.obstacle(session, job) else ready).append(entry)
    return ready, waiting


def ring_anew(redis: Redis, kind: JobKind, job_id: int, attempt: int, now: datetime) -> bool:
    """Rings once for a queued job, over what an earlier ring of the same name may have left behind."""
    try:
        left = Job.fetch(f"{kind}-{job_id}-{attempt}", connection=redis, serializer=JSONSerializer)
    except NoSuchJobError:
        return doorbell.ring(redis, kind, job_id, attempt)
    if _will_run(redis, left, kind, now):
        return True
    with contextlib.suppress(InvalidJobOperation):  # it may have vanished by itself
        left.delete()
    return doorbell.ring(redis, kind, job_id, attempt)


def _will_run(redis: Redis, job: Job, kind: JobKind, now: datetime) -> bool:
    status = job.get_status(refresh=False)
    if status == JobStatus.QUEUED:
        return _queue(redis, kind).get_job_position(job) is not None
    if status == JobStatus.STARTED:
        heard = job.last_heartbeat or job.started_at
        return heard is not None and now - heard < SILENT_AFTER
    return False


def reconcile(engine: Engine, redis: Redis, now: datetime) -> int:
    """Compares all queued jobs with the queue: rings for what it lost, removes what is not queued any more.

    The queue is read first: what is rung after that was committed before. Returns how many jobs are queued.
    """
    on_queue = {kind: _queue(redis, kind).get_job_ids() for kind in JobKind}
    with read_session(engine) as session:
        queued = [(kind, job) for kind in JobKind for job in queueing.queued(session, kind)]
        startable = [(kind, job) for kind, job in queued if not queueing.obstacle(session, job)]
    for kind, job in startable:
        ring_anew(redis, kind, job.id or 0, job.attempt, now)
    known = {f"{kind}-{job.id}-{job.attempt}" for kind, job in queued}
    for kind, names in on_queue.items():
        for name in set(names) - known:
            log.info("removed a job from the queue that is not queued any more", job=name)
            _queue(redis, kind).remove(name)
    return len(queued)


def _queue(redis: Redis, kind: JobKind) -> Queue:
    return Queue(doorbell.QUEUES[kind], connection=redis, serializer=JSONSerializer)
