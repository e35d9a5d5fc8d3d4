"""`paddock up`: starts everything, stops everything, and finds everything again."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pu") as name:
        yield Path(name)


def start(data: Path, port: int, *options: str, database: str = "") -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PADDOCK_")}
    if database:
        environment["PADDOCK_DATABASE_URL"] = database
    return subprocess.Popen(
        [sys.executable, "-m", "paddock", "up", "--port", str(port), "--data", str(data), *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def greeting(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    return "".join(lines)


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def wait_until_gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(processes, timeout=20)
    return alive


def test_it_starts_greets_stops_and_starts_again(data: Path) -> None:
    port = free_port()
    first = start(data, port)
    words = greeting(first)
    assert f"http://127.0.0.1:{port}" in words
    assert re.search(r"Sign in as admin with the password \S{12,}", words)
    health = requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
    assert health.status_code == 200
    processes = family(first)
    assert len(processes) >= 6

    first.send_signal(signal.SIGINT)
    assert first.wait(timeout=40) == 0
    assert wait_until_gone(processes) == []

    second = start(data, port)
    again = greeting(second)
    assert "password" in again
    assert "Sign in as admin with the password" not in again, "the first password is shown once"
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=40) == 0


@pytest.mark.slow
def test_a_second_one_on_the_same_data_is_refused(data: Path) -> None:
    first = start(data, free_port())
    greeting(first)
    second = start(data, free_port())
    out, _ = second.communicate(timeout=40)
    assert second.returncode == 3
    assert "already runs" in out
    first.send_signal(signal.SIGINT)
    assert first.wait(timeout=40) == 0


def test_a_port_that_is_taken_is_named(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(data, taken.getsockname()[1])
        out, _ = process.communicate(timeout=40)
    assert process.returncode == 3
    assert "--port" in out


def test_nothing_outlives_a_supervisor_that_is_killed(data: Path) -> None:
    process = start(data, free_port())
    greeting(process)
    children = family(process)
    process.kill()
    process.wait()
    assert wait_until_gone(children) == []


@pytest.mark.slow
def test_a_part_that_dies_is_started_again(data: Path) -> None:
    port = free_port()
    process = start(data, port)
    greeting(process)
    valkey = next(child for child in family(process) if "valkey" in child.name())
    valkey.kill()
    deadline = time.monotonic() + 30
    healthy = False
    while time.monotonic() < deadline and not healthy:
        time.sleep(0.3)
        healthy = requests.get(f"http://127.0.0.1:{port}/healthz", timeout=10).status_code == 200
    assert healthy
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=40) == 0
