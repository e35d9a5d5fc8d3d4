"""How soon a training that waits on the queue drives: a real worker, forked for each job, with queue and database."""

from __future__ import annotations

import multiprocessing
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
from sqlalchemy import Engine

import jobs.training
from bench.databases import SQLITE, migrated
from bench.garages import MINUTE_MS, make_model, make_racer
from bench.rows import Row
from paddock import valkey
from portal import clock, doorbell, redis_connection
from portal.database import make_engine, write_session
from portal.rules import trainings
from portal.settings import Settings
from portal.tables import JobKind

GOAL_MS = 100.0
READY_WITHIN_S = 120.0
STRETCHES: tuple[tuple[str, str, float | None], ...] = (
    ("rung", "claimed", None),
    ("claimed", "asked to train", GOAL_MS),
    ("claimed", "reward function loaded", None),
    ("claimed", "first iteration", None),
)


@click.command()
@click.option(
    "--trainings", "count", default=10, show_default=True, type=click.IntRange(2, 100), help="One after another."
)
def measure(count: int) -> list[Row]:
    """Trainings one after another, of one iteration each: the wall clock from the ring of the doorbell on."""
    with (
        tempfile.TemporaryDirectory(prefix="pb") as folder,
        valkey.running(Path(folder)) as queue,
        migrated(SQLITE) as database,
    ):
        settings = Settings.read({"PADDOCK_DATA": folder, "PADDOCK_REDIS_URL": queue, "PADDOCK_DATABASE_URL": database})
        engine = make_engine(database)
        try:
            return _rows(_measured(settings, engine, count))
        finally:
            engine.dispose()


def _measured(settings: Settings, engine: Engine, count: int) -> list[dict[str, float]]:
    """For each training the seconds of its moments on the clock of all processes, and that of its ring."""
    redis = redis_connection.for_requests(settings.redis_address)
    with write_session(engine) as session:
        racer = make_racer(session, "alice", quota_ms=count * MINUTE_MS, most=count)
        runs = [
            trainings.request(session, make_model(session, racer, f"m{number}"), by=racer, now=clock.now(), seed=number)
            for number in range(count)
        ]
        numbers = [run.id or 0 for run in runs]
    engine.dispose()  # no connection is carried into the worker
    measured = []
    with _worker(settings) as told:
        for number in numbers:
            rung = time.monotonic()
            doorbell.ring(redis, JobKind.TRAINING, number, 0)
            if not told.poll(READY_WITHIN_S):
                raise click.ClickException("the worker took no job; `paddock doctor` says what is missing here")
            measured.append({"rung": rung, **told.recv()})
    redis.close()
    return measured


@contextmanager
def _worker(settings: Settings) -> Iterator[Connection]:
    """A worker of trainings that tells of each one by the connection."""
    told, tell = multiprocessing.Pipe(duplex=False)
    worker: BaseProcess = multiprocessing.get_context("fork").Process(target=_work, args=(settings, tell))
    worker.start()
    try:
        yield told
    finally:
        os.kill(worker.pid or 0, signal.SIGTERM)
        worker.join(10)
        worker.kill()


def _work(settings: Settings, tell: Connection) -> None:
    """As `paddock worker` does, noting when it comes to what."""
    from jobs.worker import run_worker

    moments: dict[str, float] = {}
    train = jobs.training._trainer()

    def noted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*arguments: Any, **named: Any) -> Any:
            result = call(*arguments, **named)
            moments[name] = time.monotonic()
            return result

        return noting

    def train_once(configuration: Any, *, reward: Any, **named: Any) -> Any:
        moments["asked to train"] = time.monotonic()
        reward.start = noted("reward function loaded", reward.start)
        result = train(configuration, reward=reward, **named, maximum_iterations=1)
        tell.send(moments)
        return result

    report = noted("first iteration", jobs.training._Attempt.report)
    with (
        patch.object(jobs.training, "claim", noted("claimed", jobs.training.claim)),
        patch.object(jobs.training, "_trainer", lambda: train_once),
        patch.object(jobs.training._Attempt, "report", report),
    ):
        run_worker(settings, ["training"], "bench")


def _rows(measured: list[dict[str, float]]) -> list[Row]:
    rows = []
    for earlier, later, goal in STRETCHES:
        times = [1000.0 * (one[later] - one[earlier]) for one in measured]
        beside = "goal: at most" if goal else ""
        median = round(statistics.median(times), 1)
        rows.append(Row(f"{earlier} to {later}", round(min(times), 1), "ms", beside, goal, median, "wall"))
    return rows
