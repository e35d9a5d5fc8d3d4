"""Folders that nobody needs: attempts that lost are removed, and what a lost training had saved is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Engine

from jobs import artefacts
from portal.database import read_session, write_session
from portal.rules import queueing
from portal.rules.queueing import AnyJob
from portal.tables import JobKind, TrainingRun

QUIET = timedelta(seconds=30)
"""How long a job must be over: its worker may be writing its last file."""

log = structlog.get_logger(__name__)


def sweep(engine: Engine, runs: Path, now: datetime, since: datetime) -> int:
    """Tidies the folders of jobs that were over at `since` or later; returns how many folders it removed."""
    removed = 0
    for kind in JobKind:
        with read_session(engine) as session:
            jobs = queueing.ended_since(session, kind, since)
        for job in jobs:
            if job.ended_at is not None and job.ended_at <= now - QUIET:
                removed += _tidy(engine, runs, job)
    return removed


def _tidy(engine: Engine, runs: Path, job: AnyJob) -> int:
    folders = artefacts.attempts(artefacts.folder_of(runs, job))
    if not folders:
        return 0
    winner = job.artefact or _salvage(engine, runs, job, folders)
    losers = [path for path in artefacts.attempts(artefacts.folder_of(runs, job)) if not _is(runs, path, winner)]
    for path in losers:
        artefacts.discard(path)
    return len(losers)


def _is(runs: Path, path: Path, artefact: str | None) -> bool:
    return artefact is not None and path == runs / artefact


def _salvage(engine: Engine, runs: Path, job: AnyJob, folders: list[Path]) -> str | None:
    """Publishes the weights that the latest attempt had saved before its worker was lost or it was stopped."""
    if isinstance(job, TrainingRun) and job.iterations == 0:
        return None  # only the untrained network
    found = next((path for path in folders if artefacts.has_weights(path)), None)
    if found is None:
        return None
    size_bytes = artefacts.size_bytes(found)
    artefact = artefacts.publish(runs, found)
    with write_session(engine) as session:
        kept = queueing.salvage(session, queueing.kind_of(job), job.id or 0, artefact, size_bytes)
    if kept:
        log.info("kept what a lost attempt had saved", job=job.public_id, artefact=artefact)
    return artefact if kept else None
