"""A request reaches a thread when all of it is here: whoever sends slowly must not hold one of the few."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from typing import IO, Any

from portal.app import MAXIMUM_UPLOAD_BYTES

IN_MEMORY_BYTES = 1024 * 1024
PIECE_BYTES = 256 * 1024
SILENT_AT_MOST_S = 30.0

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class WholeRequests:
    """An ASGI application in front of another one, which it calls when the request's body has come.

    A body above the portal's limit is answered with 413; one that stands still for half a minute, with 408.
    """

    def __init__(self, inner: Application, *, silent_at_most_s: float = SILENT_AT_MOST_S) -> None:
        self._inner = inner
        self._silent_at_most_s = silent_at_most_s

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        names = {name for name, _ in scope.get("headers", ())}
        if scope["type"] != "http" or not names & {b"content-length", b"transfer-encoding"}:
            await self._inner(scope, receive, send)
            return
        with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as body:
            refused = await self._read(receive, body)
            if refused is None:
                body.seek(0)
                await self._inner(scope, _from(body), send)
            elif refused:
                await _refuse(send, refused)

    async def _read(self, receive: Receive, body: IO[bytes]) -> int | None:
        """Fills `body`. None when it is whole, else the status of a refusal; 0 where nobody is there any more."""
        while True:
            try:
                message = await asyncio.wait_for(receive(), self._silent_at_most_s)
            except TimeoutError:
                return 408
            if message["type"] == "http.disconnect":
                return 0
            body.write(message.get("body", b""))
            if body.tell() > MAXIMUM_UPLOAD_BYTES:
                return 413
            if not message.get("more_body", False):
                return None


def _from(body: IO[bytes]) -> Receive:
    async def receive() -> Message:
        piece = body.read(PIECE_BYTES)
        return {"type": "http.request", "body": piece, "more_body": len(piece) == PIECE_BYTES}

    return receive


async def _refuse(send: Send, status: int) -> None:
    sentence = b"That is too large." if status == 413 else b"The rest of the request did not come. Send it again."
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence})
