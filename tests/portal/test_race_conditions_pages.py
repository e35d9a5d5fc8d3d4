"""Race types, who may enter and re-scoring on the pages of a race."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlmodel import Session

from portal.database import read_session, write_session
from portal.forms.race import values_of
from portal.rules import race_objects, standings
from portal.tables import Race, Racer
from sim.objects import Bots, Boxes
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.races_cast import make_race, make_result
from tests.portal.test_races_pages import FORM, made, valid

BOXES = {"race_type": "object-avoidance", "box_placing": "chosen", "box_places": "20 inner\n55 outer"}


@pytest.fixture
def alice(engine: Engine) -> Racer:
    with write_session(engine) as session:
        return make_racer(session)


def test_an_organizer_makes_a_race_among_boxes_and_everybody_sees_where_they_stand(
    app: Flask, engine: Engine, alice: Racer
) -> None:
    data = {**FORM, **BOXES, "seed": "77", "sensors": ["LIDAR", "SECTOR_LIDAR"], "action_space": "discrete"}
    assert sign_in(app, alice).post("/races", data={**data, "maximum_per_day": "3"}).status_code == 303
    race = made(engine)
    assert race_objects.of(race) == Boxes(places=((0.2, 1), (0.55, -1)))
    assert (race.seed, race.time_zone, race.maximum_per_day) == (77, "Pacific/Auckland", 3)
    assert (race.sensors, race.action_spaces) == (["LIDAR", "SECTOR_LIDAR"], ["discrete"])
    page = valid(app.test_client().get(f"/races/{race.public_id}"))
    assert page.count('<path class="box"') == 2
    assert "Object avoidance: 2 boxes, at places that the organizer has chosen" in page
    assert "with no other sensors than LIDAR, LIDAR, 8 sectors; with a discrete action space" in page
    assert "9 at most for each racer, 3 of them a day" in page
    assert "2 Jun 2030, 18:30 Pacific/Auckland" in page


def test_bots_are_said_and_drawn(app: Flask, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        race = make_race(session, alice, objects=race_objects.stored(Bots(2, 0.5, (3.0, 5.0))))
    page = valid(app.test_client().get(f"/races/{race.public_id}"))
    assert page.count('<path class="bot"') == 2
    assert "Head-to-bot: 2 bots at 0.5 m/s, changing lanes every 3 to 5 s" in page


@pytest.mark.parametrize(
    ("typed", "field", "message"),
    [
        ({"race_type": "tag"}, "race_type", ""),
        ({**BOXES, "box_places": "middle"}, "box_places", "is no box"),
        ({"race_type": "object-avoidance", "boxes": "20"}, "race_type", "The track is too short"),
        ({"race_type": "head-to-bot", "bots": "7"}, "bots", "from 1 to 6"),
        ({"sensors": "RADAR"}, "sensors", "There is no sensor RADAR"),
        ({"maximum_per_day": "10"}, "maximum_per_day", "1 to 9 submissions a day"),
        ({"seed": "-1"}, "seed", "or leave it empty"),
    ],
)
def test_a_wrong_field_says_so_and_loses_nothing(
    app: Flask, engine: Engine, alice: Racer, typed: dict[str, str], field: str, message: str
) -> None:
    response = sign_in(app, alice).post("/races", data={**FORM, **typed})
    page = valid(response)
    assert response.status_code == 422
    assert f'id="{field}-error"' in page
    assert message in page
    assert "Two laps along the water." in page


def test_the_form_shows_the_track_as_it_is_filled_in(app: Flask, alice: Racer) -> None:
    client = sign_in(app, alice)
    asked = {"track": "paddock-oval", "direction": "clockwise", "seed": "5"}
    page = client.get("/races/preview", query_string={**asked, "race_type": "object-avoidance", "boxes": "4"}).text
    assert page.count('<path class="box"') == 4
    assert client.get("/races/preview", query_string=asked).text.count('<path class="box"') == 0
    full = client.get("/races/preview", query_string={**asked, "race_type": "object-avoidance", "boxes": "20"})
    assert (full.status_code, "too short" in full.text) == (200, True)
    assert client.get("/races/preview?track=atlantis&direction=up&seed=5").status_code == 200


PLACES = re.compile(r'<path class="box" d="([^"]*)"')


def test_the_map_shows_the_places_of_the_seed_and_says_where_one_is_still_to_be_drawn(
    app: Flask, engine: Engine, alice: Racer
) -> None:
    client = sign_in(app, alice)
    asked = {"track": "paddock-oval", "direction": "clockwise", "race_type": "object-avoidance", "boxes": "3"}

    def shown(**typed: str) -> str:
        return client.get("/races/preview", query_string={**asked, **typed}).text

    largest = shown(seed="2147483647")
    assert PLACES.findall(largest) != PLACES.findall(shown(seed="0")), "a seed of ten digits is no seed 0"
    assert "example" not in largest
    drawn = [shown(seed="") for _ in range(3)]
    assert all("Without a seed one is drawn: these places are an example." in page for page in drawn)
    assert len({tuple(PLACES.findall(page)) for page in drawn}) > 1, "not the places of any one seed"
    assert "example" not in shown(seed="", box_placing="even"), "no seed moves these"
    assert "example" not in shown(seed="", box_placing="chosen", box_places="20 inner")
    for wrong in ("2147483648", "-1", "1.5", "x"):
        assert "whole number from 0 to 2147483647" in shown(seed=wrong), wrong
    with write_session(engine) as session:
        race = make_race(session, alice, objects=race_objects.stored(Boxes(3)))
    kept = shown(seed="", race=race.public_id)
    assert PLACES.findall(kept) == PLACES.findall(shown(seed=str(race.seed))), "an edit without a seed keeps the race's"
    assert "example" not in kept
    page = client.get(f"/races/{race.public_id}/edit").text
    assert f"/races/preview?race={race.public_id}" in page
    assert "empty: it stays as it is" in page
    assert client.get("/races/preview?race=0000000000000000").status_code == 404


def test_a_race_edited_without_a_change_stays_the_same(app: Flask, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        boxes = race_objects.stored(Boxes(3, random=False))
        race = make_race(session, alice, objects=boxes, sensors=["LIDAR"], time_zone="Europe/Berlin")
        make_result(session, race, alice, 9_000, 9_000, 9_000)
    before = made(engine).model_dump()
    response = sign_in(app, alice).post(f"/races/{race.public_id}/edit", data=values_of(race))
    assert response.status_code == 303
    assert made(engine).model_dump() == before


@pytest.fixture
def scored(engine: Engine, alice: Racer) -> Race:
    with write_session(engine) as session:
        race = make_race(session, alice)
        make_result(session, race, alice, 9_000, 9_000, 9_000)
        make_result(session, race, make_racer(session, "bob"), 8_000, 20_000, 20_000)
        return race


def leader(session: Session, race: Race) -> str | None:
    return standings.for_race(session, session.get_one(Race, race.id)).rows[0].racer.alias


def test_another_way_to_score_says_first_what_it_changes(
    app: Flask, engine: Engine, alice: Racer, scored: Race
) -> None:
    client = sign_in(app, alice)
    form = valid(client.get(f"/races/{scored.public_id}/edit"))
    assert '<select id="ranking"' in form
    assert '<select id="track"' not in form
    data = {**values_of(scored), "ranking": "best"}
    asked = client.post(f"/races/{scored.public_id}/edit", data=data)
    page = valid(asked)
    assert asked.status_code == 200
    assert "Total time → <strong>Best lap</strong>" in page
    assert "The leader changes: alice → bob." in page
    assert "2 racers get other places." in page
    with read_session(engine) as session:
        assert leader(session, scored) == "alice"
    done = client.post(f"/races/{scored.public_id}/edit", data={**data, "confirmed": "yes"})
    assert done.status_code == 303
    with read_session(engine) as session:
        assert leader(session, scored) == "bob"


def test_what_would_have_to_be_driven_again_is_refused_with_the_reason(app: Flask, alice: Racer, scored: Race) -> None:
    data = {**values_of(scored), "ranking": "best", "race_type": "object-avoidance"}
    refused = sign_in(app, alice).post(f"/races/{scored.public_id}/edit", data=data)
    assert refused.status_code == 409
    assert "the boxes or bots cannot change any more: every submission would have to be driven again" in refused.text
