"""Who watches what, and handing each event to all of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import structlog

from portal.streams.chunks import KEEP_ALIVE, Chunk, event
from portal.streams.renderers import as_json, renderer_of

PENDING_AT_MOST = 64
"""Chunks that wait for one slow viewer; of a whole state only the newest waits."""
KEPT_CHUNKS = 1024

Key = tuple[str, ...]
SINGLE_EVENT = 3
"""Parts of the key of one event: channel, name and id. A whole state has no id: a newer one replaces it."""
RenderChannel = Callable[[str, str, dict[str, Any]], Awaitable[str | None]]

log = structlog.get_logger(__name__)


class Message(NamedTuple):
    """One event as it was published: where, its id in the channel's Redis stream, its name and its data."""

    channel: str
    event_id: str
    event: str
    data: dict[str, Any]

    @classmethod
    def read(cls, channel: str, event_id: str, body: str) -> Message:
        """Raises ValueError or KeyError where the body is not what `portal.live` writes."""
        said = json.loads(body)
        return cls(channel, event_id, said["event"], said["data"])

    @property
    def key(self) -> Key:
        """What a newer message replaces: all of its kind where it shows a whole state, else nothing."""
        renderer = renderer_of(self.channel, self.event)
        kind = (self.channel, self.event)
        return kind if renderer is not None and renderer.newest_only else (*kind, self.event_id)


class Viewer:
    """One open stream: what it still has to be sent."""

    __slots__ = ("channels", "closed", "pending", "replayed", "wake")

    def __init__(self, channels: tuple[str, ...]) -> None:
        self.channels = channels
        self.pending: dict[Key, Chunk] = {}
        self.replayed: set[Key] = set()
        self.wake = asyncio.Event()
        self.closed = False

    def offer(self, key: Key, chunk: Chunk) -> None:
        """Queues a chunk in place of an older one with the same key; the oldest goes where there are too many.

        An event that was read from the stream before its announcement came is not sent again.
        """
        if key in self.replayed:
            self.replayed.discard(key)
            return
        self.pending.pop(key, None)
        self.pending[key] = chunk
        if len(self.pending) > PENDING_AT_MOST:
            del self.pending[next(iter(self.pending))]
        self.wake.set()

    def offer_missed(self, missed: dict[Key, Chunk]) -> None:
        """Puts what was missed before what came since; an event that is in both is sent once."""
        newest_last = missed | self.pending
        self.replayed = {key for key in missed if len(key) == SINGLE_EVENT and key not in self.pending}
        self.pending = dict(list(newest_last.items())[-PENDING_AT_MOST:])
        if self.pending:
            self.wake.set()

    def take(self) -> list[Chunk]:
        taken = list(self.pending.values())
        self.pending.clear()
        self.wake.clear()
        return taken

    def close(self) -> None:
        self.closed = True
        self.wake.set()


class Hub:
    """All viewers of this process, by channel."""

    def __init__(self, render: RenderChannel) -> None:
        self._render = render
        self._viewers: dict[str, set[Viewer]] = {}
        self._all: set[Viewer] = set()
        self._chunks: dict[Key, tuple[str, Chunk | None]] = {}
        self._locks: dict[Key, asyncio.Lock] = {}
        self._newest: dict[Key, Message] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def channels(self) -> list[str]:
        return list(self._viewers)

    def join(self, viewer: Viewer) -> None:
        self._all.add(viewer)
        for channel in viewer.channels:
            self._viewers.setdefault(channel, set()).add(viewer)

    def leave(self, viewer: Viewer) -> None:
        self._all.discard(viewer)
        for channel in viewer.channels:
            watching = self._viewers.get(channel, set())
            watching.discard(viewer)
            if not watching:
                self._viewers.pop(channel, None)

    def keep_alive(self) -> None:
        """One comment for every stream, so that proxies and browsers see that it lives."""
        for viewer in self._all:
            viewer.offer(("keep-alive",), KEEP_ALIVE)

    def close_all(self) -> None:
        for viewer in list(self._all):
            viewer.close()
        for task in self._tasks:
            task.cancel()

    def announce(self, message: Message) -> None:
        """Hands a message to the viewers of its channel, after it became text; at once for plain JSON.

        While a state is being rendered, newer ones wait and only the newest of them is rendered next.
        """
        if message.channel not in self._viewers:
            return
        if renderer_of(message.channel, message.event) is None:
            self._hand_out(message, event(message.event_id, message.event, as_json(message.data)))
            return
        busy = message.key in self._newest
        self._newest[message.key] = message
        if not busy:
            task = asyncio.create_task(self._render_newest(message.key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _render_newest(self, key: Key) -> None:
        rendered: Message | None = None
        try:
            while (message := self._newest[key]) is not rendered:
                rendered = message
                made = await self.chunk_of(message)
                if made is not None:
                    self._hand_out(message, made)
        finally:
            self._newest.pop(key, None)

    def _hand_out(self, message: Message, made: Chunk) -> None:
        for viewer in self._viewers.get(message.channel, ()):
            viewer.offer(message.key, made)

    async def chunk_of(self, message: Message) -> Chunk | None:
        """The bytes of a message: rendered at most once, however many ask. None where there is nothing to show."""
        if renderer_of(message.channel, message.event) is None:
            return event(message.event_id, message.event, as_json(message.data))
        async with self._locks.setdefault(message.key, asyncio.Lock()):
            held = self._chunks.get(message.key)
            if held is None or held[0] != message.event_id:
                held = (message.event_id, await self._rendered(message))
                self._keep(message.key, held)
            return held[1]

    async def _rendered(self, message: Message) -> Chunk | None:
        try:
            text = await self._render(message.channel, message.event, message.data)
        except Exception:
            log.exception("an event could not be rendered", channel=message.channel, live_event=message.event)
            return None
        return None if text is None else event(message.event_id, message.event, text)

    def _keep(self, key: Key, held: tuple[str, Chunk | None]) -> None:
        self._chunks.pop(key, None)
        self._chunks[key] = held
        if len(self._chunks) > KEPT_CHUNKS:
            oldest = next(iter(self._chunks))
            del self._chunks[oldest]
            self._locks.pop(oldest, None)
