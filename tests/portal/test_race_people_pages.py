"""The organizer's page of a private race's people, and the way in: link, code, and what strangers are told."""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import select

from portal import clock, live
from portal.database import read_session, write_session
from portal.rules import race_people, races
from portal.tables import Race, Racer, Visibility
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import parsed
from tests.portal.races_cast import make_race, make_result
from tests.portal.test_races_pages import FORM


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        return {alias: make_racer(session, alias) for alias in ("olivia", "bob", "carol")}


@pytest.fixture
def race(engine: Engine, people: dict[str, Racer]) -> Race:
    with write_session(engine) as session:
        race = make_race(session, people["olivia"], visibility=Visibility.PRIVATE, name="Secret cup")
        return race_people.renew(session, race, by=people["olivia"], now=clock.now(), days=7)


@pytest.fixture
def olivia(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["olivia"])


@pytest.fixture
def bob(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["bob"])


def fresh(engine: Engine) -> Race:
    with read_session(engine) as session:
        return session.exec(select(Race)).one()


def test_a_new_private_race_leads_to_its_people(olivia: FlaskClient, engine: Engine, bob: FlaskClient) -> None:
    assert "Private leaderboards of this portal in use: 0 of 50" in parsed(olivia.get("/races/new").text)
    answer = olivia.post("/races", data={**FORM, "visibility": "private"})
    race = fresh(engine)
    assert answer.headers["Location"].endswith(f"/races/{race.public_id}/people")
    page = parsed(olivia.get(f"/races/{race.public_id}/people").text)
    assert "There is no link" in page
    assert "1 of 50" in page
    assert bob.get(f"/races/{race.public_id}").status_code == 404


def test_the_link_leads_in_with_one_click(olivia: FlaskClient, bob: FlaskClient, race: Race) -> None:
    page = parsed(olivia.get(f"/races/{race.public_id}/people").text)
    address = re.search(r"https?://\S+/join/(\w+)", page)
    assert address
    path = f"/join/{address.group(1)}"
    assert "Join Secret cup" in parsed(bob.get(path).text)
    assert bob.get(f"/races/{race.public_id}").status_code == 404, "looking is not joining"
    answer = bob.post(path)
    assert answer.headers["Location"].endswith(f"/races/{race.public_id}")
    assert "You are in" in bob.get(answer.headers["Location"]).text
    assert bob.get(path).status_code == 302, "who is in goes on"
    assert "bob" in parsed(olivia.get(f"/races/{race.public_id}/people").text)
    assert bob.get(f"/races/{race.public_id}/people").status_code == 403


def test_a_link_survives_the_sign_in(client: FlaskClient, race: Race) -> None:
    answer = client.get(f"/join/{race.invite_code}")
    assert answer.status_code == 303
    assert f"next=/join/{race.invite_code}" in answer.headers["Location"].replace("%2F", "/")


def test_a_code_is_typed_and_a_wrong_one_is_told_so(bob: FlaskClient, race: Race) -> None:
    assert "Twelve letters" in parsed(bob.get("/join").text)
    answer = bob.get(f"/join?code={race_people.shown(race.invite_code or '').lower()}")
    assert "Join Secret cup" in parsed(bob.get(answer.headers["Location"]).text)
    for wrong in ("0000-0000-0000", "nothing", "%25", "a" * 300):
        refused = bob.get(f"/join/{wrong}")
        assert refused.status_code == 404
        assert "leads to no race" in refused.text
        assert bob.post(f"/join/{wrong}").status_code == 404


def test_the_link_is_renewed_and_taken_back(olivia: FlaskClient, bob: FlaskClient, engine: Engine, race: Race) -> None:
    address, old = f"/races/{race.public_id}/people/link", race.invite_code
    assert olivia.post(address, data={"do": "renew", "days": "2"}).status_code == 303
    assert fresh(engine).invite_code not in (None, old)
    assert bob.get(f"/join/{old}").status_code == 404
    wrong = olivia.post(address, data={"do": "renew", "days": "900"})
    assert wrong.status_code == 422
    assert "1 to 366 days" in parsed(wrong.text)
    olivia.post(address, data={"do": "revoke"})
    assert fresh(engine).invite_code is None


def test_people_are_listed_removed_and_brought_back(
    olivia: FlaskClient, bob: FlaskClient, engine: Engine, redis: Redis, people: dict[str, Racer], race: Race
) -> None:
    address = f"/races/{race.public_id}/people"
    olivia.post(address, data={"lines": "bob, @club.example nonsense"})
    page = parsed(olivia.get(address).text)
    assert "@club.example" in page
    assert "alias: nonsense" in page
    assert bob.get(f"/races/{race.public_id}").status_code == 200
    olivia.post(f"{address}/{people['bob'].public_id}/remove")
    assert "Bring back" in parsed(olivia.get(address).text)
    assert bob.get(f"/races/{race.public_id}").status_code == 404
    ((_, told),) = redis.xrange(live.PREFIX + live.race_channel(race.public_id, race.audience))
    assert json.loads(told[b"body"])["event"] == "moved"
    assert fresh(engine).audience == race.audience + 1
    olivia.post(f"{address}/{people['bob'].public_id}/restore")
    assert bob.get(f"/races/{race.public_id}").status_code == 200
    assert olivia.post(f"{address}/{people['carol'].public_id}/remove").status_code == 404, "not one of the people"
    assert olivia.post(address, data={"lines": ""}).status_code == 422


@pytest.mark.parametrize("who", ["anonymous", "stranger", "former", "guessing"])
def test_nothing_is_learned_of_a_private_race(
    app: Flask, client: FlaskClient, engine: Engine, people: dict[str, Racer], race: Race, who: str
) -> None:
    with write_session(engine) as session:
        result = make_result(session, race, people["olivia"], 9_000, 9_000, 9_000)
        race_people.join(session, people["bob"], race.invite_code or "", now=clock.now())
        race_people.remove(session, race, people["bob"], by=people["olivia"], now=clock.now())
    visitor = {"anonymous": client, "former": sign_in(app, people["bob"])}.get(who) or sign_in(app, people["carol"])
    public_id = "0123456789abcdef" if who == "guessing" else race.public_id
    pages = ["", f"/submissions/{result.public_id}", "/enter", "/submissions", "/edit", "/close", "/delete", "/people"]
    for path in pages:
        for headers in ({}, {"HX-Request": "true"}):
            answer = visitor.get(f"/races/{public_id}{path}", headers=headers)
            there_is_none = visitor.get(f"/races/fedcba9876543210{path}", headers=headers)
            assert answer.status_code == there_is_none.status_code, path
            assert "Secret" not in answer.text, path
            assert "Paddock-Stream" not in answer.headers, path
    for path in ("/enter", "/close", "/delete", "/edit", "/people", "/people/link"):
        answer = visitor.post(f"/races/{public_id}{path}")
        assert answer.status_code == visitor.post(f"/races/fedcba9876543210{path}").status_code, path
    for path in ("/", "/races", "/races?q=Secret", "/racers/olivia"):
        assert "Secret cup" not in visitor.get(path).text, path
    with read_session(engine) as session:
        kept = session.exec(select(Race)).one()
        assert (kept.deleted_at, races.has_entries(session, kept)) == (None, True)
