"""What keeps the house in order while nobody looks: rings again, takes jobs from lost workers, tidies folders.

Each step is a function of the engine, the queue server and the moment; `run_forever` calls them in their rhythm. Two
of these processes do no harm: every step is idempotent.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import FrameType

import structlog
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from jobs import announce, deliveries, dispatch, purging, spending, sweeping
from jobs.live_rounds import Director
from jobs.storage import StorageRounds
from jobs.workplace import Workplace
from portal import clock, live, redis_connection
from portal.database import make_engine, read_session, write_session
from portal.rules import queueing, race_hooks
from portal.settings import Settings
from portal.tables import JobKind

TICK_S = 2.0
REAP_EVERY = timedelta(seconds=15)
RECONCILE_EVERY = timedelta(minutes=1)
ALERT_EVERY = timedelta(seconds=15)
RACES_EVERY = timedelta(seconds=10)
FORGET_EVERY = timedelta(hours=1)
SWEEP_BACK = timedelta(hours=1)
EPOCH = datetime.fromtimestamp(0, UTC)

log = structlog.get_logger(__name__)


def reap(workplace: Workplace, now: datetime) -> int:
    """Takes jobs from workers that were not heard of for a whole lease; returns how many."""
    taken = 0
    for kind in JobKind:
        with read_session(workplace.engine) as session:
            lost = [(job.id or 0, job.public_id, job.worker) for job in queueing.expired(session, kind, now)]
        for job_id, public_id, worker in lost:
            with write_session(workplace.engine) as session:
                state = queueing.reap(session, kind, job_id, now=now)
            if state is not None:
                taken += 1
                log.warning("a worker was lost", job=f"{kind}-{public_id}", worker=worker, state=str(state))
                announce.state(workplace, kind, job_id)
    return taken


def tell_of_races(workplace: Workplace, now: datetime) -> int:
    """Writes the events of races that have opened, frozen or closed; returns how many deliveries."""
    with write_session(workplace.engine) as session:
        return race_hooks.by_clock(session, now=now)


class Places:
    """Tells those who wait when their place in the queue has changed."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def tell(self, engine: Engine, redis: Redis) -> int:
        """Publishes what changed since the last call; returns how many."""
        places: dict[str, int] = {}
        news = []
        with read_session(engine) as session:
            for kind in JobKind:
                for place, job in enumerate(queueing.queued(session, kind), start=1):
                    channel = f"{kind}:{job.public_id}"
                    places[channel] = place
                    if self._told.get(channel) != place:
                        news.append((channel, {"state": str(job.state), "message": job.message, "place": place}))
        for channel, data in news:
            live.publish(redis, channel, "state", data)
        self._told = places
        return len(news)


@dataclass
class Rounds:
    """The steps in their rhythm; `go` does those that are due."""

    workplace: Workplace
    places: Places = field(default_factory=Places)
    _last: dict[str, datetime] = field(default_factory=dict)
    _swept_to: datetime = EPOCH

    def __post_init__(self) -> None:
        self.storage = StorageRounds(self.workplace.engine, self.workplace.settings.runs_path)

    def go(self, now: datetime) -> None:
        """One round. A database or queue server that is away is logged, and the next round tries again."""
        place = self.workplace
        steps: list[tuple[str, timedelta, Callable[[], object]]] = [
            ("reap", REAP_EVERY, lambda: reap(place, now)),
            ("reconcile", RECONCILE_EVERY, lambda: dispatch.reconcile(place.engine, place.redis, now)),
            ("send", timedelta(0), lambda: dispatch.send_outbox(place.engine, place.redis, now)),
            ("places", timedelta(0), lambda: self.places.tell(place.engine, place.redis)),
            ("sweep", RECONCILE_EVERY, lambda: self._sweep(now)),
            ("purge", RECONCILE_EVERY, lambda: purging.purge(place.engine, place.settings.runs_path, now)),
            ("alert", ALERT_EVERY, lambda: spending.alert(place, now)),
            ("race hooks", RACES_EVERY, lambda: tell_of_races(place, now)),
            ("forget deliveries", FORGET_EVERY, lambda: deliveries.forget(place, now)),
            ("storage", timedelta(0), lambda: self.storage.go(now)),
        ]
        for name, every, step in steps:
            if timedelta(0) <= now - self._last.get(name, EPOCH) < every:
                continue  # a last time that lies ahead is a clock that was put back
            self._last[name] = now
            try:
                step()
            except (RedisError, SQLAlchemyError, OSError) as error:
                log.warning("a round of maintenance failed", step=name, error=str(error))

    def _sweep(self, now: datetime) -> None:
        """Everything at the start, then what was over lately."""
        sweeping.sweep(self.workplace.engine, self.workplace.settings.runs_path, now, self._swept_to)
        self._swept_to = now - SWEEP_BACK


def run_forever(settings: Settings) -> None:
    """Goes its rounds until SIGTERM or SIGINT."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    engine, redis = make_engine(settings.database_address), redis_connection.for_requests(settings.redis_address)
    workplace = Workplace(settings, engine, redis, "maintenance", stopping)
    rounds, couriers = Rounds(workplace), deliveries.start(workplace)
    director = Director(workplace)
    director.start()
    try:
        while not stopping.is_set():
            rounds.go(clock.now())
            stopping.wait(TICK_S)
    finally:
        stopping.set()
        deliveries.wait_for_end(couriers)
        director.join()
        workplace.close()
