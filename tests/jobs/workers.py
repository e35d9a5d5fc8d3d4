"""Real workers for the tests: forked from this process, so that they start at once, with the training replaced."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import Engine

import jobs.training
import jobs.worker
from portal.settings import Settings
from tests.jobs.fake_training import CountingTrainer

PATIENCE_S = 30.0
Sabotage = Callable[[CountingTrainer], None]


def wait_until(happened: Callable[[], object], what: str) -> None:
    """Returns when it happened; fails the test after half a minute."""
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, f"in vain waited for: {what}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """True while a process runs; one that waits to be reaped is gone."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return status != "Z"


def _work(settings: Settings, queues: list[str], trainer: CountingTrainer, sabotage: Sabotage) -> None:
    os.setsid()
    with (
        patch.object(jobs.worker, "_require_sandbox", lambda _: None),
        patch.object(jobs.worker, "PRELOADED", dict.fromkeys(queues, ())),
        patch.object(jobs.training, "_trainer", lambda: trainer),
    ):
        sabotage(trainer)
        jobs.worker.run_worker(settings, queues, "test")


@contextlib.contextmanager
def worker(
    settings: Settings,
    engine: Engine,
    trainer: CountingTrainer,
    sabotage: Sabotage = lambda _: None,
    queues: tuple[str, ...] = ("evaluation", "training"),
) -> Iterator[BaseProcess]:
    """A worker for as long as the block lasts."""
    engine.dispose()  # no connection is carried into the child
    arguments = (settings, list(queues), trainer, sabotage)
    process = multiprocessing.get_context("fork").Process(target=_work, args=arguments)
    process.start()
    try:
        yield process
    finally:
        if process.is_alive():
            process.kill()
        process.join()


class Trap:
    """Kills a process once, at the place where it is sprung, and says afterwards which one was there."""

    def __init__(self, folder: Path, victim: str) -> None:
        self.marker, self.victim = folder / "sprung", victim

    def spring(self) -> None:
        """Kills the worker (`parent`) or the process of the job (`horse`); the second time it does nothing."""
        try:
            with self.marker.open("x") as marker:
                marker.write(str(os.getpid()))
        except FileExistsError:
            return
        os.kill(os.getppid() if self.victim == "parent" else os.getpid(), signal.SIGKILL)
        time.sleep(PATIENCE_S)  # until the kernel follows the parent's death up

    @property
    def horse(self) -> int:
        """The process of the job in which it was sprung; 0 before."""
        return int(self.marker.read_text() or 0) if self.marker.exists() else 0
