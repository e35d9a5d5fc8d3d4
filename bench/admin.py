"""Scale: the administrator's pages over a large instance, beside the same pages over a hundredth of it."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
from flask.testing import FlaskClient
from sqlalchemy import event

from bench import databases
from bench.databases import migrated
from bench.large_instance import LargeInstance
from bench.rows import Row
from paddock import valkey
from portal import clock, scope
from portal.app import create_app
from portal.database import read_session
from portal.rules import browser_sessions, ledger_check
from portal.settings import Settings
from portal.tables import Racer

GOAL_MS, GOAL_PAUSE_S = 150.0, 2.0
SMALLER = 100
"""The instance beside which queries are counted has so many times fewer rows."""


def pages(racers: int) -> dict[str, str]:
    """What is opened, by name."""
    somebody = f"{max(1, racers // 2):016x}"
    return {
        "racers, first page": "/admin/racers",
        "racers, last page": f"/admin/racers?page={racers // 50}",
        "racers by hours used": "/admin/racers?sort=-used",
        "racers by models": "/admin/racers?sort=-models",
        "racers by storage, last page": f"/admin/racers?sort=storage&page={racers // 50}",
        "racers by spending": "/admin/racers?sort=-spent",
        "racers, search": "/admin/racers?q=mina",
        "racers, paused": "/admin/racers?state=paused&sort=seen",
        "a racer": f"/admin/racers/{somebody}",
        "a racer's statement": f"/admin/racers/{somebody}/statement",
        "usage": "/admin/usage",
        "usage by racer": "/admin/usage/racers",
        "usage by race": "/admin/usage/races",
        "models, first page": "/admin/models",
        "models, last page": f"/admin/models?page={racers * 10 // 50}",
        "models by size": "/admin/models?sort=-size",
        "models by state": "/admin/models?sort=state",
        "models, search": "/admin/models?q=77",
        "audit, first page": "/admin/audit",
        "audit, one action": "/admin/audit?action=training.end",
        "audit, last page": "/admin/audit?page=100000",
        "requests": "/admin/requests",
        "overview": "/admin",
        "setup": "/admin/setup",
        "alerts": "/admin/alerts",
    }


@click.command()
@click.option("--racers", default=1000, show_default=True, type=click.IntRange(100), help="Each has ten models.")
@click.option("--lines", default=1_000_000, show_default=True, type=click.IntRange(10_000), help="Of the ledger.")
@click.option("--times", default=15, show_default=True, type=click.IntRange(3), help="That each page is opened.")
@databases.option
def measure(racers: int, lines: int, times: int, databases: tuple[str, ...]) -> list[Row]:
    """Make a large instance and open each of the administrator's pages again and again; pause everybody."""
    rows: list[Row] = []
    for kind in databases:
        with migrated(kind) as address:
            few = _queries(address, max(1, racers // SMALLER), lines // SMALLER)
        with migrated(kind) as address:
            rows += _measure(kind, address, racers, lines, times, few)
    return rows


def _queries(address: str, racers: int, lines: int) -> dict[str, int]:
    """How many queries each page makes over a small instance."""
    LargeInstance(racers, lines, clock.now()).fill(address)
    with _administrator(address, racers) as visitor:
        return {name: visitor.open(path).queries for name, path in pages(racers).items()}


def _measure(kind: str, address: str, racers: int, lines: int, times: int, few: dict[str, int]) -> list[Row]:
    began = time.perf_counter()
    LargeInstance(racers, lines, clock.now()).fill(address)
    rows = [Row(f"{kind}: made in", round(time.perf_counter() - began, 1), "s", f"{racers} racers, lines:", lines)]
    with _administrator(address, racers) as visitor:
        rows.append(visitor.checked(kind))
        for name, path in pages(racers).items():
            opened = [visitor.open(path) for _ in range(times + 1)][1:]
            took = [page.took_ms for page in opened]
            rows += [
                Row(f"{kind}: {name}, median", round(float(np.median(took)), 1), "ms", "goal: under", GOAL_MS),
                Row(f"{kind}: {name}, p95", round(float(np.percentile(took, 95)), 1), "ms"),
                Row(f"{kind}: {name}", opened[0].queries, "queries", "with a hundredth of the rows:", few[name]),
            ]
        for verb in ("pause", "resume"):
            took_s = visitor.act_on_all(verb)
            rows.append(Row(f"{kind}: {verb} all", round(took_s, 2), "s", "goal: under", GOAL_PAUSE_S))
    return rows


class Opened:
    """A page that was answered: how long it took, and how many queries it made."""

    def __init__(self, took_ms: float, queries: int, text: str) -> None:
        self.took_ms, self.queries, self.text = took_ms, queries, text


class Visitor:
    """An administrator who is signed in, in front of the portal in this process."""

    def __init__(self, client: FlaskClient) -> None:
        self.client, self.queries = client, 0
        self.engine = client.application.extensions["paddock_engine"]
        event.listen(self.engine, "before_cursor_execute", self._count)

    def _count(self, *_: object) -> None:
        self.queries += 1

    def open(self, path: str) -> Opened:
        self.queries, began = 0, time.perf_counter()
        answer = self.client.get(path)
        took_ms = (time.perf_counter() - began) * 1000
        if answer.status_code != 200:
            raise click.ClickException(f"{path} answered {answer.status_code}")
        return Opened(took_ms, self.queries, answer.text)

    def act_on_all(self, verb: str) -> float:
        """Confirms an action on everybody who matches; returns what the confirmation took (s)."""
        asked = self.open(f"/admin/racers/{verb}?all=1").text
        seen = re.search(r'name="seen" value="([^"]+)"', asked)
        if seen is None:
            raise click.ClickException(f"the confirmation of {verb} names nobody")
        began = time.perf_counter()
        values = {"all": "1", "seen": seen.group(1), "reason": "the season is over"}
        answer = self.client.post(f"/admin/racers/{verb}", data=values)
        took_s = time.perf_counter() - began
        if answer.status_code not in (302, 303):
            raise click.ClickException(f"{verb} answered {answer.status_code}")
        return took_s

    def checked(self, kind: str) -> Row:
        """The whole ledger added up once more by the rule that operators use."""
        began = time.perf_counter()
        with read_session(self.engine) as session:
            found = ledger_check.check(session)
        if found.differences:
            raise click.ClickException(f"the instance does not add up: {found.differences[:3]}")
        return Row(f"{kind}: the ledger added up", round(time.perf_counter() - began, 1), "s", "lines:", found.lines)


@contextmanager
def _administrator(address: str, racers: int) -> Iterator[Visitor]:
    with tempfile.TemporaryDirectory(prefix="pb") as folder, valkey.running(Path(folder)) as queue:
        environment = {"PADDOCK_DATA": folder, "PADDOCK_REDIS_URL": queue, "PADDOCK_DATABASE_URL": address}
        app = create_app(Settings.read(environment))
        app.config.update(WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
        with app.test_request_context(), scope.writing() as session:
            admin = session.get_one(Racer, racers + 1)
            secret = browser_sessions.begin(session, admin, now=clock.now(), life_s=86_400)
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = secret, True
        yield Visitor(client)
        app.extensions["paddock_engine"].dispose()
