"""A slow sender waits by itself: the application behind sees whole requests only."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from paddock import whole_requests
from paddock.whole_requests import WholeRequests

SCOPE = {"type": "http", "headers": [(b"content-length", b"6")]}
FIRST = {"type": "http.request", "body": b"abc", "more_body": True}
LAST = {"type": "http.request", "body": b"def", "more_body": False}


class Site:
    """What is behind: keeps the bodies that it was called with."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.sent: list[Any] = []

    async def __call__(self, _scope: Any, receive: Any, _send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        self.bodies.append(body)

    async def send(self, message: Any) -> None:
        self.sent.append(message)


@pytest.fixture
def site() -> Site:
    return Site()


async def ask(site: Site, *messages: dict[str, Any], silent_at_most_s: float = 10) -> None:
    """Sends these messages and then nothing more."""
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    await WholeRequests(site, silent_at_most_s=silent_at_most_s)(SCOPE, receive, site.send)


def test_the_site_is_called_with_the_whole_body(site: Site) -> None:
    asyncio.run(ask(site, FIRST, LAST))
    assert site.bodies == [b"abcdef"]


def test_a_sender_that_falls_silent_never_reaches_the_site(site: Site) -> None:
    asyncio.run(ask(site, FIRST, silent_at_most_s=0.05))
    assert site.bodies == []
    assert site.sent[0]["status"] == 408


def test_a_sender_that_goes_away_is_not_answered(site: Site) -> None:
    asyncio.run(ask(site, FIRST, {"type": "http.disconnect"}))
    assert (site.bodies, site.sent) == ([], [])


def test_a_body_above_the_limit_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_requests, "MAXIMUM_UPLOAD_BYTES", 5)
    asyncio.run(ask(site, FIRST, LAST))
    assert site.bodies == []
    assert site.sent[0]["status"] == 413


def test_a_body_of_several_pieces_comes_through_unchanged(site: Site) -> None:
    whole = bytes(range(256)) * (3 * whole_requests.PIECE_BYTES // 256)
    asyncio.run(ask(site, {"type": "http.request", "body": whole, "more_body": False}))
    assert site.bodies == [whole]
