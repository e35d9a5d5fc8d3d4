"""Results to take away: CSV, JSON, certificates, and that they stay."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import select

from portal import clock
from portal.database import write_session
from portal.rules import freezing, model_deletion
from portal.tables import Model, Race, Racer, Visibility
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import parsed
from tests.portal.races_cast import make_race, make_result

MINUTE = timedelta(minutes=1)


@pytest.fixture
def race(engine: Engine, olivia: Racer) -> Race:
    """Over for a minute: alice before bob."""
    now = clock.now()
    with write_session(engine) as session:
        race = make_race(session, olivia, opens_at=now - 60 * MINUTE, closes_at=now - MINUTE, laps=2, minimum_laps=1)
        make_result(session, race, make_racer(session, "alice"), 9_000, 8_000, at=now - 30 * MINUTE)
        make_result(session, race, make_racer(session, "bob"), 9_100, 9_200, resets=1, at=now - 20 * MINUTE)
        return race


def pages_of(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


def test_the_standings_as_csv(client: FlaskClient, race: Race) -> None:
    answer = client.get(f"/races/{race.public_id}/standings.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["place"], row["racer"], row["result_ms"], row["gap_ms"], row["resets"]) for row in rows] == [
        ("1", "alice", "17000", "", "0"),
        ("2", "bob", "18300", "1300", "1"),
    ]


def test_the_standings_as_json(client: FlaskClient, race: Race) -> None:
    found = client.get(f"/races/{race.public_id}/standings.json").get_json()
    assert found["final"] is True
    assert found["race"]["seed"] == 7
    assert [(row["place"], row["racer"], row["best_lap_ms"]) for row in found["standings"]] == [
        (1, "alice", 8_000),
        (2, "bob", 9_100),
    ]
    assert found["standings"][1]["last_lap"]["time_ms"] == 9_200


def test_everybody_who_was_ranked_has_a_certificate(app: Flask, client: FlaskClient, race: Race, olivia: Racer) -> None:
    one = client.get(f"/races/{race.public_id}/certificates/alice.pdf")
    assert (one.status_code, one.mimetype) == (200, "application/pdf")
    assert one.data.startswith(b"%PDF")
    assert pages_of(one.data) == 1
    assert client.get(f"/races/{race.public_id}/certificates/olivia.pdf").status_code == 404
    assert client.get(f"/races/{race.public_id}/certificates/nobody.pdf").status_code == 404
    every = sign_in(app, olivia).get(f"/races/{race.public_id}/certificates.pdf")
    assert pages_of(every.data) == 2
    assert client.get(f"/races/{race.public_id}/certificates.pdf").status_code == 303
    assert f"/races/{race.public_id}/certificates/alice.pdf" in parsed(client.get("/racers/alice").text)
    page = parsed(client.get(f"/races/{race.public_id}").text)
    assert f"/races/{race.public_id}/standings.csv" in page


def test_there_is_no_certificate_before_the_standings_are_final(
    client: FlaskClient, engine: Engine, race: Race, olivia: Racer
) -> None:
    with write_session(engine) as session:
        own = session.get_one(Race, race.id)
        own.closes_at = clock.now() + 60 * MINUTE
        session.add(own)
        session.flush()
        freezing.plan(session, own, by=olivia, now=clock.now(), minutes=None)
        session.flush()
    address = f"/races/{race.public_id}/certificates/alice.pdf"
    assert "has not closed yet" in client.get(address).text
    with write_session(engine) as session:
        own = session.get_one(Race, race.id)
        own.closes_at = clock.now() - timedelta(seconds=1)
        session.add(own)
    answer = client.get(address)
    assert answer.status_code == 409
    assert "still to be revealed" in answer.text
    assert "certificates" not in client.get("/racers/alice").text
    assert client.get(f"/races/{race.public_id}/standings.json").get_json()["final"] is False


def test_final_standings_stay_when_a_model_is_deleted(client: FlaskClient, engine: Engine, race: Race) -> None:
    before = client.get(f"/races/{race.public_id}/standings.csv").text
    with write_session(engine) as session:
        for model in session.exec(select(Model)).all():
            racer = session.get_one(Racer, model.racer_id)
            model_deletion.delete(session, model, by=racer, now=clock.now())
    assert client.get(f"/races/{race.public_id}/standings.csv").text == before


def test_results_of_a_private_race_are_for_its_people(
    app: Flask, client: FlaskClient, engine: Engine, olivia: Racer, race: Race
) -> None:
    with write_session(engine) as session:
        own = session.get_one(Race, race.id)
        own.visibility = Visibility.PRIVATE
        session.add(own)
        dave = make_racer(session, "dave")
    for path in ("standings.csv", "standings.json", "certificates/alice.pdf", "certificates.pdf"):
        address = f"/races/{race.public_id}/{path}"
        assert sign_in(app, olivia).get(address).status_code == 200, path
        assert sign_in(app, dave).get(address).status_code == 404, path
        if path != "certificates.pdf":
            assert client.get(address).status_code == 404, path


def test_a_season_is_made_shown_changed_and_deleted(app: Flask, client: FlaskClient, olivia: Racer, race: Race) -> None:
    browser = sign_in(app, olivia)
    assert "No seasons yet" in parsed(client.get("/seasons").text)
    parsed(browser.get("/seasons/new").text)
    wrong = browser.post("/seasons", data={"name": "", "points": "x", "races": [race.public_id]})
    assert wrong.status_code == 422
    assert "Write whole numbers" in parsed(wrong.text)
    assert 'value="x"' in wrong.text
    form = {"name": "Spring", "description": "Two races", "points": "10, 6 4", "races": [race.public_id]}
    address = browser.post("/seasons", data=form).location
    page = parsed(client.get(address).text)
    assert re.search(r"alice.*?<strong>10</strong>.*bob.*?<strong>6</strong>", page, re.DOTALL)
    assert client.get(address + "/edit").status_code == 303
    assert "checked" in parsed(browser.get(address + "/edit").text)
    assert browser.post(address + "/edit", data={**form, "points": "3"}).status_code == 303
    table = list(csv.DictReader(io.StringIO(client.get(address + "/table.csv").text)))
    assert [(row["place"], row["racer"], row["points"], row["Sunday cup"]) for row in table] == [
        ("1", "alice", "3", "1"),
        ("2", "bob", "0", "2"),
    ]
    assert "Spring" in parsed(client.get("/seasons").text)
    parsed(browser.get(address + "/delete").text)
    assert browser.post(address + "/delete").status_code == 303
    assert client.get(address).status_code == 404
