"""Files of deleted models and of deleted races: removed when nobody can bring the model back, or asks for the race.

The row says so first (`purged_at`), in a transaction of its own; then the folders go, and the jobs forget them.
Whatever stops in between is gone on with in the next round.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Engine

from jobs import artefacts
from portal.database import read_session, write_session
from portal.rules import model_deletion
from portal.rules.broken import RuleBroken

STAGED = "import-*.partial"
"""Folders in which an import is unpacked (`portal.model_import`); one that is left was interrupted."""
STAGED_FOR = timedelta(days=1)

log = structlog.get_logger(__name__)


def purge(engine: Engine, runs: Path, now: datetime) -> int:
    """One round; returns how many jobs' folders were removed."""
    _mark(engine, now)
    _discard_staged(runs, now)
    with read_session(engine) as session:
        jobs = [*model_deletion.with_files(session), *model_deletion.races_with_files(session, now)]
    for job in jobs:
        artefacts.discard(artefacts.folder_of(runs, job))
    if jobs:
        with write_session(engine) as session:
            model_deletion.forget_files(session, jobs)
        log.info("removed the files of deleted models and races", jobs=len(jobs))
    return len(jobs)


def _mark(engine: Engine, now: datetime) -> None:
    with read_session(engine) as session:
        models = model_deletion.due(session, now)
    for model in models:
        try:
            with write_session(engine) as session:
                model_deletion.for_good(session, model, by=None, now=now, reason="its time was over")
        except RuleBroken as kept:  # brought back or put to work meanwhile
            log.info("a deleted model stays", model=model.public_id, reason=kept.message)


def _discard_staged(runs: Path, now: datetime) -> None:
    for folder in runs.glob(STAGED):
        if folder.stat().st_mtime < (now - STAGED_FOR).timestamp():
            artefacts.discard(folder)
