"""A racer's public profile."""

from __future__ import annotations

import html5lib
from flask.testing import FlaskClient
from sqlalchemy import Engine

from portal.database import write_session
from tests.cast import make_racer
from tests.portal.races_cast import make_race, make_result


def test_a_profile_shows_places_and_best_laps_to_everybody(client: FlaskClient, engine: Engine) -> None:
    with write_session(engine) as session:
        alice, bob = make_racer(session), make_racer(session, "bob")
        alice.country = "FR"
        race = make_race(session, bob, name="Sunday cup")
        make_result(session, race, alice, 9_000, 9_100, 8_900)
        make_result(session, race, bob, 9_500, 9_500, 9_500)
    response = client.get("/racers/ALICE")
    html5lib.HTMLParser(strict=True).parse(response.text)
    for words in ("France", "Sunday cup", "1 / 2", "27.000", "8.900"):
        assert words in response.text
    assert "alice@example.org" not in response.text


def test_a_racer_without_a_race_has_a_page_that_says_so(client: FlaskClient, engine: Engine) -> None:
    with write_session(engine) as session:
        make_racer(session)
    response = client.get("/racers/alice")
    html5lib.HTMLParser(strict=True).parse(response.text)
    assert "No races yet" in response.text


def test_an_unknown_alias_is_not_there(client: FlaskClient) -> None:
    assert client.get("/racers/nobody").status_code == 404
