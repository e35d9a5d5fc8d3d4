"""`paddock up` on PostgreSQL: prepared, signed in, trained, evaluated, raced, and found again."""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlmodel import select

from paddock.demo_password import DEMO_PASSWORD
from portal.database import make_engine, read_session
from portal.tables import Evaluation, JobState, Racer
from tests.jobs.paddock_yard import check_ledger
from tests.migrated import MigratedPostgres
from tests.paddock.test_up import start
from tests.portal.site import Person
from tests.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
WITHIN_S = 90.0


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pu") as name:
        yield Path(name)


def read_until(process: subprocess.Popen[str], *words: str) -> str:
    """What it prints until one of these."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if any(word in line for word in words):
            break
    return said


def evaluate(person: Person) -> requests.Response:
    """Somebody's own evaluation of the first model in the garage, by the form; the page that it leads to."""
    garage = person.get("/garage")
    model = re.search(r"/garage/models/[0-9a-f]{16}", garage.text)
    assert model, garage.text
    form = person.get(f"{model.group()}/evaluate")
    values = {"track": "paddock-oval", "direction": "counterclockwise", "continuous": "true", "laps": "2"}
    penalties = {"off_track_penalty_s": "3", "collision_penalty_s": "5", "seed": ""}
    return person.submit(form, values | penalties)


@pytest.fixture
def begin() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`paddock up`, which ends with the test."""
    begun: list[subprocess.Popen[str]] = []

    def up(*arguments: Any, **options: Any) -> subprocess.Popen[str]:
        begun.append(start(*arguments, **options))
        return begun[-1]

    yield up
    for process in begun:
        process.kill()  # its children end with it


def test_it_trains_evaluates_and_races_on_postgresql(
    data: Path, postgres: MigratedPostgres, begin: Callable[..., subprocess.Popen[str]]
) -> None:
    address, port = postgres.empty("whole"), free_port()
    process = begin(data, port, "--demo", database=address)
    said = read_until(process, "demo is ready", "could not")
    assert "The demo is ready" in said, said
    alice = Person(f"http://127.0.0.1:{port}")
    alice.sign_in("alice", DEMO_PASSWORD)
    page = evaluate(alice)
    assert re.search(r"/evaluations/[0-9a-f]{16}$", page.url), page.text
    engine, deadline = make_engine(address), time.monotonic() + WITHIN_S
    state = ""
    while state != JobState.COMPLETED and time.monotonic() < deadline:
        time.sleep(0.3)
        with read_session(engine) as session:
            query = select(Evaluation).join(Racer).where(Racer.alias == "alice", Evaluation.race_id == None)  # noqa: E711
            state = session.exec(query).one().state
    assert state == JobState.COMPLETED
    with read_session(engine) as session:
        check_ledger(session)
    engine.dispose()
    races = alice.get("/races").text
    assert "<dd>2</dd>" in races, "two racers are ranked"
    assert not (data / "paddock.db").exists()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=40) == 0

    again = begin(data, port, database=address)
    assert "paddock admin password" in read_until(again, "Ctrl-C"), "the people are there"
    assert Person(f"http://127.0.0.1:{port}").sign_in("alice", DEMO_PASSWORD).status_code == 200
    again.send_signal(signal.SIGINT)
    assert again.wait(timeout=40) == 0
