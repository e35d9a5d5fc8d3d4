"""`paddock up`: everything on one machine, started in order, kept running, stopped cleanly."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import IO
from urllib.parse import quote

from migrations.revisions import newest
from paddock import valkey
from paddock.child import Child
from paddock.demo_password import DEMO_PASSWORD
from paddock.failures import PartMissing
from portal.settings import Settings

READY_WITHIN_S = 60.0
WATCH_EVERY_S = 0.5
Say = Callable[[str], None]


class Supervisor:
    """Owns the data directory while it lives, and every process that works on it."""

    def __init__(self, settings: Settings, *, demo: bool, say: Say) -> None:
        if demo and not settings.is_loopback:
            raise ValueError(
                "--demo has passwords that everybody knows: it works on 127.0.0.1 only, unset PADDOCK_HOST"
            )
        self.settings = settings
        self.demo = demo
        self.say = say
        self.children: list[Child] = []
        self.stopping = False

    def run(self) -> None:
        """Starts everything and stays until SIGINT or SIGTERM. Raises PartMissing where it cannot start."""
        with _owned(self.settings.data_path):
            _require_free_port(self.settings)
            signal.signal(signal.SIGINT, self._stop)
            signal.signal(signal.SIGTERM, self._stop)
            try:
                self._start()
                self._watch()
            finally:
                self._stop_children()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _start(self) -> None:
        """The portal starts while the database is prepared; workers load the learner when people can already look."""
        self._start_queue_server()
        self._start_part("web", "web")
        password = "" if _is_prepared(self.settings) else self._prepare()
        self._wait_until_healthy()
        if self.stopping:
            return
        for name, *arguments in self._workers():
            self._start_part(name, *arguments)
        self._greet(password)
        if self.demo:
            self._start_part("demo", "demo")

    def _start_queue_server(self) -> None:
        if self.settings.redis_url:
            return
        folder, socket_path = self.settings.valkey_path, self.settings.valkey_socket
        valkey.prepare(folder, socket_path)
        self._start_child("valkey", valkey.command(folder, socket_path))
        valkey.wait_until_ready(socket_path)

    def _prepare(self) -> str:
        """Brings the database up to date; returns the first administrator's password where one was made now."""
        command = [sys.executable, "-m", "paddock", "prepare", *(["--demo"] if self.demo else [])]
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise PartMissing(done.stderr.strip().removeprefix("paddock: ") or "the database could not be prepared")
        return done.stdout.strip()

    def _workers(self) -> list[list[str]]:
        """Name and arguments. The express worker has no trainings: a short job never waits behind a long one."""
        express = ["express", "worker", "--name", "express", "--queue", "reward-checks", "--queue", "evaluation"]
        names = [f"worker-{number}" for number in range(1, self.settings.workers + 1)]
        others = [[name, "worker", "--name", name, "--queue", "evaluation", "--queue", "training"] for name in names]
        return [["maintenance", "maintenance"], express, *others]

    def _start_part(self, name: str, *arguments: str) -> None:
        self._start_child(name, [sys.executable, "-m", "paddock", *arguments])

    def _start_child(self, name: str, command: list[str]) -> None:
        child = Child(name, command, self.settings.data_path / "logs" / f"{name}.log", self._environment())
        child.start()
        self.children.append(child)

    def _environment(self) -> dict[str, str]:
        """One thread for each process: threads of several learners would wait for each other's cores."""
        return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}

    def _wait_until_healthy(self) -> None:
        address = f"http://{_reachable(self.settings.host)}:{self.settings.port}/healthz"
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline and not self.stopping:
            if _is_healthy(address):
                return
            web = next(child for child in self.children if child.name == "web")
            if not web.is_running:
                raise PartMissing(f"the portal did not start; its log is {web.log}")
            time.sleep(0.05)
        if not self.stopping:
            raise PartMissing(
                f"the portal does not answer at {address}; the logs are in {self.settings.data_path / 'logs'}"
            )

    def _greet(self, password: str) -> None:
        self.say(f"Paddock is at {self.settings.address}")
        if not self.settings.uses_local_provider:
            self.say(f"Sign in with your account at {self.settings.oidc_issuer}.")
        elif password:
            self.say(f"Sign in as admin with the password {password} (shown this once; change it on the profile page).")
        else:
            self.say("Sign in with your account; `paddock admin password NAME` gives a new password.")
        if self.demo:
            self.say(
                f"Demo people are admin, olivia, alice, bob, carol and dave; each has the password {DEMO_PASSWORD}."
            )
        self.say("Ctrl-C stops everything.")

    def _watch(self) -> None:
        demo_said = False
        while not self.stopping:
            for child in self.children:
                if child.name == "demo":
                    demo_said = demo_said or self._report_demo(child)
                elif (message := child.watch()) is not None:
                    self.say(message)
            time.sleep(WATCH_EVERY_S)

    def _report_demo(self, child: Child) -> bool:
        """Says once how the demo's preparation ended."""
        if child.is_running or child.process is None:
            return False
        if child.process.returncode == 0:
            self.say("The demo is ready: two trained models and an open race.")
        else:
            self.say(f"The demo could not be prepared; its log is {child.log}")
        return True

    def _stop_children(self) -> None:
        """In reverse order: what works stops before what it works with."""
        queue_server = [child for child in self.children if child.name == "valkey"]
        others = [child for child in self.children if child.name != "valkey"]
        for group in (others, queue_server):
            for child in reversed(group):
                child.ask_to_stop()
            for child in reversed(group):
                child.wait_for_stop()


class _owned:
    """Holds the lock on a data directory: two supervisors on one directory would fight over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file: IO[str] | None = None

    def __enter__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PartMissing(
                f"Paddock already runs on {self.folder}; stop it there or choose another --data"
            ) from None

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()


def _reachable(host: str) -> str:
    """An address of this machine under which a listener on `host` answers."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104


def _is_prepared(settings: Settings) -> bool:
    """True where the embedded database is current and somebody can sign in: the second start need not ask Alembic."""
    path = settings.data_path / "paddock.db"
    if settings.database_url or not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            version = database.execute("SELECT version_num FROM alembic_version").fetchone()
            accounts = database.execute("SELECT count(*) FROM provider_account").fetchone()
    except sqlite3.Error:
        return False
    return version == (newest(),) and (accounts[0] > 0 or not settings.uses_local_provider)


def _require_free_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise PartMissing(
                f"{settings.host}:{settings.port} cannot be used ({reason}); choose another with --port"
            ) from None


def _is_healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310  our own address
            return bool(answer.status == 200)
    except OSError:
        return False
