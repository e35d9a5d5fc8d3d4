"""Event streams over a real server and a real queue server: who hears what, and what is never missed or leaked."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import uvicorn
from flask import Flask
from redis import Redis
from sqlalchemy import Engine

from paddock import valkey
from portal import live, streams
from portal.database import write_session
from portal.rules import races
from portal.settings import Settings
from portal.streams import chunks, tokens
from portal.streams.application import Streams
from portal.streams.hub import PENDING_AT_MOST, Viewer
from portal.tables import Race, Racer
from tests.cast import make_racer
from tests.portal.races_cast import make_race, make_result

PATIENCE_S = 20


class Server:
    """The streams behind uvicorn on a free port of this machine."""

    def __init__(self, application: Streams) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        configuration = uvicorn.Config(application, log_level="error", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(configuration)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)

    def __enter__(self) -> Server:
        self.thread.start()
        wait_until(lambda: self.server.started)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=PATIENCE_S)


def wait_until(true: object) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Stream:
    """A browser's side of one stream."""

    def __init__(self, address: str, token: str, **headers: str) -> None:
        url = (
            f"{address}/events?t={token}"
            if "after" not in headers
            else f"{address}/events?t={token}&after={headers.pop('after')}"
        )
        headers.setdefault("Accept-Encoding", "identity")
        self.response = requests.get(url, headers=headers, stream=True, timeout=PATIENCE_S)
        self.status = self.response.status_code
        self._lines = self.response.iter_lines(chunk_size=1, decode_unicode=True)

    def next(self) -> dict[str, str]:
        """The next event, comments and the retry line left out."""
        event: dict[str, str] = {}
        for line in self._lines:
            if not line and "data" in event:
                return event
            name, colon, value = line.partition(": ")
            if name and colon and name != "retry":
                event[name] = f"{event[name]}\n{value}" if name in event else value
        raise AssertionError("the stream ended")

    def close(self) -> None:
        self.response.close()


@pytest.fixture
def application(app: Flask, settings: Settings) -> Streams:
    return streams.app(app, settings)


@pytest.fixture
def server(application: Streams) -> Iterator[Server]:
    with Server(application) as server:
        yield server


@pytest.fixture
def owner(engine: Engine) -> Racer:
    with write_session(engine) as session:
        return make_racer(session)


@pytest.fixture
def race(engine: Engine, owner: Racer) -> Race:
    with write_session(engine) as session:
        return make_race(session, owner)


def ticket(app: Flask, *channels: str) -> str:
    return tokens.issue(app.config["SECRET_KEY"], channels)


def finish(engine: Engine, redis: Redis, race: Race, racer: Racer, *times_ms: int) -> None:
    """A run ends, as a worker ends it: commit first, then tell."""
    with write_session(engine) as session:
        current = session.get_one(Race, race.id)
        make_result(session, current, session.get_one(Racer, racer.id), *times_ms)
        current.version += 1
        version = current.version
    live.publish(redis, f"race:{race.public_id}", "standings", {"version": version})


def test_every_viewer_gets_the_rendered_standings(
    app: Flask, server: Server, application: Streams, engine: Engine, redis: Redis, race: Race, owner: Racer
) -> None:
    viewers = [Stream(server.address, ticket(app, f"race:{race.public_id}")) for _ in range(2)]
    wait_until(lambda: len(application.hub) == 2)
    finish(engine, redis, race, owner, 9_000, 9_100, 9_200)
    for viewer in viewers:
        event = viewer.next()
        assert event["event"] == "standings"
        assert f'id="standing-{owner.public_id}"' in event["data"]
        assert 'data-version="1"' in event["data"]
        assert "27.300" in event["data"]
        assert viewer.response.headers["Content-Type"].startswith("text/event-stream")
        viewer.close()
    wait_until(lambda: len(application.hub) == 0)


def test_a_fragment_is_rendered_once_for_all_viewers(
    app: Flask, settings: Settings, engine: Engine, redis: Redis, race: Race, owner: Racer
) -> None:
    application = streams.app(app, settings)
    rendered: list[str] = []
    original = application.hub._render

    async def counted(channel: str, event: str, data: dict[str, object]) -> str | None:
        rendered.append(channel)
        return await original(channel, event, data)

    application.hub._render = counted
    with Server(application) as server:
        viewers = [Stream(server.address, ticket(app, f"race:{race.public_id}")) for _ in range(5)]
        wait_until(lambda: len(application.hub) == 5)
        finish(engine, redis, race, owner, 9_000, 9_100, 9_200)
        texts = {viewer.next()["data"] for viewer in viewers}
        for viewer in viewers:
            viewer.close()
    assert len(texts) == 1
    assert rendered == [f"race:{race.public_id}"]


def test_a_browser_that_comes_back_is_told_what_it_missed(
    app: Flask, server: Server, engine: Engine, redis: Redis, race: Race, owner: Racer
) -> None:
    channel = f"race:{race.public_id}"
    first = Stream(server.address, ticket(app, channel))
    finish(engine, redis, race, owner, 9_000, 9_100, 9_200)
    last = first.next()["id"]
    first.close()
    finish(engine, redis, race, owner, 8_000, 8_100, 8_200)
    finish(engine, redis, race, owner, 7_000, 7_100, 7_200)
    for again in (
        Stream(server.address, ticket(app, channel), **{"Last-Event-ID": last}),
        Stream(server.address, ticket(app, channel), after=last),
    ):
        event = again.next()
        assert 'data-version="3"' in event["data"], "of a state only the newest is sent"
        assert event["id"] > last
        again.close()


def test_other_events_are_json_and_none_of_them_is_left_out(app: Flask, server: Server, redis: Redis) -> None:
    for iteration in range(3):
        live.publish(redis, "training:aa", "iteration", {"iteration": iteration, "text": "two\nlines"})
    stream = Stream(server.address, ticket(app, "training:aa"))
    live.publish(redis, "training:aa", "iteration", {"iteration": 3})
    heard = [stream.next() for _ in range(4)]
    assert [json.loads(event["data"])["iteration"] for event in heard] == [0, 1, 2, 3]
    assert {event["event"] for event in heard} == {"iteration"}
    stream.close()


def test_one_stream_may_carry_several_channels(app: Flask, server: Server, application: Streams, redis: Redis) -> None:
    stream = Stream(server.address, ticket(app, "training:aa", "training:bb"))
    wait_until(lambda: len(application.hub) == 1)
    live.publish(redis, "training:aa", "iteration", {"from": "aa"})
    live.publish(redis, "training:bb", "iteration", {"from": "bb"})
    assert [json.loads(stream.next()["data"])["from"] for _ in range(2)] == ["aa", "bb"]
    stream.close()


@pytest.mark.parametrize("token", ["", "nonsense", "WyJyYWNlOmFhIl0.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb"])
def test_a_ticket_that_was_not_issued_here_is_refused(server: Server, token: str) -> None:
    assert Stream(server.address, token).status == 403


def test_a_ticket_is_over_after_its_time(app: Flask) -> None:
    token = ticket(app, "race:aa")
    assert tokens.read(app.config["SECRET_KEY"], token).channels == ("race:aa",)
    with pytest.raises(tokens.BadToken):
        tokens.read(app.config["SECRET_KEY"], token, life_s=-1)


def test_a_stream_carries_only_the_channels_of_its_ticket(
    app: Flask, server: Server, application: Streams, redis: Redis
) -> None:
    stream = Stream(server.address, ticket(app, "training:mine"))
    wait_until(lambda: len(application.hub) == 1)
    live.publish(redis, "training:private", "iteration", {"secret": True})
    live.publish(redis, "training:mine", "iteration", {"secret": False})
    assert json.loads(stream.next()["data"]) == {"secret": False}
    stream.close()


def test_a_deleted_race_says_nothing_more(
    app: Flask, server: Server, application: Streams, engine: Engine, redis: Redis, race: Race, owner: Racer
) -> None:
    stream = Stream(server.address, ticket(app, f"race:{race.public_id}", "training:after"))
    wait_until(lambda: len(application.hub) == 1)
    with write_session(engine) as session:
        races.delete(session, race, by=owner, now=race.opens_at)
    live.publish(redis, f"race:{race.public_id}", "standings", {"version": 9})
    wait_until(lambda: application.hub._chunks)
    live.publish(redis, "training:after", "iteration", {})
    assert stream.next()["event"] == "iteration"
    stream.close()


def test_beyond_the_cap_a_page_is_told_to_poll(app: Flask, settings: Settings) -> None:
    application = streams.app(app, settings, maximum_streams=1)
    with Server(application) as server:
        first = Stream(server.address, ticket(app, "race:aa"))
        wait_until(lambda: len(application.hub) == 1)
        second = Stream(server.address, ticket(app, "race:aa"))
        assert (first.status, second.status) == (200, 503)
        assert second.response.headers["Retry-After"] == "10"
        first.close()


def test_only_get_is_answered(server: Server) -> None:
    assert requests.post(f"{server.address}/events", timeout=PATIENCE_S).status_code == 405


def test_a_compressed_stream_says_the_same(app: Flask, server: Server, application: Streams, redis: Redis) -> None:
    stream = Stream(server.address, ticket(app, "training:aa"), **{"Accept-Encoding": "gzip"})
    assert stream.response.headers["Content-Encoding"] == "gzip"
    wait_until(lambda: len(application.hub) == 1)
    said = [{"number": number, "text": "the same words again and again " * 20} for number in range(3)]
    for data in said:
        live.publish(redis, "training:aa", "iteration", data)
    unpacker, text = zlib.decompressobj(16 + zlib.MAX_WBITS), ""
    while text.count("\n\n") < 4:
        text += unpacker.decompress(stream.response.raw.read1(65536, decode_content=False)).decode()
    bodies = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert [json.loads(body) for body in bodies] == said
    stream.close()


def test_viewers_stay_while_the_queue_server_is_away_and_hear_the_rest_afterwards(
    app: Flask, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = Path(tmp_path_factory.mktemp("v"))
    with valkey.running(folder) as address:
        application = streams.app(app, Settings.read({"PADDOCK_REDIS_URL": address, "PADDOCK_DATA": settings.data}))
        server = Server(application)
        server.__enter__()
        stream = Stream(server.address, ticket(app, "training:aa"))
        with Redis.from_url(address) as redis:
            live.publish(redis, "training:aa", "iteration", {"number": 1})
        assert json.loads(stream.next()["data"])["number"] == 1
    time.sleep(0.3)
    assert len(application.hub) == 1
    with valkey.running(folder) as address, Redis.from_url(address) as redis:
        live.publish(redis, "training:aa", "iteration", {"number": 2})
        assert json.loads(stream.next()["data"])["number"] == 2
        stream.close()
        server.__exit__()


def test_of_a_slow_viewer_the_newest_wait() -> None:
    from portal.streams.chunks import chunk

    async def scenario() -> list[bytes]:
        viewer = Viewer(("race:aa",))
        for number in range(PENDING_AT_MOST + 10):
            viewer.offer(("race:aa", "standings"), chunk(b"state %d" % number))
            viewer.offer(("training:aa", "iteration", str(number)), chunk(b"iteration %d" % number))
        return [piece.plain for piece in viewer.take()]

    waiting = asyncio.run(scenario())
    assert len(waiting) == PENDING_AT_MOST
    assert [text for text in waiting if text.startswith(b"state")] == [b"state %d" % (PENDING_AT_MOST + 9)]
    assert waiting[-1] == b"iteration %d" % (PENDING_AT_MOST + 9)


def test_an_event_that_was_read_before_it_was_announced_is_sent_once() -> None:
    viewer = Viewer(("training:aa",))
    key, chunk = ("training:aa", "iteration", "1-0"), chunks.opening(1000)
    viewer.offer_missed({key: chunk})
    assert viewer.take() == [chunk]
    viewer.offer(key, chunk)
    assert viewer.take() == []
    viewer.offer(("training:aa", "iteration", "2-0"), chunk)
    assert viewer.take() == [chunk]
