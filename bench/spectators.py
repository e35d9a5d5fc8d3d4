"""Spectators: how soon everybody who watches a leaderboard sees a change, and what a stream costs."""

from __future__ import annotations

import asyncio
import re
import tempfile
import threading
import time
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import numpy as np
import psutil
from redis import Redis
from sqlmodel import Session

from bench.rows import Row
from bench.serving import free_port, served
from migrations.upgrade import upgrade
from paddock import valkey
from portal import clock, live
from portal.app import create_app
from portal.database import make_engine, write_session
from portal.rules import races
from portal.settings import Settings
from portal.streams import tokens
from portal.streams.chunks import GZIP_HEADER
from portal.tables import Evaluation, JobState, Lap, Model, Race, Racer, RewardFunction, Submission, TrainingRun

FLUSHED = b"\x00\x00\xff\xff"
"""The end of every piece of a compressed stream."""
HTTP_CHUNK = re.compile(rb"^(?:\r\n)?[0-9a-f]+\r\n")
VERSION = re.compile(rb'data-version="(\d+)"')
CHANGE_EVERY_S = 1.0
PAGE_EVERY_S = 0.1
OK = 200


@dataclass
class Spectator:
    """One raw connection to the leaderboard's stream."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def see(self, version: int) -> float:
        """The moment at which standings of this version or a later one had arrived whole."""
        while True:
            frame = await self.reader.readuntil(FLUSHED)
            if version_of(frame) >= version:
                return time.perf_counter()


@cache
def version_of(frame: bytes) -> int:
    """The version of the standings in a compressed piece; -1 where it has none. Everybody gets the same bytes."""
    packed = HTTP_CHUNK.sub(b"", frame).removeprefix(GZIP_HEADER)
    found = VERSION.search(zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed))
    return int(found[1]) if found else -1


@click.command()
@click.option("--streams", default=2000, show_default=True, help="Open streams.")
@click.option("--racers", default=50, show_default=True, help="Rows of the leaderboard.")
@click.option("--changes", default=10, show_default=True, help="Changes that are published, a second apart.")
def measure(streams: int, racers: int, changes: int) -> list[Row]:
    """Open streams on one leaderboard, publish changes, and time until every one saw them and the page answers."""
    with tempfile.TemporaryDirectory(prefix="pb") as folder, valkey.running(Path(folder)) as address:
        environment = {"PADDOCK_DATA": folder, "PADDOCK_REDIS_URL": address, "PADDOCK_PORT": str(free_port())}
        settings = Settings.read(environment)
        upgrade(settings.database_address)
        race = _race_with(settings, racers)
        with served(environment) as server:
            return asyncio.run(_watch(settings, race, psutil.Process(server.pid), streams, changes))


async def _watch(settings: Settings, race: Race, server: psutil.Process, streams: int, changes: int) -> list[Row]:
    redis = Redis.from_url(settings.redis_address)
    token = tokens.issue(create_app(settings).config["SECRET_KEY"], (f"race:{race.public_id}",))
    warm = await _open(settings, token)
    _change(settings, redis, race)
    await warm.see(1)
    before = server.memory_info().rss
    spectators = [await _open(settings, token) for _ in range(streams)]
    await asyncio.gather(*(spectator.see(1) for spectator in spectators))
    held = server.memory_info().rss
    delays_ms: list[float] = []
    slowest_ms: list[float] = []
    pages_ms: list[float] = []
    over = threading.Event()
    looking = threading.Thread(target=_look, args=(settings, race, over, pages_ms))
    looking.start()
    for version in range(2, changes + 2):
        watching = [asyncio.create_task(spectator.see(version)) for spectator in spectators]
        published = time.perf_counter()
        _change(settings, redis, race)
        seen = [(moment - published) * 1000 for moment in await asyncio.gather(*watching)]
        delays_ms += seen
        slowest_ms.append(max(seen))
        await asyncio.sleep(CHANGE_EVERY_S)
    over.set()
    await asyncio.to_thread(looking.join)
    for spectator in (warm, *spectators):
        spectator.writer.close()
    return [
        Row("streams", streams, "streams"),
        Row("change seen, median", round(float(np.median(delays_ms)), 1), "ms"),
        Row("change seen, p99", round(float(np.percentile(delays_ms, 99)), 1), "ms"),
        Row("change seen by every one, worst change", round(max(slowest_ms), 1), "ms"),
        Row("page of the race meanwhile, median", round(float(np.median(pages_ms)), 1), "ms"),
        Row("memory per stream", round((held - before) / streams / 1024, 1), "KiB"),
    ]


async def _open(settings: Settings, token: str) -> Spectator:
    parts = urlsplit(settings.address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 20)
    writer.write(f"GET /events?t={token} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: gzip\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head:
        raise click.ClickException(f"a stream was refused: {head.splitlines()[0].decode()}; ask for fewer --streams")
    return Spectator(reader, writer)


def _look(settings: Settings, race: Race, over: threading.Event, pages_ms: list[float]) -> None:
    """Opens the race's page again and again, as people who come, and keeps how long each answer took."""
    parts = urlsplit(settings.address)
    while not over.wait(PAGE_EVERY_S):
        began = time.perf_counter()
        connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=60)
        connection.request("GET", f"/races/{race.public_id}", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status == OK:
            pages_ms.append((time.perf_counter() - began) * 1000)


def _change(settings: Settings, redis: Redis, race: Race) -> None:
    """A result as a worker ends it: commit, then tell."""
    engine = make_engine(settings.database_address)
    with write_session(engine) as session:
        current = session.get_one(Race, race.id)
        current.version += 1
        version = current.version
    engine.dispose()
    live.publish(redis, f"race:{race.public_id}", "standings", {"version": version})


def _race_with(settings: Settings, racers: int) -> Race:
    """An open race in which each racer has one finished run."""
    engine, now = make_engine(settings.database_address), clock.now()
    with write_session(engine) as session:
        people = [_racer(number, now) for number in range(racers)]
        session.add_all(people)
        session.flush()
        race = races.create(
            session,
            people[0],
            now=now,
            seed=0,
            name="Crowded",
            track="paddock-oval",
            direction="counterclockwise",
            opens_at=now,
            closes_at=now + timedelta(days=1),
        )
        for number, racer in enumerate(people):
            _finished_run(session, race, racer, 9_000 + 7 * number)
    engine.dispose()
    return race


def _racer(number: int, now: datetime) -> Racer:
    alias = f"racer-{number}"
    return Racer(issuer="bench", subject=alias, alias=alias, alias_key=alias, created_at=now, last_seen_at=now)


def _finished_run(session: Session, race: Race, racer: Racer, lap_ms: int) -> None:
    """The rows of one submission that has driven three laps."""
    model = Model(
        racer_id=racer.id or 0,
        name="model",
        car_name="car",
        car_metadata={},
        track=race.track,
        direction=race.direction,
        hyperparameters={},
        training_limit_ms=1,
        created_at=race.created_at,
    )
    _stored(session, model)
    own = {"racer_id": racer.id or 0, "model_id": model.id or 0}
    function = _stored(session, RewardFunction(model_id=model.id or 0, version=1, code="", created_at=race.created_at))
    job = {**own, "state": JobState.COMPLETED, "queued_at": race.created_at, "ended_at": race.created_at, "seed": 0}
    run = _stored(session, TrainingRun(**job, reward_function_id=function.id, limit_ms=1, configuration={}))
    drive = {"race_id": race.id, "track": race.track, "direction": race.direction, "rules": {}}
    evaluation = _stored(session, Evaluation(**job, **drive, training_run_id=run.id))
    for number in (1, 2, 3):
        _stored(session, Lap(evaluation_id=evaluation.id, number=number, time_ms=lap_ms, resets=0, complete=True))
    _stored(session, Submission(**own, race_id=race.id, evaluation_id=evaluation.id, created_at=race.created_at))


def _stored(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row
