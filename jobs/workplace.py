"""What the code of a job works with: settings, database, queue server, tracks, and whether its worker is to stop."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass, field
from types import FrameType

from redis import Redis
from sqlalchemy import Engine

from jobs.sandbox.lockdown import MAY_BE_ACCEPTED_MISSING
from portal import redis_connection
from portal.database import make_engine
from portal.settings import Settings
from sim.track_library import TrackLibrary


@dataclass(frozen=True)
class Workplace:
    """One process's own connections. `stopping` is set when the worker was asked to stop."""

    settings: Settings
    engine: Engine
    redis: Redis
    worker: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def tracks(self) -> TrackLibrary:
        """The shipped tracks and the imported ones."""
        return TrackLibrary(self.settings.tracks_path)

    def close(self) -> None:
        """Ends the connections."""
        self.engine.dispose()
        self.redis.close()


def open_workplace(settings: Settings, worker: str = "", stopping: threading.Event | None = None) -> Workplace:
    """Connections of the calling process's own.

    They give a queue server that is away up quickly: it costs a job its spectators, not its time.
    """
    engine = make_engine(settings.database_address)
    redis = redis_connection.for_requests(settings.redis_address)
    return Workplace(settings, engine, redis, worker, stopping or threading.Event())


def accepted_missing(settings: Settings) -> frozenset[str]:
    """Sandbox layers that the operator does without."""
    return MAY_BE_ACCEPTED_MISSING if settings.accept_weaker_sandbox else frozenset()


class _Furnishing:
    """What the parent decided before it forked, and what each child made of it: connections do not survive a fork."""

    settings: Settings | None = None
    worker: str = ""
    opened: Workplace | None = None
    opened_by: int = 0
    stopping = threading.Event()


def furnish(settings: Settings, worker: str) -> None:
    """Says which settings the jobs of this worker use."""
    _Furnishing.settings, _Furnishing.worker = settings, worker


def listen_for_stop() -> None:
    """From now on SIGTERM asks this process's job to stop at its next good moment."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        _Furnishing.stopping.set()

    signal.signal(signal.SIGTERM, stop)


def current() -> Workplace:
    """This process's workplace, opened at its first use after the fork."""
    if _Furnishing.settings is None:
        raise RuntimeError("jobs run in a worker that `jobs.worker.run_worker` started")
    if _Furnishing.opened is None or _Furnishing.opened_by != os.getpid():
        _Furnishing.opened = open_workplace(_Furnishing.settings, _Furnishing.worker, _Furnishing.stopping)
        _Furnishing.opened_by = os.getpid()
    return _Furnishing.opened
