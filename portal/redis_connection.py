"""Connections to the queue server that outlive its restarts."""

from __future__ import annotations

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry


def for_requests(address: str) -> Redis:
    """For the web: gives up quickly, so that a page is never held by a queue server that is away."""
    return Redis.from_url(address, socket_timeout=5, socket_connect_timeout=2, health_check_interval=15)


def for_workers(address: str) -> Redis:
    """For workers: retries for about two minutes. RQ's worker exits when one heartbeat fails, with its job orphaned."""
    return Redis.from_url(
        address,
        retry=Retry(ExponentialBackoff(cap=3), 40),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
        socket_timeout=420,  # longer than RQ's blocking wait for a job
        health_check_interval=15,
    )
