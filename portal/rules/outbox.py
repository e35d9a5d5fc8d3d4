"""Attempts that the queue still has to hear of. They are written with the job and sent after the commit."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select, update

from portal.tables import JobKind, OutboxEntry


def put(session: Session, kind: JobKind, job_id: int, attempt: int, now: datetime) -> None:
    """Asks for one attempt of a job to be announced; asking again for the same attempt announces it again."""
    query = select(OutboxEntry).where(
        OutboxEntry.job_kind == kind, OutboxEntry.job_id == job_id, OutboxEntry.attempt == attempt
    )
    entry = session.exec(query).first()
    if entry is None:
        session.add(OutboxEntry(job_kind=kind, job_id=job_id, attempt=attempt, created_at=now))
    else:
        entry.created_at, entry.sent_at = now, None
    session.flush()


def unsent(session: Session, before: datetime, limit: int) -> list[OutboxEntry]:
    """The oldest entries that were not sent, written before a moment."""
    query = select(OutboxEntry).where(col(OutboxEntry.sent_at).is_(None), col(OutboxEntry.created_at) <= before)
    return list(session.exec(query.order_by(col(OutboxEntry.id)).limit(limit)))


def mark_sent(session: Session, entries: list[OutboxEntry], now: datetime) -> None:
    """Notes that the queue has heard of these."""
    ids = [entry.id for entry in entries]
    session.exec(update(OutboxEntry).where(col(OutboxEntry.id).in_(ids)).values(sent_at=now))
