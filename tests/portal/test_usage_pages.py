"""The usage pages: charts with their tables, months by address, CSV, and as many queries however much there is."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event
from sqlmodel import Session, select

from portal import clock
from portal.database import write_session
from portal.rules import ledger, limits, races
from portal.tables import HOUR_MS, JobKind, Race, Racer, Role
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import parsed
from tests.portal.races_cast import make_race
from tests.portal.usage_cast import keep, spend

GB = ledger.GB_BYTES
ESTIMATE = "Estimate only, in USD; no special pricing, no tax."


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        return {
            "ada": make_racer(session, "ada", role=Role.ADMIN),
            "alice": make_racer(session, "alice", quota_ms=1000 * HOUR_MS),
            "bob": make_racer(session, "<b>bob", quota_ms=1000 * HOUR_MS),
        }


@pytest.fixture
def ada(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["ada"])


def last_month(now: datetime) -> datetime:
    return now.replace(day=1) - timedelta(days=1)


@pytest.fixture
def spent(engine: Engine, people: dict[str, Racer]) -> datetime:
    """alice and bob trained this month and last, and a race was driven; returns now."""
    now = clock.now()
    with write_session(engine) as session:
        alice, bob = (ledger.account_of(session, people[name]) for name in ("alice", "bob"))
        race = ledger.race_account(session, make_race(session, people["bob"], now=now))
        for moment in (now, last_month(now)):
            spend(session, alice, moment, minutes=120)
            spend(session, bob, moment, minutes=30, kind=JobKind.EVALUATION)
        spend(session, race, now, minutes=6, kind=JobKind.EVALUATION)
        keep(session, alice, now.date(), 1, 3000 * GB, now)
    return now


def test_a_new_instance_is_told_what_will_be_here(ada: FlaskClient) -> None:
    text = parsed(ada.get("/admin/usage").text)
    for part in ("Nothing was used yet", "Too early to say", ESTIMATE, "spent, no budget"):
        assert part in text, part


def test_the_page_shows_spending_with_charts_and_their_tables(ada: FlaskClient, spent: datetime) -> None:
    text = parsed(ada.get("/admin/usage").text)
    for part in (ESTIMATE, "$7.00", "$1.75", "$0.35", "2 h 36 min", "3000 GB-days", "Sunday cup", "&lt;b&gt;bob"):
        assert part in text, part
    assert text.count('role="img"') == 2
    assert text.count("<details>") == 2
    assert "<style" not in text
    assert 'style="' not in text
    assert "<b>bob" not in text


def test_a_month_has_an_address_and_one_that_is_none_is_missing(ada: FlaskClient, spent: datetime) -> None:
    month = last_month(spent)
    text = parsed(ada.get(f"/admin/usage?month={month:%Y-%m}").text)
    assert f'value="{month:%Y-%m}" selected' in text
    assert "$8.75" in text
    assert "Forecast to the month" not in text
    for wrong in ("2026-13", "junk", "2999-01"):
        assert ada.get(f"/admin/usage?month={wrong}").status_code == 404


@pytest.mark.parametrize("of", ["racers", "races"])
def test_everybody_is_one_link_away_sorted_searched_and_by_page(ada: FlaskClient, spent: datetime, of: str) -> None:
    address = f"/admin/usage/{of}?month={spent:%Y-%m}"
    assert address.replace("&", "&amp;") in ada.get("/admin/usage").text
    text = parsed(ada.get(address).text)
    assert 'aria-sort="descending"' in text
    assert ESTIMATE in text
    assert "Nothing fits" in parsed(ada.get(f"{address}&q=zzz").text)
    fragment = ada.get(f"{address}&sort=name", headers={"HX-Request": "true"}).text
    assert fragment.lstrip().startswith("<div")
    assert 'aria-sort="ascending"' in fragment


def rows_of(browser: FlaskClient, address: str) -> list[dict[str, str]]:
    answer = browser.get(address)
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_every_table_comes_as_csv(ada: FlaskClient, spent: datetime) -> None:
    month = f"{spent:%Y-%m}"
    months = rows_of(ada, "/admin/usage/months.csv")
    assert [row["month"] for row in months][-1] == f"{month}-01"
    assert (len(months), months[-1]["trainings"], months[-1]["training_microusd"]) == (12, "1", "7000000")
    assert sum(int(row["spent_microusd"]) for row in rows_of(ada, "/admin/usage/days.csv")) == int(
        months[-1]["spent_microusd"]
    )
    racers = rows_of(ada, f"/admin/usage/racers.csv?month={month}&sort=-spent")
    assert [row["alias"] for row in racers] == ["alice", "<b>bob"]
    assert [row["alias"] for row in rows_of(ada, "/admin/usage/racers.csv?q=bob")] == ["<b>bob"]
    assert [(row["race"], row["evaluation_microusd"]) for row in rows_of(ada, "/admin/usage/races.csv")] == [
        ("Sunday cup", "350000")
    ]


def test_a_budget_is_shown_with_what_is_spent_of_it(ada: FlaskClient, engine: Engine, spent: datetime) -> None:
    with write_session(engine) as session:
        limits.change(session, by=None, now=spent, monthly_budget_microusd=9_000_000)
    text = parsed(ada.get("/admin/usage").text)
    strip = re.search(r'<section class="budget-strip.*?</section>', text, re.DOTALL)
    assert strip
    assert "spent of $9.00" in strip.group(0)
    assert "<progress" in strip.group(0)


def test_the_overview_says_the_same_and_leads_there(ada: FlaskClient, spent: datetime) -> None:
    text = parsed(ada.get("/admin").text)
    assert 'href="/admin/usage"' in text
    shown = re.search(r"Estimated spending so far</dt><dd>(\$[\d.]+)</dd>", ada.get("/admin/usage").text)
    assert shown
    assert shown.group(1) in text


def test_a_deleted_race_keeps_its_line_without_a_link(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], spent: datetime
) -> None:
    with write_session(engine) as session:
        race = session.exec(select(Race)).one()
        races.delete(session, race, by=people["bob"], now=spent)
    text = ada.get("/admin/usage/races").text
    assert "Sunday cup" in text
    assert f"/races/{race.public_id}" not in text


@pytest.fixture
def counted(app: Flask) -> Iterator[list[str]]:
    """Every statement that the portal sends."""
    statements: list[str] = []

    def listen(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    engine = app.extensions["paddock_engine"]
    event.listen(engine, "before_cursor_execute", listen)
    yield statements
    event.remove(engine, "before_cursor_execute", listen)


def fill(session: Session, count: int, now: datetime) -> None:
    for number in range(count):
        racer = make_racer(session, f"r{count}-{number}", quota_ms=1000 * HOUR_MS)
        spend(session, ledger.account_of(session, racer), now)
        paying = ledger.race_account(session, make_race(session, racer, now=now, name=f"Race {count} {number}"))
        spend(session, paying, last_month(now), kind=JobKind.EVALUATION)
        spend(session, paying, now, kind=JobKind.EVALUATION)


@pytest.mark.parametrize("path", ["/admin/usage", "/admin/usage/racers", "/admin/usage/races", "/admin"])
def test_it_asks_the_database_as_often_however_much_there_is(
    ada: FlaskClient, engine: Engine, counted: list[str], path: str
) -> None:
    asked = []
    for count in (1, 12):
        with write_session(engine) as session:
            fill(session, count, clock.now())
        counted.clear()
        assert ada.get(path).status_code == 200
        asked.append(len([one for one in counted if one.lstrip().upper().startswith("SELECT")]))
        assert not any("ledger_entry" in one for one in counted)
    assert asked[0] == asked[1] <= 25


def test_an_organizer_sees_what_the_own_race_cost_and_others_do_not(
    app: Flask, engine: Engine, people: dict[str, Racer], spent: datetime
) -> None:
    with write_session(engine) as session:
        race = session.exec(select(Race)).one()
    for name, sees in (("bob", True), ("ada", True), ("alice", False)):
        text = parsed(sign_in(app, people[name]).get(f"/races/{race.public_id}").text)
        assert ("What this race has cost" in text) is sees, name
    assert "What this race has cost" not in app.test_client().get(f"/races/{race.public_id}").text
