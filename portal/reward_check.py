"""Asking a worker to try a reward function, and waiting for its answer: no racer's code runs in the portal."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import InvalidJobOperation
from rq.job import Job
from rq.results import Result
from rq.serializers import JSONSerializer

from sim.objects import RaceType

ENTRANCE = "jobs.reward_checks.run"
QUEUE = "reward-checks"
MAXIMUM_CODE_BYTES = 64 * 1024
ANSWER_KEPT_S = 30
LOOK_S = 1
MOST_WAITING = 8
"""Requests of one process that may wait for an answer at once: each holds a thread, and pages need some too."""

log = structlog.get_logger(__name__)
_waiting = threading.BoundedSemaphore(MOST_WAITING)


def ask(
    redis: Redis,
    code: str,
    track: str,
    direction: str,
    timeout_s: float = 15.0,
    race_type: RaceType = RaceType.TIME_TRIAL,
) -> dict[str, Any] | None:
    """The JSON of a `RewardCheck` (ok, problems with lines, rewards, samples, …), or None.

    It is tried among boxes or bots where the type of race has them.
    None: no worker answered in time, too many wait already, or the queue server is away. Code above 64 KB is answered
    here.
    """
    if len(code.encode()) > MAXIMUM_CODE_BYTES:
        message = f"the code is longer than {MAXIMUM_CODE_BYTES // 1024} KB; shorten it"
        return _refused(message)
    if not _waiting.acquire(blocking=False):
        log.warning("too many wait for a try of a reward function", most=MOST_WAITING)
        return None
    try:
        return _tried(redis, (code, track, direction, race_type.value), timeout_s)
    except RedisError as error:
        log.warning("the queue server is away; a reward function was not tried", error=str(error))
        return None
    finally:
        _waiting.release()


def _tried(redis: Redis, arguments: tuple[str, ...], timeout_s: float) -> dict[str, Any] | None:
    wait_s = max(1, math.ceil(timeout_s))
    queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)
    job = queue.enqueue(
        ENTRANCE,
        args=arguments,
        job_timeout=wait_s + 5,
        ttl=wait_s,
        result_ttl=ANSWER_KEPT_S,
        failure_ttl=ANSWER_KEPT_S,
    )
    return _wait(queue, job, timeout_s)


def _wait(queue: Queue, job: Job, timeout_s: float) -> dict[str, Any] | None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        result = Result.fetch_latest(job, serializer=JSONSerializer, timeout=LOOK_S)
        if result is None:
            continue
        _forget(queue, job)
        if result.type is Result.Type.SUCCESSFUL and isinstance(result.return_value, dict):
            return result.return_value
        log.error("a reward function could not be tried", error=str(result.exc_string)[-2000:])
        return _refused("it could not be tried: the worker failed; tell the administrator")
    _forget(queue, job)  # nobody waits any more
    return None


def _forget(queue: Queue, job: Job) -> None:
    queue.remove(job.id)
    with contextlib.suppress(InvalidJobOperation):  # its time to live may have ended by itself
        job.delete(remove_from_queue=False)


def _refused(message: str) -> dict[str, Any]:
    return {
        "ok": False,
        "problems": [{"line": None, "message": message, "kind": "runtime"}],
        "rewards": [0.0, 0.0, 0.0],
        "microseconds_per_call": 0.0,
        "samples": [],
        "log": "",
        "warnings": [],
        "parameters": None,
        "calls": 0,
    }
