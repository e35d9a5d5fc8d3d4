"""The training page: started, watched, stopped."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import select

from portal import live
from portal.database import read_session, write_session
from portal.rules import ledger, sponsorship
from portal.settings import Settings
from portal.tables import JobState, Model, Racer, TrainingRun
from tests.cast import NOON
from tests.portal.garage_cast import make_model, make_training, measure, parsed, ready_model


@pytest.fixture
def model(engine: Engine, alice: Racer) -> Model:
    with write_session(engine) as session:
        return make_model(session, alice)


def run_of(engine: Engine) -> TrainingRun:
    with read_session(engine) as session:
        return session.exec(select(TrainingRun)).one()


def test_pressing_train_queues_it_with_the_time_typed(browser: FlaskClient, engine: Engine, model: Model) -> None:
    parsed(browser.get(f"/garage/models/{model.public_id}").text)
    assert browser.post(f"/garage/models/{model.public_id}/train", data={"minutes": "4"}).status_code == 303
    run = run_of(engine)
    assert (run.state, run.limit_ms) == ("queued", 240_000)
    page = parsed(browser.get(f"/garage/models/{model.public_id}").text)
    assert "Place 1 in the queue" in page
    assert 'http-equiv="refresh"' in page
    assert f'href="/garage/trainings/{run.public_id}/stop"' in page
    assert "/events?t=" in page


def test_a_wrong_time_is_said_on_its_field(browser: FlaskClient, engine: Engine, model: Model) -> None:
    answer = browser.post(f"/garage/models/{model.public_id}/train", data={"minutes": "soon"})
    assert answer.status_code == 422
    assert 'id="minutes-error"' in parsed(answer.text)
    with read_session(engine) as session:
        assert session.exec(select(TrainingRun)).first() is None


def test_a_paused_racer_trains_nothing(browser: FlaskClient, engine: Engine, alice: Racer, model: Model) -> None:
    with write_session(engine) as session:
        sponsorship.pause(session, alice, by=None, now=NOON)
    answer = browser.post(f"/garage/models/{model.public_id}/train", data={"minutes": "4"})
    assert answer.status_code == 403
    assert "paused" in parsed(answer.text)


def test_too_little_quota_is_said(browser: FlaskClient, engine: Engine, alice: Racer, model: Model) -> None:
    with write_session(engine) as session:
        ledger.set_quota(session, alice, 60_000, by=None, now=NOON)
    answer = browser.post(f"/garage/models/{model.public_id}/train", data={"minutes": "4"})
    assert answer.status_code == 409
    assert "1 min" in answer.text


def test_the_iterations_are_a_table_and_lines_without_a_script(
    browser: FlaskClient, engine: Engine, alice: Racer, model: Model
) -> None:
    with write_session(engine) as session:
        run = make_training(session, model, alice)
        run.state, run.started_at = JobState.RUNNING, NOON
        measure(session, run, 3)
    page = parsed(browser.get(f"/garage/models/{model.public_id}").text)
    assert "best: 3" in page
    assert "<polyline" in page
    assert page.count('scope="row"') >= 3
    assert "<dt>As a race</dt><dd>1:05.000</dd>" in page, "three laps of the best iteration, no reset"
    assert '60 % <span class="muted small">1 reset</span>' in page
    fragment = browser.get(f"/garage/models/{model.public_id}", headers={"HX-Request": "true"}).text
    assert "<html" not in fragment
    assert 'id="model-badge" hx-swap-oob="true"' in fragment


def test_the_points_bring_the_newest_drive(
    browser: FlaskClient, engine: Engine, redis: Redis, alice: Racer, model: Model
) -> None:
    with write_session(engine) as session:
        run = make_training(session, model, alice)
        measure(session, run, 2)
    for number in (1, 2):
        drive = [[0.0, 0.0, 0.0, 1.0], [float(number), 0.0, 0.0, 1.0]]
        live.publish(redis, f"training:{run.public_id}", "iteration", {"iteration": number, "drive": drive})
    live.publish(redis, f"training:{run.public_id}", "state", {"state": "running"})
    told = browser.get(f"/garage/trainings/{run.public_id}/points").json
    assert told is not None
    assert [point["iteration"] for point in told["points"]] == [1, 2]
    assert told["points"][1]["evaluation_completion"] == 60.0
    assert (told["points"][1]["race_completion"], told["points"][1]["race_ms"]) == (100.0, 65_000)
    assert told["drive"][1][0] == 2.0
    assert told["over"] is False


def test_stopping_is_confirmed_on_a_page_of_its_own(
    browser: FlaskClient, engine: Engine, alice: Racer, model: Model
) -> None:
    with write_session(engine) as session:
        run = make_training(session, model, alice)
    address = f"/garage/trainings/{run.public_id}/stop"
    assert "Stop the training of First?" in parsed(browser.get(address).text)
    assert run_of(engine).state == "queued"
    assert browser.post(address).location == f"/garage/models/{model.public_id}"
    assert run_of(engine).state == "stopped"
    with read_session(engine) as session:
        assert ledger.balance(session, alice).reserved_ms == 0
    assert browser.post(address).status_code == 303


def test_an_older_training_has_its_own_address(
    browser: FlaskClient, engine: Engine, settings: Settings, alice: Racer
) -> None:
    with write_session(engine) as session:
        model = ready_model(session, settings, alice, "Twice")
        newer = make_training(session, model, alice)
        older = session.exec(select(TrainingRun).where(TrainingRun.id != newer.id)).one()
    page = parsed(browser.get(f"/garage/models/{model.public_id}?run={older.public_id}").text)
    assert f"/garage/trainings/{older.public_id}/points" in page
    assert browser.get(f"/garage/models/{model.public_id}?run=nothing").status_code == 404
