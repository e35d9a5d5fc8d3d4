"""The ASGI application behind /events: checks the ticket, sends what was missed, then whatever comes."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import structlog
from flask import Flask
from redis.exceptions import RedisError

from portal.settings import Settings
from portal.streams import chunks
from portal.streams.hub import Hub, Key, Viewer
from portal.streams.listener import Listener, connect, missed
from portal.streams.renderers import RENDERERS
from portal.streams.tokens import BadToken, Ticket, read

MAXIMUM_STREAMS = 5000
"""Of one process; pages beyond it ask again by themselves."""
KEEP_ALIVE_S = 15.0
EVENT_ID = re.compile(r"\d{1,15}-\d{1,15}")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = structlog.get_logger(__name__)


def app(flask_app: Flask, settings: Settings, *, maximum_streams: int = MAXIMUM_STREAMS) -> Streams:
    """The application of the event streams. It renders with the portal's templates and connects at the first use."""
    return Streams(flask_app, settings, maximum_streams)


class Streams:
    """An ASGI 3 application for /events, and for the lifespan of the server."""

    def __init__(self, flask_app: Flask, settings: Settings, maximum_streams: int) -> None:
        self._flask = flask_app
        self._address = settings.address
        self._redis = connect(settings.redis_address)
        self._maximum = maximum_streams
        self.hub = Hub(self._render)
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _start(self) -> None:
        if not self._tasks:
            listener = Listener(self._redis, self.hub)
            self._tasks = [asyncio.create_task(listener.listen()), asyncio.create_task(self._keep_alive())]

    async def _stop(self) -> None:
        self.hub.close_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE_S)
            self.hub.keep_alive()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await _refuse(send, 405, "Only GET.", allow="GET")
            return
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        try:
            ticket = read(self._flask.config["SECRET_KEY"], asked.get("t", [""])[0])
        except BadToken:
            await _refuse(send, 403, "This ticket is not valid any more. Reload the page.")
            return
        if len(self.hub) >= self._maximum:
            await _refuse(send, 503, "Too many are watching. The page refreshes by itself.", retry_after="10")
            return
        self._start()
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        last = headers.get("last-event-id") or asked.get("after", [""])[0]
        since = last if EVENT_ID.fullmatch(last) else ticket.since
        await self._stream(ticket, since, "gzip" in headers.get("accept-encoding", ""), receive, send)

    async def _stream(self, ticket: Ticket, since: str, packed: bool, receive: Receive, send: Send) -> None:
        viewer = Viewer(ticket.channels)
        self.hub.join(viewer)
        gone = asyncio.create_task(_close_when_gone(viewer, receive))
        end = asyncio.get_running_loop().call_later(ticket.ends_at - time.time(), viewer.close)
        try:
            await _open(send, packed)
            viewer.offer_missed(await self._missed(ticket, since))
            while not viewer.closed:
                body = b"".join(piece.packed if packed else piece.plain for piece in viewer.take())
                if body:
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                await viewer.wake.wait()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            end.cancel()
            gone.cancel()
            self.hub.leave(viewer)

    async def _missed(self, ticket: Ticket, since: str) -> dict[Key, chunks.Chunk]:
        """What the viewer was not there for; nothing while the queue server is away."""
        found: dict[Key, chunks.Chunk] = {}
        try:
            for channel in ticket.channels:
                for message in await missed(self._redis, channel, since):
                    made = await self.hub.chunk_of(message)
                    if made is not None:
                        found[message.key] = made
        except (RedisError, OSError) as error:
            log.warning("missed events cannot be read", error=str(error))
        return found

    async def _render(self, channel: str, event: str, data: dict[str, Any]) -> str | None:
        return await asyncio.to_thread(self._render_in_request, channel, event, data)

    def _render_in_request(self, channel: str, event: str, data: dict[str, Any]) -> str | None:
        kind, _, public_id = channel.partition(":")
        with self._flask.test_request_context("/", base_url=self._address):
            return RENDERERS[kind, event].render(public_id, data)


async def _open(send: Send, packed: bool) -> None:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store, no-transform"),
        (b"x-accel-buffering", b"no"),
        (b"x-content-type-options", b"nosniff"),
        (b"vary", b"accept-encoding"),
    ]
    if packed:
        headers.append((b"content-encoding", b"gzip"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    first = chunks.opening(2000 + secrets.randbelow(3000))  # spread, so that not all come back at one moment
    body = chunks.GZIP_HEADER + first.packed if packed else first.plain
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _refuse(send: Send, status: int, message: str, **headers: str) -> None:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    given += [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": given})
    await send({"type": "http.response.body", "body": message.encode()})


async def _close_when_gone(viewer: Viewer, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    viewer.close()
