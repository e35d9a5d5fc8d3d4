"""Keeping a claimed job: a thread renews its lease and sees when it must stop."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from types import TracebackType

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from jobs.workplace import Workplace
from portal import clock
from portal.database import read_session, write_session
from portal.rules import queueing
from portal.tables import JobKind

RENEW_EVERY_S = 15.0
LOOK_EVERY_S = 1.0
PATIENCE_S = 6.0
"""How long a job may take to come to its next checkpoint when the worker is to stop; the supervisor waits for ten."""

log = structlog.get_logger(__name__)


class LeaseKeeper:
    """Holds one job for its worker. Use it as a context manager around the work.

    The flags are read by the work: `lost` (write nothing any more), `stop_requested` (by the racer), `spent` (the
    `left_ms` of the reservation are over). `abandon` is called where the work does not stop in time for a worker that
    is to stop.
    """

    def __init__(
        self,
        workplace: Workplace,
        kind: JobKind,
        job_id: int,
        token: str,
        left_ms: int,
        *,
        abandon: Callable[[], None] | None = None,
    ) -> None:
        self._place, self._kind, self._job_id, self._token = workplace, kind, job_id, token
        self._spent_s = time.monotonic() + left_ms / 1000
        self._abandon = abandon
        self._over = threading.Event()
        self._renewed_s = time.monotonic()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{kind}-{job_id}", daemon=True)
        self.lost = False
        self.stop_requested = False

    def __enter__(self) -> LeaseKeeper:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def spent(self) -> bool:
        """True when nothing is left of the job's reservation."""
        return time.monotonic() >= self._spent_s

    @property
    def must_stop(self) -> bool:
        """True when the work should end at its next good moment."""
        return self.lost or self.stop_requested or self.spent or self._place.stopping.is_set()

    def _keep(self) -> None:
        stopping_since: float | None = None
        while not self._over.wait(LOOK_EVERY_S) and not self.lost:
            now_s = time.monotonic()
            try:
                self.renew() if now_s - self._renewed_s >= RENEW_EVERY_S else self._look()
            except SQLAlchemyError as error:  # the lease is longer than a database's hiccup
                log.warning("the lease could not be renewed", kind=self._kind, job=self._job_id, error=str(error))
            if self._place.stopping.is_set():
                stopping_since = stopping_since or now_s
                if self._abandon is not None and now_s - stopping_since >= PATIENCE_S:
                    self._abandon()

    def renew(self) -> None:
        """Charges the time up to now and extends the lease; sets the flags."""
        self._renewed_s = time.monotonic()
        with write_session(self._place.engine) as session:
            lease = queueing.renew(session, self._kind, self._job_id, self._token, now=clock.now())
        if lease is None:
            self.lost = True
            return
        self.stop_requested = lease.stop_requested

    def _look(self) -> None:
        """A cheap look between two renewals, so that a stop is seen within a second or two."""
        table = queueing.table_of(self._kind)
        query = select(table.token, table.stop_requested_at).where(col(table.id) == self._job_id)
        with read_session(self._place.engine) as session:
            row = session.exec(query).first()
        if row is None or row[0] != self._token:
            self.lost = True
        else:
            self.stop_requested = row[1] is not None


def leave_at_once() -> None:
    """Ends this process without a word more; what holds the job in the database says what happens next."""
    os._exit(1)
