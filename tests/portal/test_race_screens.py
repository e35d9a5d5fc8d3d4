"""The organizer's page to freeze and reveal, the big screen and the overlay."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import col, select

from portal import clock
from portal.database import read_session, write_session
from portal.rules import disqualifications, freezing
from portal.streams.renderers import race_standings
from portal.tables import Race, Racer, Submission, Visibility
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import parsed
from tests.portal.races_cast import make_race, make_result

MINUTE = timedelta(minutes=1)


@pytest.fixture
def race(engine: Engine, olivia: Racer) -> Race:
    """Over for a minute; frozen before bob overtook alice."""
    now = clock.now()
    with write_session(engine) as session:
        alice, bob = make_racer(session, "alice"), make_racer(session, "bob")
        race = make_race(session, olivia, opens_at=now - 60 * MINUTE, closes_at=now - MINUTE, laps=1, minimum_laps=1)
        make_result(session, race, alice, 9_000, at=now - 30 * MINUTE)
        freezing.plan(session, race, by=olivia, now=now - 20 * MINUTE, minutes=10)
        make_result(session, race, bob, 8_000, at=now - 5 * MINUTE)
        return race


def test_the_page_of_a_frozen_race_says_so_and_hides_the_newest(client: FlaskClient, race: Race) -> None:
    page = parsed(client.get(f"/races/{race.public_id}").text)
    assert "The standings are frozen" in page
    assert "bob" not in page
    assert "Winner" not in page
    assert "winner is to be revealed" in client.get("/").text


def test_a_disqualified_run_that_was_hidden_is_listed_when_its_result_would_be(
    client: FlaskClient, engine: Engine, olivia: Racer, race: Race
) -> None:
    with write_session(engine) as session:
        run = session.exec(select(Submission).order_by(col(Submission.id).desc())).first()
        assert run is not None
        disqualifications.disqualify(session, race, run.public_id, reason="It cut corners", by=olivia, now=clock.now())
    assert "It cut corners" not in client.get(f"/races/{race.public_id}").text
    with write_session(engine) as session:
        freezing.lift(session, race, by=olivia, now=clock.now())
    assert "It cut corners" in parsed(client.get(f"/races/{race.public_id}").text)


def test_what_the_stream_sends_is_what_the_public_may_see(app: Flask, race: Race) -> None:
    with app.test_request_context("/"):
        sent = race_standings(race.public_id, {})
    assert sent is not None
    assert "alice" in sent
    assert "bob" not in sent


def test_the_organizer_sees_everything_and_reveals_place_by_place(
    app: Flask, client: FlaskClient, olivia: Racer, race: Race, redis: Redis
) -> None:
    browser = sign_in(app, olivia)
    page = parsed(browser.get(f"/races/{race.public_id}/freeze").text)
    assert "Next: place 2, alice with 9.000." in page
    assert "bob" in page
    heard = redis.pubsub()
    heard.subscribe(f"live:race:{race.public_id}")
    assert browser.post(f"/races/{race.public_id}/freeze/reveal", data={"after": "0"}).status_code == 303
    messages = [message for message in (heard.get_message(timeout=1) for _ in range(3)) if message]
    assert any(
        json.loads(json.loads(one["data"])["body"])["event"] == "standings"
        for one in messages
        if one["type"] == "message"
    )
    public = parsed(client.get(f"/races/{race.public_id}").text)
    assert "1 place to go" in public
    assert "alice" in public
    assert "bob" not in public
    screen = parsed(client.get(f"/races/{race.public_id}/screen").text)
    assert "to be revealed" in screen
    assert "wins with" not in screen
    assert browser.post(f"/races/{race.public_id}/freeze/reveal", data={"after": "1"}).status_code == 303
    assert "bob</strong> wins with" in parsed(client.get(f"/races/{race.public_id}/screen").text)


def test_nobody_else_has_the_organizers_page(app: Flask, client: FlaskClient, engine: Engine, race: Race) -> None:
    with write_session(engine) as session:
        dave = make_racer(session, "dave")
    for path in ("freeze", "freeze/reveal", "freeze/lift"):
        method = "get" if path == "freeze" else "post"
        address = f"/races/{race.public_id}/{path}"
        assert getattr(client, method)(address).status_code == 303, "to the sign-in"
        assert getattr(sign_in(app, dave), method)(address).status_code == 403


def test_a_plan_is_made_by_minutes_and_wrong_ones_come_back(app: Flask, engine: Engine, olivia: Racer) -> None:
    now = clock.now()
    with write_session(engine) as session:
        race = make_race(session, olivia, opens_at=now - MINUTE, closes_at=now + 60 * MINUTE)
    browser = sign_in(app, olivia)
    address = f"/races/{race.public_id}/freeze"
    for wrong in ("", "0", "-1", "x", "99999999", "³"):
        answer = browser.post(address, data={"minutes": wrong})
        assert answer.status_code == 422
        assert "Write 1 to 10080 minutes." in parsed(answer.text)
    late = browser.post(address, data={"minutes": "600"})
    assert late.status_code == 422
    assert "Write fewer minutes" in late.text
    assert browser.post(address, data={"minutes": "30"}).status_code == 303
    assert "Do not freeze" in parsed(browser.get(address).text)
    assert "The standings freeze in" in browser.get(f"/races/{race.public_id}").text
    assert browser.post(address + "/lift").status_code == 303
    assert browser.post(address, data={"now": "1"}).status_code == 303
    assert "Frozen since" in parsed(browser.get(address).text)


def test_the_screen_has_the_standings_and_the_way_to_the_page_as_a_code(client: FlaskClient, race: Race) -> None:
    page = parsed(client.get(f"/races/{race.public_id}/screen").text)
    assert 'class="qr"' in page
    assert f"127.0.0.1:8000/races/{race.public_id}" in page
    assert "<style" not in page
    assert 'style="' not in page


def test_an_overlay_shows_what_its_address_asks_for(client: FlaskClient, race: Race) -> None:
    address = f"/races/{race.public_id}/overlay"
    page = parsed(client.get(address).text)
    assert 'class="overlay size-medium rows-5 without-moved' in page
    assert "without-gap" not in page
    page = parsed(client.get(address + "?rows=3&columns=best,interval&theme=light&size=large&title=0").text)
    assert "size-large rows-3" in page
    assert "theme-light" in page
    assert "without-gap" in page
    assert "without-interval" not in page
    assert "<h1>" not in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("rows=0", "rows: rows is 1 to 20."),
        ("rows=x", "rows: rows is 1 to 20."),
        ("columns=gap,laptime", "columns has no laptime"),
        ("theme=pink", "theme: Write one of dark, light."),
        ("size=9", "size: Write one of small, medium, large."),
    ],
)
def test_an_overlay_says_which_option_is_wrong(client: FlaskClient, race: Race, query: str, said: str) -> None:
    answer = client.get(f"/races/{race.public_id}/overlay?{query}")
    assert answer.status_code == 422
    assert said in answer.text


def test_screen_and_overlay_of_a_private_race_are_for_its_people(
    app: Flask, client: FlaskClient, engine: Engine, olivia: Racer
) -> None:
    with write_session(engine) as session:
        race = make_race(session, olivia, visibility=Visibility.PRIVATE)
        dave = make_racer(session, "dave")
    for path in ("screen", "overlay", "freeze"):
        address = f"/races/{race.public_id}/{path}"
        assert sign_in(app, olivia).get(address).status_code == 200
        assert sign_in(app, dave).get(address).status_code == 404
        if path != "freeze":
            assert client.get(address).status_code == 404


def test_the_overlay_of_a_private_race_opens_with_its_key_and_nothing_else_does(
    app: Flask, client: FlaskClient, engine: Engine, olivia: Racer
) -> None:
    with write_session(engine) as session:
        race = make_race(session, olivia, visibility=Visibility.PRIVATE, laps=1, minimum_laps=1)
        other = make_race(session, olivia, visibility=Visibility.PRIVATE, name="Other")
        alice, dave = make_racer(session, "alice"), make_racer(session, "dave")
        make_result(session, race, alice, 9_000)
    at, browser = f"/races/{race.public_id}", sign_in(app, olivia)
    for key in ("", "x", "é"):
        assert client.get(f"{at}/overlay", query_string={"key": key}).status_code == 404, "there is none yet"
    for stranger in (client, sign_in(app, dave)):
        assert stranger.post(f"{at}/people/overlay", data={"do": "renew"}).status_code in (303, 404)
    assert key_of(engine, race) is None
    assert browser.post(f"{at}/people/overlay", data={"do": "renew"}).status_code == 303
    key = key_of(engine, race)
    assert key is not None
    assert len(key) == 43
    assert f"/overlay?key={key}" in parsed(browser.get(f"{at}/people").text)

    page = parsed(client.get(f"{at}/overlay?key={key}&rows=3").text)
    assert "alice" in page
    assert f'data-address="{at}/overlay?key={key}"' in page
    fragment = client.get(f"{at}/overlay?key={key}", headers={"HX-Request": "true"})
    assert fragment.headers["Paddock-Stream"].startswith("/events?t=")
    assert fragment.headers["Cache-Control"] == "no-store"
    assert "<html" not in fragment.text
    for closed in (f"{at}?key={key}", f"{at}/screen?key={key}", f"{at}/standings.json?key={key}", f"{at}/overlay"):
        assert client.get(closed).status_code == 404, closed
    for wrong in (key[:-1], key.swapcase(), "é"):
        assert client.get(f"{at}/overlay", query_string={"key": wrong}).status_code == 404
    assert client.get(f"/races/{other.public_id}/overlay?key={key}").status_code == 404

    browser.post(f"{at}/people/overlay", data={"do": "renew"})
    newer = key_of(engine, race)
    assert newer not in (None, key)
    assert client.get(f"{at}/overlay?key={key}").status_code == 404
    assert client.get(f"{at}/overlay?key={newer}").status_code == 200
    browser.post(f"{at}/people/overlay", data={"do": "revoke"})
    assert client.get(f"{at}/overlay?key={newer}").status_code == 404
    with read_session(engine) as session:
        assert session.get_one(Race, race.id).audience == 2, "what was open hears nothing more"


def key_of(engine: Engine, race: Race) -> str | None:
    with read_session(engine) as session:
        return session.get_one(Race, race.id).overlay_key


def test_a_public_race_needs_no_key(app: Flask, client: FlaskClient, olivia: Racer, race: Race) -> None:
    answer = sign_in(app, olivia).post(f"/races/{race.public_id}/people/overlay", data={"do": "renew"})
    assert answer.status_code == 422
    assert client.get(f"/races/{race.public_id}/overlay?key=x").status_code == 404
