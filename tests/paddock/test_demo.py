"""`paddock up --demo`: people, tracks, two trained models and an open race, by the rules that clicks call."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.paddock.test_up import start
from tests.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pu") as name:
        yield Path(name)


def test_it_is_ready_by_itself_and_stays_when_it_is_started_again(data: Path) -> None:
    port = free_port()
    for _ in range(2):
        process = start(data, port, "--demo")
        assert process.stdout is not None
        words = ""
        for line in process.stdout:
            words += line
            if "demo is ready" in line or "could not" in line:
                break
        assert "The demo is ready" in words
        races = requests.get(f"http://127.0.0.1:{port}/races", timeout=20).text
        assert races.count("Paddock-Open</a>") == 1
        assert "<dd>2</dd>" in races, "two racers are ranked"
        tracks = requests.get(f"http://127.0.0.1:{port}/tracks", timeout=20).text
        assert "Demo Triangle" in tracks
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=40) == 0
