"""Evaluations: asked for by a form, shown with laps and drive, seen by those who may."""

from __future__ import annotations

from datetime import timedelta

import html5lib
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import Session, select

from portal import clock
from portal.database import read_session, write_session
from portal.rules import race_objects, races, submissions
from portal.settings import Settings
from portal.tables import Evaluation, Model, Race, Racer, Role, Visibility
from sim.objects import Bots
from sim.trace import DriveTrace
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import TRACK, finish_evaluation, make_evaluation, parsed, ready_model

FORM = {
    "track": "kidney",
    "direction": "clockwise",
    "laps": "2",
    "continuous": "true",
    "off_track_penalty_s": "3",
    "collision_penalty_s": "5",
    "seed": "11",
}


@pytest.fixture
def model(engine: Engine, settings: Settings, alice: Racer) -> Model:
    with write_session(engine) as session:
        return ready_model(session, settings, alice)


def finished(engine: Engine, settings: Settings, model: Model, racer: Racer, race: Race | None = None) -> Evaluation:
    with write_session(engine) as session:
        evaluation = make_evaluation(session, model, racer, race)
        finish_evaluation(session, settings, evaluation)
        return evaluation


def race_of(session: Session, owner: Racer, visibility: Visibility) -> Race:
    now = clock.now()
    return races.create(
        session,
        owner,
        now=now,
        name=f"{visibility} cup",
        track=TRACK,
        direction="counterclockwise",
        opens_at=now,
        closes_at=now + timedelta(days=1),
        visibility=visibility,
    )


def test_an_evaluation_is_queued_with_its_rules(browser: FlaskClient, engine: Engine, model: Model) -> None:
    parsed(browser.get(f"/garage/models/{model.public_id}/evaluate").text)
    answer = browser.post(f"/garage/models/{model.public_id}/evaluate", data=FORM)
    with read_session(engine) as session:
        evaluation = session.exec(select(Evaluation)).one()
    assert answer.location == f"/evaluations/{evaluation.public_id}"
    assert (evaluation.track, evaluation.direction, evaluation.seed) == ("kidney", "clockwise", 11)
    assert evaluation.rules["laps"] == 2
    page = parsed(browser.get(answer.location).text)
    assert "place 1" in page
    assert 'hx-trigger="every 3s, refresh"' in page


def test_boxes_and_bots_are_practised_as_a_race_has_them(browser: FlaskClient, engine: Engine, model: Model) -> None:
    with write_session(engine) as session:
        race = races.create(
            session,
            make_racer(session, "olivia"),
            now=clock.now(),
            name="Bot night",
            track="kidney",
            direction="clockwise",
            opens_at=clock.now(),
            closes_at=clock.now() + timedelta(days=1),
            laps=2,
            minimum_laps=1,
            off_track_penalty_ms=2500,
            seed=77,
            objects=race_objects.stored(Bots(2, 0.5, None, random=True)),
        )
    form = html5lib.parse(
        browser.get(f"/garage/models/{model.public_id}/evaluate?race={race.public_id}").text,
        namespaceHTMLElements=False,
    ).find(".//form[@class='form card race-form']")
    typed = {one.get("name"): one.get("value", "") for one in form.iter("input") if one.get("type") != "radio"}
    typed |= {one.get("name"): one.find("option[@selected]").get("value") for one in form.iter("select")}
    chosen = [one for one in form.iter("input") if one.get("type") == "radio" and one.get("checked") is not None]
    typed |= {one.get("name"): one.get("value") for one in chosen}
    answer = browser.post(f"/garage/models/{model.public_id}/evaluate", data=typed)
    assert answer.status_code == 303
    with read_session(engine) as session:
        evaluation = session.exec(select(Evaluation)).one()
        assert (evaluation.track, evaluation.direction, evaluation.seed) == (race.track, race.direction, 77)
        assert (evaluation.objects, evaluation.race_id) == (race.objects, None)
        assert evaluation.rules == submissions.episode_rules(race)
    assert "Head-to-bot: 2 bots at 0.5 m/s" in parsed(browser.get(answer.location).text)


def test_a_race_that_one_may_not_see_is_nothing_to_practise(browser: FlaskClient, engine: Engine, model: Model) -> None:
    with write_session(engine) as session:
        race = race_of(session, make_racer(session, "olivia"), Visibility.PRIVATE)
    for hidden in (race.public_id, "nothing"):
        assert browser.get(f"/garage/models/{model.public_id}/evaluate?race={hidden}").status_code == 404


@pytest.mark.parametrize(
    ("objects", "named"),
    [
        ({"race_type": "head-to-bot", "bots": "7"}, "bots-error"),
        ({"race_type": "object-avoidance", "box_placing": "chosen", "box_places": "here"}, "box_places-error"),
        ({"race_type": "relay"}, "race_type-error"),
    ],
)
def test_boxes_and_bots_that_cannot_be_are_named(
    browser: FlaskClient, engine: Engine, model: Model, objects: dict[str, str], named: str
) -> None:
    answer = browser.post(f"/garage/models/{model.public_id}/evaluate", data=FORM | objects)
    assert answer.status_code == 422
    assert f'id="{named}"' in parsed(answer.text)
    with read_session(engine) as session:
        assert session.exec(select(Evaluation)).first() is None


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [("laps", "11", "laps-error"), ("track", "nowhere", "track-error"), ("seed", "x", "seed-error")],
)
def test_a_wrong_form_keeps_what_was_typed(
    browser: FlaskClient, engine: Engine, model: Model, field: str, value: str, named: str
) -> None:
    answer = browser.post(f"/garage/models/{model.public_id}/evaluate", data=FORM | {field: value})
    page = parsed(answer.text)
    assert answer.status_code == 422
    assert f'id="{named}"' in page
    with read_session(engine) as session:
        assert session.exec(select(Evaluation)).first() is None


def test_a_finished_one_shows_laps_fingerprint_and_the_driven_line(
    browser: FlaskClient, engine: Engine, settings: Settings, alice: Racer, model: Model
) -> None:
    evaluation = finished(engine, settings, model, alice)
    page = parsed(browser.get(f"/evaluations/{evaluation.public_id}").text)
    for shown in ("40.000", "19.500", "20.500", "ab12ab12", 'class="driven speed-4"', "every 3s"):
        assert (shown in page) is (shown != "every 3s")
    drive = browser.get(f"/evaluations/{evaluation.public_id}/drive")
    assert drive.mimetype == "application/octet-stream"
    assert len(DriveTrace.from_bytes(drive.data).rows) == 40


def test_a_page_without_its_drive_still_shows_the_result(
    browser: FlaskClient, engine: Engine, settings: Settings, alice: Racer, model: Model
) -> None:
    evaluation = finished(engine, settings, model, alice)
    (settings.runs_path / str(evaluation.artefact) / "drive.bin").write_bytes(b"broken")
    assert "40.000" in parsed(browser.get(f"/evaluations/{evaluation.public_id}").text)
    (settings.runs_path / str(evaluation.artefact) / "drive.bin").unlink()
    assert "no drive to replay" in parsed(browser.get(f"/evaluations/{evaluation.public_id}").text)
    assert browser.get(f"/evaluations/{evaluation.public_id}/drive").status_code == 404


def test_an_own_evaluation_is_for_its_racer_and_admins(
    app: Flask, client: FlaskClient, engine: Engine, settings: Settings, alice: Racer, model: Model
) -> None:
    with write_session(engine) as session:
        bob, admin = make_racer(session, "bob"), make_racer(session, "ada", role=Role.ADMIN)
    evaluation = finished(engine, settings, model, alice)
    seen = {}
    for name, visitor in (("nobody", client), ("bob", sign_in(app, bob)), ("admin", sign_in(app, admin))):
        places = (f"/evaluations/{evaluation.public_id}", f"/evaluations/{evaluation.public_id}/drive")
        seen[name] = [visitor.get(place).status_code for place in places]
    assert seen == {"nobody": [404, 404], "bob": [404, 404], "admin": [200, 200]}


@pytest.mark.parametrize(("visibility", "status"), [(Visibility.PUBLIC, 200), (Visibility.PRIVATE, 404)])
def test_a_public_races_drive_is_for_everybody(
    client: FlaskClient,
    engine: Engine,
    settings: Settings,
    alice: Racer,
    model: Model,
    visibility: Visibility,
    status: int,
) -> None:
    with write_session(engine) as session:
        race = race_of(session, make_racer(session, "olivia"), visibility)
    evaluation = finished(engine, settings, model, alice, race)
    for place in (f"/evaluations/{evaluation.public_id}", f"/evaluations/{evaluation.public_id}/drive"):
        assert client.get(place).status_code == status


def test_the_organizer_of_a_private_race_sees_its_drives(
    app: Flask, engine: Engine, settings: Settings, alice: Racer, model: Model
) -> None:
    with write_session(engine) as session:
        olivia = make_racer(session, "olivia")
        race = race_of(session, olivia, Visibility.PRIVATE)
    evaluation = finished(engine, settings, model, alice, race)
    page = sign_in(app, olivia).get(f"/evaluations/{evaluation.public_id}")
    assert page.status_code == 200
    assert "private cup" in parsed(page.text)


def test_a_waiting_one_is_stopped_and_a_races_is_not(
    browser: FlaskClient, engine: Engine, alice: Racer, model: Model
) -> None:
    with write_session(engine) as session:
        own = make_evaluation(session, model, alice)
        race = race_of(session, make_racer(session, "olivia"), Visibility.PUBLIC)
        entered = make_evaluation(session, model, alice, race)
    parsed(browser.get(f"/evaluations/{own.public_id}/stop").text)
    assert browser.post(f"/evaluations/{own.public_id}/stop").status_code == 303
    assert browser.post(f"/evaluations/{entered.public_id}/stop").status_code == 409
    with read_session(engine) as session:
        states = {row.public_id: row.state for row in session.exec(select(Evaluation))}
    assert states == {own.public_id: "stopped", entered.public_id: "queued"}
