"""The workers that the queue server knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from rq.worker import BaseWorker

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """A worker as the queue server knows it."""

    name: str
    state: str
    queues: tuple[str, ...]
    last_heartbeat: datetime | None


def listed(redis: Redis) -> list[SeenWorker] | None:
    """All workers by name; None where the queue server does not answer."""
    try:
        return sorted((_seen(worker) for worker in Worker.all(connection=redis)), key=lambda worker: worker.name)
    except RedisError as error:
        log.warning("the queue server is away", error=str(error))
        return None


def _seen(worker: BaseWorker) -> SeenWorker:
    beat = worker.last_heartbeat
    moment = beat.replace(tzinfo=UTC) if beat is not None and beat.tzinfo is None else beat
    return SeenWorker(worker.name, str(worker.get_state()), tuple(worker.queue_names()), moment)
