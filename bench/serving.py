"""The whole site under uvicorn, in a process of its own: what it takes can be told from what its visitors take."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event

import click
import uvicorn

from paddock.server import application
from portal.settings import Settings

READY_WITHIN_S = 30.0


@contextmanager
def served(environment: dict[str, str]) -> Iterator[BaseProcess]:
    """The site for these settings, for as long as the block lasts. Raises ClickException where it does not start."""
    ready, stop = multiprocessing.Event(), multiprocessing.Event()
    server = multiprocessing.Process(target=_serve, args=(environment, ready, stop))
    server.start()
    try:
        if not ready.wait(READY_WITHIN_S):
            raise click.ClickException("the server did not start; is the database of the checkout intact?")
        yield server
    finally:
        stop.set()
        server.join(10)
        server.kill()


def _serve(environment: dict[str, str], ready: Event, stop: Event) -> None:
    settings = Settings.read(environment)
    configuration = uvicorn.Config(
        application(settings), host=settings.host, port=settings.port, log_level="error", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(configuration)

    def control() -> None:
        while not server.started:
            time.sleep(0.05)
        ready.set()
        stop.wait()
        server.should_exit = True

    threading.Thread(target=control, daemon=True).start()
    server.run()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
