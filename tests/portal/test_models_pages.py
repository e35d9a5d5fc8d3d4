"""A model's tabs: reward function with versions, configuration, clone, download, deletion."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import select

from portal import reward_check, reward_help
from portal.database import read_session, write_session
from portal.model_archive import safe_name
from portal.rules import models, reward_functions
from portal.settings import Settings
from portal.tables import JobState, Model, Racer, TrainingRun
from sim.reward_parameters import REWARD_PARAMETERS
from tests.conftest import sign_in
from tests.portal.garage_cast import end, make_model, make_training, parsed, ready_model

CODE = "def reward_function(params):\n    return 3.0\n"
CHECK: dict[str, Any] = {
    "ok": False,
    "problems": [{"line": 2, "message": "NameError: name 'x' is not defined", "kind": "runtime"}],
    "rewards": [0.0, 0.0, 0.0],
    "microseconds_per_call": 0.0,
    "samples": [],
    "warnings": ["it is slow"],
    "log": "hello",
    "parameters": {"distance_from_center": 0.25, "is_offtrack": False, "closest_waypoints": [3, 4]},
    "calls": 1,
}


@pytest.fixture
def model(engine: Engine, settings: Settings, alice: Racer) -> Model:
    with write_session(engine) as session:
        return ready_model(session, settings, alice, "Ready one")


def test_saving_makes_a_version_that_can_be_compared(browser: FlaskClient, model: Model) -> None:
    address = f"/garage/models/{model.public_id}/reward-function"
    assert browser.post(address, data={"do": "save", "code": CODE}).location == address
    page = parsed(browser.get(address).text)
    assert "Version 2" in page
    assert "return 3.0" in page
    first = parsed(browser.get(f"{address}?version=1").text)
    assert "return 3.0" not in first.split('name="code"')[1].split("</textarea>")[0]
    changes = parsed(browser.get(f"{address}/changes?from=1&to=2").text)
    assert "return 3.0" in changes
    assert browser.get(f"{address}?version=9").status_code == 404


def test_saving_and_training_is_one_press(browser: FlaskClient, engine: Engine, model: Model) -> None:
    answer = browser.post(f"/garage/models/{model.public_id}/reward-function", data={"do": "train", "code": CODE})
    assert answer.status_code == 303
    with read_session(engine) as session:
        run = session.exec(select(TrainingRun).where(TrainingRun.state == JobState.QUEUED)).one()
        assert reward_functions.of_run(session, run.reward_function_id).code == CODE


def test_empty_code_is_refused_on_its_field(browser: FlaskClient, model: Model) -> None:
    answer = browser.post(f"/garage/models/{model.public_id}/reward-function", data={"do": "save", "code": " "})
    assert answer.status_code == 422
    assert 'id="code-error"' in parsed(answer.text)


def test_the_line_of_a_failed_training_is_lifted_to_the_editor(
    browser: FlaskClient, engine: Engine, alice: Racer
) -> None:
    with write_session(engine) as session:
        model = make_model(session, alice, "Broken")
        run = make_training(session, model, alice)
        run.message, run.message_line = "KeyError: 'sped'", 4
        run.failed_call = {"parameters": {"steps": 5.0, "objects_location": [[1.5, 2.0]]}, "log": "<b>hello</b>"}
        end(session, run, JobState.FAILED)
    page = parsed(browser.get(f"/garage/models/{model.public_id}").text)
    assert "reward-function?version=1#line-4" in page
    assert "KeyError" in page
    assert "<code>steps</code></th><td>5</td>" in page
    assert '<pre class="printed" tabindex="0">&lt;b&gt;hello&lt;/b&gt;</pre>' in page
    editor = parsed(browser.get(f"/garage/models/{model.public_id}/reward-function").text)
    assert 'data-goto-line="4"' in editor
    assert "failed in line 4" in editor


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (CHECK, "NameError"),
        (CHECK | {"ok": True, "problems": [], "rewards": [0.1, 0.5, 1.0]}, "It works"),
        (None, "10 seconds"),
    ],
    ids=["wrong", "right", "nobody answers"],
)
def test_what_the_sandbox_says_is_shown(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | None, says: str
) -> None:
    monkeypatch.setattr(reward_check, "ask", lambda *_arguments: answer)
    asked = {"code": CODE, "track": "paddock-oval", "direction": "clockwise", "do": "validate"}
    page = parsed(browser.post("/garage/reward-functions/check", data=asked).text)
    assert says in page
    fragment = browser.post("/garage/reward-functions/check", data=asked, headers={"HX-Request": "true"}).text
    assert says in fragment
    assert "<html" not in fragment
    if answer and answer["problems"]:
        assert 'data-line="2"' in fragment
        assert "<code>distance_from_center</code></th><td>0.25</td>" in fragment
        assert fragment.count("What it printed") == 1


@pytest.mark.parametrize(
    ("race_type", "says"),
    [("time-trial", "states of the track."), ("object-avoidance", "among boxes."), ("head-to-bot", "among bots.")],
)
def test_code_is_tried_among_what_a_race_has_on_the_road(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch, race_type: str, says: str
) -> None:
    asked: list[tuple[object, ...]] = []

    def ask(*arguments: object) -> dict[str, Any]:
        asked.append(arguments)
        return CHECK | {"ok": True, "problems": []}

    monkeypatch.setattr(reward_check, "ask", ask)
    form = {"code": CODE, "track": "paddock-oval", "race_type": race_type, "do": "validate"}
    assert says in parsed(browser.post("/garage/reward-functions/check", data=form).text)
    assert asked[0][-1] == race_type
    page = parsed(browser.post("/garage/models/new", data=form).text)
    assert f'<option value="{race_type}" selected>' in page
    assert asked[1][-1] == race_type
    assert browser.post("/garage/reward-functions/check", data=form | {"race_type": "rally"}).status_code == 422
    assert len(asked) == 2


def test_every_parameter_is_explained_once_beside_a_picture(browser: FlaskClient) -> None:
    grouped = [parameter for group in reward_help.GROUPS for parameter in group.parameters]
    assert sorted(grouped, key=lambda one: one.name) == sorted(REWARD_PARAMETERS, key=lambda one: one.name)
    page = parsed(browser.get("/garage/reward-functions/parameters").text)
    assert all(f'id="{parameter.name}"' in page for parameter in grouped)
    pictures = page.split('class="parameter-picture"')[1:]
    assert len(pictures) == len(reward_help.GROUPS)
    assert all("<text" in picture.split("</svg>")[0] for picture in pictures)
    assert 'href="/garage/reward-functions/parameters"' in browser.get("/garage/models/new").text


def test_code_that_is_missing_or_too_long_asks_no_worker(browser: FlaskClient) -> None:
    for code in ("", "#" * (64 * 1024 + 1)):
        answer = browser.post("/garage/reward-functions/check", data={"code": code, "track": "paddock-oval"})
        assert answer.status_code == 422


def test_validations_are_rate_limited(app: Flask, alice: Racer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reward_check, "ask", lambda *_arguments: CHECK)
    from portal.rate_limits import limiter

    monkeypatch.setattr(limiter, "enabled", True)
    browser = sign_in(app, alice)
    asked = {"code": CODE, "track": "paddock-oval", "do": "validate"}
    most = int(reward_help.CHECKS_PER_MINUTE.split()[0])
    codes = [browser.post("/garage/reward-functions/check", data=asked).status_code for _ in range(most + 1)]
    assert codes.count(200) == most
    assert codes[-1] == 429


def test_the_exact_configuration_is_shown(browser: FlaskClient, model: Model) -> None:
    page = parsed(browser.get(f"/garage/models/{model.public_id}/configuration").text)
    for shown in ("What made this model", "Paddock Oval", "0.0003", "huber", "version 1", "model_metadata.json"):
        assert shown in page


def test_a_model_is_renamed_to_a_free_name_only(
    browser: FlaskClient, engine: Engine, alice: Racer, model: Model
) -> None:
    with write_session(engine) as session:
        make_model(session, alice, "Other")
    address = f"/garage/models/{model.public_id}/configuration"
    taken = browser.post(address, data={"name": "other"})
    assert taken.status_code == 422
    assert "already" in parsed(taken.text)
    assert browser.post(address, data={"name": "Better", "description": "Faster"}).status_code == 303
    assert "Better" in browser.get(address).text


def test_a_clone_is_offered_with_everything_filled_in(browser: FlaskClient, engine: Engine, model: Model) -> None:
    address = f"/garage/models/{model.public_id}/clone"
    page = parsed(browser.get(address).text)
    assert 'value="Ready one 2"' in page
    fields = {"name": "Child", "track": "kidney", "direction": "clockwise", "code": CODE, "minutes": "3", "car": ""}
    assert browser.post(address, data=fields | {"do": "make"}).status_code == 303
    with read_session(engine) as session:
        child = session.exec(select(Model).where(Model.name == "Child")).one()
        assert child.cloned_from_id == model.id
        assert child.car_metadata == model.car_metadata
        assert reward_functions.current(session, child).code == CODE
    assert "Cloned from" in browser.get(f"/garage/models/{child.public_id}/configuration").text


def test_the_download_is_the_models_folder(browser: FlaskClient, model: Model) -> None:
    answer = browser.get(f"/garage/models/{model.public_id}/download")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Ready-one.tar.gz"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    with tarfile.open(fileobj=io.BytesIO(answer.data)) as archive:
        assert sorted(archive.getnames()) == ["Ready-one/model/best.safetensors", "Ready-one/reward_function.py"]
        weights = archive.extractfile("Ready-one/model/best.safetensors")
        assert weights is not None
        assert weights.read() == b"weights" * 1000


def test_a_download_is_a_use(browser: FlaskClient, engine: Engine, model: Model) -> None:
    used_before = model.last_used_at
    browser.get(f"/garage/models/{model.public_id}/download")
    with read_session(engine) as session:
        used = session.get_one(Model, model.id).last_used_at
    assert used is not None
    assert used_before is None or used > used_before


def test_there_is_no_download_before_a_training(browser: FlaskClient, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        model = make_model(session, alice, "Untrained")
    answer = browser.get(f"/garage/models/{model.public_id}/download")
    assert answer.status_code == 409
    assert "Train the model first" in answer.text


@pytest.mark.parametrize(("name", "file_name"), [("Übung 1", "bung-1"), ("../../x", "x"), ("漢字", "model")])
def test_a_models_name_becomes_a_harmless_file_name(name: str, file_name: str) -> None:
    assert safe_name(name) == file_name


def test_a_deleted_model_can_be_brought_back(browser: FlaskClient, engine: Engine, model: Model) -> None:
    address = f"/garage/models/{model.public_id}"
    page = parsed(browser.get(browser.post(f"{address}/delete").location).text)
    assert "Ready one is deleted" in page
    assert browser.get(address).status_code == 404
    browser.post(f"{address}/restore")
    assert browser.get(address).status_code == 200
    with read_session(engine) as session:
        assert models.of_run(session, session.exec(select(TrainingRun)).one()).id == model.id
