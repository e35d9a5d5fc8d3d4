"""Storage: once a day every artefact is measured and each account is charged, a slice at a time.

A slice is short, so that the rounds of maintenance, which ring for jobs, never wait for it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import structlog
from sqlalchemy import Engine

from jobs import artefacts
from portal.database import read_session, write_session
from portal.rules import storage
from portal.tables import JobKind

BUDGET_S = 0.25
"""What one round may spend here; the slice in which it ends is finished."""
JOBS_A_SLICE = 50
ACCOUNTS_A_SLICE = 25

log = structlog.get_logger(__name__)


class StorageRounds:
    """One process's way through the day: first all artefacts, then all accounts, then nothing until tomorrow.

    What was done is in the rows and the ledger: a process that starts again, or a second one, does no harm.
    """

    def __init__(self, engine: Engine, runs: Path) -> None:
        self._engine, self._runs = engine, runs
        self._slices: Iterator[None] | None = None
        self._begun: date | None = None
        self._done: date | None = None
        self._now: datetime

    def go(self, now: datetime, budget_s: float = BUDGET_S) -> bool:
        """Does slices until the budget is spent, one at least; True when the day's work is done."""
        day = storage.today(now)
        if self._done == day:
            return True
        if self._slices is None or self._begun != day:
            self._slices, self._begun = self._day(), day
        self._now, until = now, time.monotonic() + budget_s
        try:
            for _ in self._slices:
                if time.monotonic() >= until:
                    return False
        except Exception:
            self._slices = None  # the next round begins the day again
            raise
        self._slices, self._done = None, day
        return True

    def _day(self) -> Iterator[None]:
        if self._is_there():
            for kind in JobKind:
                yield from self._measure(kind)
        else:
            log.warning("the runs are not there; storage is charged by what was known", runs=str(self._runs))
        yield from self._charge()

    def _is_there(self) -> bool:
        """False where the folder is away or empty, as an unmounted one is: nobody's models are gone because of that."""
        try:
            with os.scandir(self._runs) as entries:
                return next(entries, None) is not None
        except FileNotFoundError:
            return False

    def _measure(self, kind: JobKind) -> Iterator[None]:
        last, changed = 0, 0
        while True:
            with read_session(self._engine) as session:
                jobs = storage.kept(session, kind, after_id=last, most=JOBS_A_SLICE)
            if not jobs:
                break
            found = {job: artefacts.size_bytes(self._runs / job.artefact) for job in jobs}
            if any(job.size_bytes != size for job, size in found.items()):
                with write_session(self._engine) as session:
                    changed += storage.correct(session, kind, found)
            last = jobs[-1].job_id
            yield
        if changed:
            log.info("corrected what artefacts take", kind=str(kind), jobs=changed)

    def _charge(self) -> Iterator[None]:
        with read_session(self._engine) as session:
            days = storage.days_due(session, self._now)
        for on_day in days:
            with read_session(self._engine) as session:
                due = storage.charges(session, on_day, now=self._now)
            yield
            for start in range(0, len(due), ACCOUNTS_A_SLICE):
                with write_session(self._engine) as session:
                    storage.charge(session, due[start : start + ACCOUNTS_A_SLICE], now=self._now)
                yield
            with write_session(self._engine) as session:
                storage.finish(session, on_day)
            if due:
                log.info("charged a day of storage", day=on_day.isoformat(), accounts=len(due))
