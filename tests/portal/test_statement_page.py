"""A racer's own statement: every line in plain words, by month, as a page and as a download, and only the own one."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import select

from portal.database import read_session, write_session
from portal.rules import ledger, queueing, trainings
from portal.tables import HOUR_MS, JobKind, JobState, Model, Racer
from tests.cast import NOON
from tests.conftest import sign_in
from tests.jobs.paddock_yard import after, make_sponsored
from tests.portal.garage_cast import make_model, parsed

JULY = datetime(2026, 7, 1, 0, 5, tzinfo=UTC)


@pytest.fixture
def alice(engine: Engine) -> Racer:
    """A line of every kind: given, held, used, given back, stored."""
    with write_session(engine) as session:
        racer = make_sponsored(session, "alice", quota_ms=HOUR_MS)
        model = make_model(session, racer, "Bolt")
        run = trainings.request(session, model, by=racer, now=NOON)
        token = queueing.claim(session, JobKind.TRAINING, run.id or 0, worker="w", now=NOON)
        queueing.finish(session, JobKind.TRAINING, run.id or 0, token or "", now=after(60), state=JobState.COMPLETED)
        again = trainings.request(session, model, by=racer, now=after(70))
        trainings.stop(session, again, by=racer, now=after(80))
        ledger.set_quota(session, racer, HOUR_MS // 2, by=None, now=JULY, reason="fair share")
        ledger.store(session, ledger.account_of(session, racer), 3 << 30, date(2026, 6, 30), now=JULY)
        return racer


def test_every_kind_of_line_is_in_plain_words(browser: FlaskClient) -> None:
    text = parsed(browser.get("/profile/statement").text)
    for part in (
        "Quota raised",
        "Held for the training of Bolt",
        "Used by the training of Bolt; the rest came back",
        "All came back: the training of Bolt did not run",
        "Quota lowered",
        "Storage of 30 Jun 2026: 3 GB kept for a day",
        "estimate only, in USD",
    ):
        assert part in text, part
    assert "29 min" in text, "left after it"
    assert "fair share" not in text, "the administrator's reason is for administrators"


def test_a_month_is_shown_with_its_sums(browser: FlaskClient) -> None:
    text = parsed(browser.get("/profile/statement?month=2026-06").text)
    assert "Storage of 30 Jun" in text
    assert "Quota lowered" not in text
    assert "3 GB-days" in text
    assert '<option value="2026-06" selected>June 2026' in text
    assert "Nothing yet" in parsed(browser.get("/profile/statement?month=2020-01").text)


def test_the_download_has_every_line_and_balance(browser: FlaskClient) -> None:
    answer = browser.get("/profile/statement/export")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="statement.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["kind"] for row in rows] == ["adjust", "reserve", "settle", "reserve", "release", "adjust", "store"]
    assert rows[-1]["left_hours_after"] == "0.483333"
    assert rows[-1]["day"] == "2026-06-30"
    assert rows[2]["model"] == "Bolt"


def test_the_profile_shows_the_last_lines_and_leads_to_all(browser: FlaskClient) -> None:
    text = parsed(browser.get("/profile").text)
    assert text.count('<tr id="line-') == 5
    assert 'href="/profile/statement"' in text


def test_a_statement_is_only_the_own_one(app: Flask, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        bob = make_sponsored(session, "bob", quota_ms=HOUR_MS)
    browser = sign_in(app, bob)
    for path in ("/profile/statement", "/profile/statement/export"):
        assert "Bolt" not in browser.get(path).text
        assert app.test_client().get(path).status_code == 303


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/garage", "29 min"),
        ("/garage/models/new", "This holds 10 min; 19 min is left after it."),
        ("/garage/models/{bolt}", "This holds 10 min; 19 min is left after it."),
        ("/garage/models/{bolt}/evaluate", "This holds 1 min; 28 min is left after it."),
        ("/profile", "29 min"),
    ],
)
def test_the_balance_is_told_wherever_it_matters(browser: FlaskClient, engine: Engine, path: str, words: str) -> None:
    with read_session(engine) as session:
        bolt = session.exec(select(Model)).one().public_id
    assert words in parsed(browser.get(path.format(bolt=bolt)).text)


def test_a_stop_time_beyond_the_balance_is_said_before_it_is_asked_for(browser: FlaskClient) -> None:
    text = browser.post("/garage/models/new", data={"name": "", "minutes": "600", "do": "train"}).text
    assert "This needs 10 h, and 29 min is left of your hours." in parsed(text)
