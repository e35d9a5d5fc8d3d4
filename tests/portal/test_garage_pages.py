"""The garage's pages: the first model in one form, cars, what is somebody else's, and that looking changes nothing."""

from __future__ import annotations

import html5lib
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import func, select

from portal.database import read_session, write_session
from portal.garage_parts import default_values
from portal.rules import ledger, models, sponsorship, trainings
from portal.settings import Settings
from portal.tables import AuditEvent, Car, Evaluation, Model, OutboxEntry, Racer, RewardFunction, TrainingRun
from sim.hyperparameters import Hyperparameters
from sim.presets import PRESETS
from tests.cast import NOON, make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import (
    finish_evaluation,
    make_car,
    make_evaluation,
    make_model,
    make_training,
    parsed,
    ready_model,
)

STORED = (Car, Model, RewardFunction, TrainingRun, Evaluation, OutboxEntry, AuditEvent)


def model_form(app: Flask, **changes: str) -> dict[str, str]:
    with app.test_request_context():
        values = default_values("").to_dict()
    return values | {"name": "First", "do": "train"} | changes


def test_an_empty_garage_says_the_next_step(browser: FlaskClient) -> None:
    page = parsed(browser.get("/garage").text)
    assert "Make your first model" in page
    assert 'href="/garage/models/new"' in page
    assert "5 h" in page


def test_a_first_model_takes_one_form(app: Flask, browser: FlaskClient, engine: Engine, alice: Racer) -> None:
    parsed(browser.get("/garage/models/new").text)
    answer = browser.post("/garage/models/new", data=model_form(app))
    assert answer.status_code == 303
    with read_session(engine) as session:
        model = session.exec(select(Model)).one()
        run = session.exec(select(TrainingRun)).one()
        assert answer.location == f"/garage/models/{model.public_id}"
        assert (run.model_id, run.state, run.limit_ms) == (model.id, "queued", 600_000)
        assert ledger.balance(session, alice).reserved_ms == 600_000
    page = parsed(browser.get(answer.location).text)
    assert "place 1" in page


def test_the_world_that_a_model_trains_in_is_chosen_shown_and_cloned(
    app: Flask, browser: FlaskClient, engine: Engine
) -> None:
    scene = {"look": "night", "randomisation": "sim-to-real", "starts": "hard-places", "best_by": "race"}
    assert browser.post("/garage/models/new", data=model_form(app, **scene)).status_code == 303
    with read_session(engine) as session:
        model = session.exec(select(Model)).one()
        run = session.exec(select(TrainingRun)).one()
        assert model.scene == scene
        assert {name: run.configuration[name] for name in scene} == scene
    shown = parsed(browser.get(f"/garage/models/{model.public_id}/configuration").text)
    assert "<dt>Look</dt><dd>Night</dd>" in shown
    assert "<dt>Randomised</dt>" in shown
    assert "<dt>Where episodes begin</dt><dd>Half of them a little before places where cars went off</dd>" in shown
    assert "<dt>Best iteration by</dt><dd>Three laps in one go with penalties, as a race scores them</dd>" in shown
    cloning = parsed(browser.get(f"/garage/models/{model.public_id}/clone").text)
    assert '<option value="night" selected>Night</option>' in cloning
    for value in ("sim-to-real", "hard-places", "race"):
        assert f'<option value="{value}" selected>' in cloning
    usual = parsed(browser.get("/garage/models/new").text)
    assert '<option value="reinvent" selected>' in usual
    wrong = browser.post("/garage/models/new", data=model_form(app, look="moon"))
    assert wrong.status_code == 422
    assert "Please choose a look." in parsed(wrong.text)


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send of the page's longest form without a button; the last value of a name counts."""
    document = html5lib.parse(page, namespaceHTMLElements=False)
    form = max(document.iter("form"), key=lambda found: sum(1 for _ in found.iter()))
    sent: dict[str, str] = {}
    for field in form.iter():
        name = field.get("name")
        if (
            name is None
            or field.tag == "button"
            or (field.get("type") in ("radio", "checkbox") and field.get("checked") is None)
        ):
            continue
        if field.tag == "select":
            options = list(field.iter("option"))
            sent[name] = next((one for one in options if one.get("selected") is not None), options[0]).get("value", "")
        else:
            sent[name] = field.get("value", "") if field.tag == "input" else field.text or ""
    return sent


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_the_model_form_in_and_the_model_is_made_of_it(
    name: str, app: Flask, browser: FlaskClient, engine: Engine
) -> None:
    preset = PRESETS[name]
    first = parsed(browser.get("/garage/models/new").text)
    assert preset.description in first
    assert ">filled in<" not in first
    typed = model_form(app, name="Mine", code="def reward_function(params):\n    return 2.0\n", track="grand-prix")
    del typed["do"]
    answer = browser.post("/garage/models/new", data=typed | {"preset": name})
    assert answer.status_code == 200
    page = parsed(answer.text)
    assert page.count(">filled in<") == 1
    sent = fields_of(page)
    assert (sent["name"], sent["track"], sent["car"]) == ("Mine", "grand-prix", f"preset-{name}")
    assert "return 2.0" in sent["code"]
    with read_session(engine) as session:
        assert session.exec(select(Model)).first() is None
    assert browser.post("/garage/models/new", data=sent | {"do": "train"}).status_code == 303
    with read_session(engine) as session:
        model = session.exec(select(Model)).one()
        assert model.car_name == preset.title
        assert model.car_metadata == preset.car.to_metadata()
        assert Hyperparameters.from_dict(model.hyperparameters) == preset.hyperparameters


def test_what_a_preset_filled_in_can_be_changed(app: Flask, browser: FlaskClient, engine: Engine) -> None:
    sent = fields_of(browser.post("/garage/models/new", data={"preset": "fast"}).text)
    changed = sent | {"hp-lr": "0.0005", "name": "", "do": "train"}
    page = parsed(browser.post("/garage/models/new", data=changed).text)
    assert 'value="0.0005"' in page
    assert 'value="preset-fast" checked' in page
    assert ">filled in<" not in page
    track = model_form(app)
    changed |= {key: track[key] for key in ("name", "code", "track", "direction", "minutes")} | {"car": ""}
    assert browser.post("/garage/models/new", data=changed).status_code == 303
    with read_session(engine) as session:
        model = session.exec(select(Model)).one()
        assert (model.car_name, model.hyperparameters["lr"]) == ("Starter car", 0.0005)


def test_a_preset_fills_a_car_in(browser: FlaskClient, engine: Engine) -> None:
    parsed(browser.get("/garage/cars/new").text)
    page = parsed(browser.post("/garage/cars/new", data={"preset": "camera", "name": "Eye", "colour": "red"}).text)
    assert page.count(">filled in<") == 1
    sent = fields_of(page)
    assert (sent["name"], sent["colour"]) == ("Eye", "red")
    assert browser.post("/garage/cars/new", data=sent).status_code == 303
    with read_session(engine) as session:
        assert session.exec(select(Car)).one().metadata_json == PRESETS["camera"].car.to_metadata()
        made = session.exec(select(Car)).one().public_id
    assert "Begin with a preset" not in parsed(browser.get(f"/garage/cars/{made}").text)


@pytest.mark.parametrize("path", ["/garage/models/new", "/garage/cars/new"])
def test_an_unknown_preset_is_refused_and_nothing_is_lost(path: str, browser: FlaskClient) -> None:
    answer = browser.post(path, data={"preset": "rocket", "name": "Kept"})
    assert answer.status_code == 422
    page = parsed(answer.text)
    assert "There is no such preset" in page
    assert 'value="Kept"' in page


def test_make_only_trains_nothing(app: Flask, browser: FlaskClient, engine: Engine) -> None:
    assert browser.post("/garage/models/new", data=model_form(app, do="make")).status_code == 303
    with read_session(engine) as session:
        assert session.exec(select(TrainingRun)).first() is None
        assert session.exec(select(Model)).one().track == "paddock-oval"


def test_a_wrong_model_form_keeps_everything_typed(app: Flask, browser: FlaskClient, engine: Engine) -> None:
    code = "def reward_function(params):\n    return 1.5  # mine\n"
    answer = browser.post("/garage/models/new", data=model_form(app, name="", code=code, **{"hp-lr": "7"}))
    page = parsed(answer.text)
    assert answer.status_code == 422
    assert "return 1.5  # mine" in page
    assert 'value="7"' in page
    assert 'id="name-error"' in page
    assert 'id="hp-lr-error"' in page
    with read_session(engine) as session:
        assert session.exec(select(Model)).first() is None


def test_a_training_that_may_not_start_makes_no_model_either(
    app: Flask, browser: FlaskClient, engine: Engine, alice: Racer
) -> None:
    with write_session(engine) as session:
        sponsorship.pause(session, alice, by=None, now=NOON)
    answer = browser.post("/garage/models/new", data=model_form(app))
    assert answer.status_code == 403
    assert "paused" in parsed(answer.text)
    with read_session(engine) as session:
        assert session.exec(select(Model)).first() is None


def test_the_buttons_of_the_editor_work_without_a_script(app: Flask, browser: FlaskClient, engine: Engine) -> None:
    wanted = model_form(app, do="example", example="prevent-zig-zag", name="Kept")
    page = parsed(browser.post("/garage/models/new", data=wanted).text)
    assert "SHARP_STEERING" in page
    assert 'value="Kept"' in page
    page = parsed(browser.post("/garage/models/new", data=model_form(app, do="reset", code="x = 1")).text)
    assert "x = 1" not in page
    with read_session(engine) as session:
        assert session.exec(select(Model)).first() is None


def test_a_model_with_an_own_car_copies_it(app: Flask, browser: FlaskClient, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        car = make_car(session, alice)
    browser.post("/garage/models/new", data=model_form(app, do="make", car=car.public_id))
    with read_session(engine) as session:
        model = session.exec(select(Model)).one()
        assert (model.car_name, model.car_colour, model.car_metadata) == ("Bolt", "red", car.metadata_json)


def test_somebody_elses_car_cannot_be_chosen(app: Flask, browser: FlaskClient, engine: Engine) -> None:
    with write_session(engine) as session:
        car = make_car(session, make_racer(session, "bob"))
    answer = browser.post("/garage/models/new", data=model_form(app, car=car.public_id))
    assert answer.status_code == 422
    assert "not in your garage" in parsed(answer.text)


def test_a_car_is_made_changed_copied_deleted_and_brought_back(browser: FlaskClient, engine: Engine) -> None:
    parsed(browser.get("/garage/cars/new").text)
    fields = {
        "name": "Bolt",
        "colour": "blue",
        "sensor": "LIDAR",
        "neural_network": "LIDAR",
        "action_kind": "range",
        "steering_low_deg": "-20",
        "steering_high_deg": "20",
        "speed_low_mps": "0.5",
        "speed_high_mps": "2",
    }
    assert browser.post("/garage/cars/new", data=fields).status_code == 303
    with read_session(engine) as session:
        car = session.exec(select(Car)).one()
    address = f"/garage/cars/{car.public_id}"
    assert 'value="-20"' in parsed(browser.get(address).text)
    assert browser.post(address, data=fields | {"name": "Flash"}).status_code == 303
    assert browser.post(f"{address}/duplicate").status_code == 303
    parsed(browser.get(f"{address}/delete").text)
    gone = browser.post(f"{address}/delete")
    page = parsed(browser.get(gone.location).text)
    assert "Flash is deleted" in page
    assert "Undo" in page
    assert browser.get(address).status_code == 404
    assert browser.post(f"{address}/restore").status_code == 303
    assert browser.get(address).status_code == 200
    with read_session(engine) as session:
        assert sorted(row.name for row in session.exec(select(Car))) == ["Flash", "Flash 2"]


def test_a_wrong_car_form_keeps_its_rows(browser: FlaskClient) -> None:
    fields = {
        "name": "Bolt",
        "colour": "blue",
        "sensor": "LIDAR",
        "neural_network": "LIDAR",
        "action_kind": "list",
        "steering": ["-12.5", "99"],
        "speed": ["1.1", "2"],
    }
    answer = browser.post("/garage/cars/new", data=fields)
    page = parsed(answer.text)
    assert answer.status_code == 422
    assert 'value="-12.5"' in page
    assert 'id="steering-1-error"' in page


def test_the_limit_of_cars_is_said_on_the_form(browser: FlaskClient, engine: Engine) -> None:
    from portal.rules import limits

    with write_session(engine) as session:
        limits.change(session, by=None, now=NOON, cars=0)
    fields = {"name": "B", "colour": "blue", "sensor": "LIDAR", "neural_network": "LIDAR", "action_kind": "range"}
    fields |= {"steering_low_deg": "-20", "steering_high_deg": "20", "speed_low_mps": "1", "speed_high_mps": "2"}
    answer = browser.post("/garage/cars/new", data=fields)
    assert answer.status_code == 409
    assert "0 cars" in parsed(answer.text)


def test_a_paused_racer_reads_what_still_works(browser: FlaskClient, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        sponsorship.pause(session, alice, by=None, now=NOON)
    page = parsed(browser.get("/garage").text)
    assert "paused" in page
    assert "What still works" in page


def test_a_paused_racer_reads_it_before_a_car_is_filled_in_and_may_change_one(
    browser: FlaskClient, engine: Engine, alice: Racer
) -> None:
    assert "What still works" not in browser.get("/garage/cars/new").text
    with write_session(engine) as session:
        car = make_car(session, alice)
        sponsorship.pause(session, alice, by=None, now=NOON)
    page = parsed(browser.get("/garage/cars/new").text)
    assert "What still works" in page
    assert '<button class="button primary" type="submit" disabled>' in page
    page = parsed(browser.get(f"/garage/cars/{car.public_id}").text)
    assert "What still works" not in page
    assert '<button class="button primary" type="submit">' in page


def test_what_is_deleted_of_somebody_else_is_not_offered(browser: FlaskClient, engine: Engine) -> None:
    with write_session(engine) as session:
        bob = make_racer(session, "bob")
        model = make_model(session, bob, "Secret")
        models.delete(session, model.public_id, by=bob, now=NOON)
    assert "Secret" not in browser.get(f"/garage?deleted_model={model.public_id}").text


@pytest.fixture
def bobs(engine: Engine, settings: Settings) -> dict[str, str]:
    """Public ids of everything that bob has."""
    with write_session(engine) as session:
        bob = make_racer(session, "bob")
        model = ready_model(session, settings, bob)
        evaluation = make_evaluation(session, model, bob)
        finish_evaluation(session, settings, evaluation)
        car = make_car(session, bob)
        run = trainings.latest(session, model)
        assert run is not None
        return {
            "model": model.public_id,
            "run": run.public_id,
            "car": car.public_id,
            "evaluation": evaluation.public_id,
        }


PLACES = (
    "/garage/models/{model}",
    "/garage/models/{model}?run={run}",
    "/garage/models/{model}/evaluations",
    "/garage/models/{model}/evaluate",
    "/garage/models/{model}/reward-function",
    "/garage/models/{model}/reward-function/changes",
    "/garage/models/{model}/submissions",
    "/garage/models/{model}/configuration",
    "/garage/models/{model}/clone",
    "/garage/models/{model}/delete",
    "/garage/models/{model}/download",
    "/garage/trainings/{run}/stop",
    "/garage/trainings/{run}/points",
    "/garage/cars/{car}",
    "/garage/cars/{car}/delete",
    "/evaluations/{evaluation}",
    "/evaluations/{evaluation}/drive",
    "/evaluations/{evaluation}/stop",
)
CHANGES = (
    "/garage/models/{model}/evaluate",
    "/garage/models/{model}/reward-function",
    "/garage/models/{model}/configuration",
    "/garage/models/{model}/clone",
    "/garage/models/{model}/delete",
    "/garage/models/{model}/restore",
    "/garage/models/{model}/train",
    "/garage/trainings/{run}/stop",
    "/garage/cars/{car}",
    "/garage/cars/{car}/delete",
    "/garage/cars/{car}/restore",
    "/garage/cars/{car}/duplicate",
    "/evaluations/{evaluation}/stop",
)


def counts(engine: Engine) -> list[int]:
    with read_session(engine) as session:
        return [session.exec(select(func.count()).select_from(table)).one() for table in STORED]


@pytest.mark.parametrize("fragment", [False, True], ids=["page", "fragment"])
def test_what_is_somebody_elses_is_not_there(
    browser: FlaskClient, engine: Engine, bobs: dict[str, str], fragment: bool
) -> None:
    headers = {"HX-Request": "true"} if fragment else {}
    before = counts(engine)
    looked = {place: browser.get(place.format(**bobs), headers=headers).status_code for place in PLACES}
    changed = {place: browser.post(place.format(**bobs), headers=headers).status_code for place in CHANGES}
    assert set(looked.values()) == {404}, looked
    assert set(changed.values()) == {404}, changed
    assert counts(engine) == before


def test_looking_changes_nothing(app: Flask, engine: Engine, bobs: dict[str, str]) -> None:
    with read_session(engine) as session:
        bob = session.exec(select(Racer).where(Racer.alias == "bob")).one()
    browser, before = sign_in(app, bob), counts(engine)
    for place in PLACES:
        answer = browser.get(place.format(**bobs))
        assert answer.status_code == 200, place
        if answer.mimetype == "text/html":
            parsed(answer.text)
    assert counts(engine) == before
    assert _states(engine) == {"completed"}


def _states(engine: Engine) -> set[str]:
    with read_session(engine) as session:
        return {row.state for table in (TrainingRun, Evaluation) for row in session.exec(select(table))}


def test_a_racer_without_a_profile_has_no_garage(app: Flask, engine: Engine) -> None:
    with write_session(engine) as session:
        newcomer = make_racer(session, None)
    assert sign_in(app, newcomer).get("/garage").location.startswith("/profile")


def test_nobody_signed_in_is_sent_to_the_sign_in(client: FlaskClient) -> None:
    assert client.get("/garage").location.startswith("/sign-in")


def test_a_model_card_shows_its_place_in_the_queue(browser: FlaskClient, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        make_training(session, make_model(session, alice, "Waiting"), alice)
    page = parsed(browser.get("/garage").text)
    assert "Waiting" in page
    assert "Queued, place 1" in page
