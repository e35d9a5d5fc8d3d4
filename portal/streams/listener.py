"""Hearing the queue server: one subscription per process, and what was published while it was away."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from portal.live import PREFIX
from portal.streams.hub import Hub, Message

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

log = structlog.get_logger(__name__)


def connect(address: str) -> Redis:
    """A connection that reports every loss: the listener must know, to ask for what it missed."""
    return Redis.from_url(address, decode_responses=True, retry=Retry(NoBackoff(), 0), socket_connect_timeout=2)


class Listener:
    """Takes every live event from the queue server to the hub, for as long as the process runs."""

    def __init__(self, redis: Redis, hub: Hub) -> None:
        self._redis = redis
        self._hub = hub
        self._seen = f"{int(time.time() * 1000)}-0"
        """The newest id that was heard: ids are moments, the same for all channels of a server."""

    async def listen(self) -> None:
        """Runs until it is cancelled. While the queue server is away viewers stay, and hear the rest afterwards."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self._redis.pubsub() as subscription:
                    await subscription.psubscribe(PREFIX + "*")
                    await self._catch_up()
                    pause_s = FIRST_PAUSE_S
                    await self._hear(subscription)
            except (RedisError, OSError) as error:
                log.warning("live events are away; trying again", error=str(error), pause_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _hear(self, subscription: PubSub) -> None:
        async for heard in subscription.listen():
            if heard["type"] != "pmessage":
                continue
            try:
                said = json.loads(heard["data"])
                message = Message.read(heard["channel"].removeprefix(PREFIX), said["id"], said["body"])
            except (ValueError, KeyError, TypeError) as error:
                log.warning("not a live event", channel=heard["channel"], error=str(error))
                continue
            self._seen = max(self._seen, message.event_id, key=position)
            self._hub.announce(message)

    async def _catch_up(self) -> None:
        since = self._seen
        for channel in self._hub.channels:
            for message in await missed(self._redis, channel, since):
                self._seen = max(self._seen, message.event_id, key=position)
                self._hub.announce(message)


def position(event_id: str) -> tuple[int, int]:
    """A Redis stream id as numbers that sort."""
    moment, _, sequence = event_id.partition("-")
    return int(moment), int(sequence)


async def missed(redis: Redis, channel: str, since: str) -> list[Message]:
    """What was published on a channel after an id: of each whole state the newest, of everything else all."""
    rows: Any = await redis.xrange(PREFIX + channel, min=f"({since}")
    newest: dict[tuple[str, ...], Message] = {}
    for event_id, fields in rows:
        message = Message.read(channel, event_id, fields["body"])
        newest.pop(message.key, None)
        newest[message.key] = message
    return list(newest.values())
