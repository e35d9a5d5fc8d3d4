"""What happens now, told to those who watch: events on channels of the queue server.

A channel is `race:<public-id>` (with `.<audience>` once there was another), `training:<public-id>` or
`evaluation:<public-id>`. Each event is kept in a short stream, so that a browser that lost its connection can ask for
what it missed, and is announced to every web process.
The database holds the truth; an event that is lost costs a moment, never a result.
"""

from __future__ import annotations

import json
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError

KEPT_EVENTS = 256
KEPT_SECONDS = 3600
PREFIX = "live:"

log = structlog.get_logger(__name__)


def race_channel(public_id: str, audience: int) -> str:
    """Where a race's standings are told. Its audience is another one when somebody may see the race no more."""
    return f"race:{public_id}" + (f".{audience}" if audience else "")


def publish(redis: Redis, channel: str, event: str, data: dict[str, Any]) -> None:
    """Tells everyone who watches a channel. A queue server that is away is logged, never an error of the caller's."""
    key = PREFIX + channel
    body = json.dumps({"event": event, "data": data}, separators=(",", ":"), allow_nan=False)
    try:
        pipe = redis.pipeline(transaction=False)
        pipe.xadd(key, {"body": body}, maxlen=KEPT_EVENTS, approximate=True)
        pipe.expire(key, KEPT_SECONDS)
        event_id = pipe.execute()[0]
        name = event_id.decode() if isinstance(event_id, bytes) else event_id
        redis.publish(key, json.dumps({"id": name, "body": body}, separators=(",", ":")))
    except RedisError as error:
        log.warning("live event lost", channel=channel, live_event=event, error=str(error))
