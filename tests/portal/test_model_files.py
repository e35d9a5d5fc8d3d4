"""The files of a model on its page: for the physical car, ONNX and Paddock's archive, and who may have them."""

from __future__ import annotations

import io
import tarfile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import Session, select

from portal.database import write_session
from portal.rules import models
from portal.settings import Settings
from portal.tables import AuditEvent, JobState, Model, Racer, Role, TrainingRun
from sim.action_space import DiscreteActionSpace
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.model_folder import TRACES
from sim.sensors import PADDOCK_CAMERA, PADDOCK_CAMERA_40X30
from sim.trace import SIMTRACE_HEADER
from sim.track_library import TrackLibrary
from tests.cast import NOON, make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import (
    driving_model,
    end,
    finish_evaluation,
    make_evaluation,
    make_model,
    make_training,
    parsed,
)
from tests.sim.camera_frames import trained
from tests.sim.models import write_model

CAMERA_CAR = Car((PADDOCK_CAMERA_40X30,), PADDOCK_CAMERA.name, DiscreteActionSpace.default())


def camera_model(session: Session, settings: Settings, racer: Racer) -> Model:
    """A model that sees pictures, with weights on the disk."""
    model = models.create(
        session,
        racer,
        name="Lens",
        car=CAMERA_CAR,
        car_name="Camera car",
        track="paddock-oval",
        direction="counterclockwise",
        reward_code="def reward_function(params):\n    return 1.0\n",
        hyperparameters=Hyperparameters(),
        training_limit_ms=60_000,
        now=NOON,
    )
    run = make_training(session, model, racer)
    end(session, run, JobState.COMPLETED)
    run.artefact = f"training-{run.public_id}/1-done"
    write_model(
        settings.runs_path / run.artefact, TrackLibrary().get("paddock-oval"), CAMERA_CAR, trained(CAMERA_CAR).arrays
    )
    session.flush()
    return model


@pytest.fixture
def lens(engine: Engine, settings: Settings, alice: Racer) -> Model:
    with write_session(engine) as session:
        return camera_model(session, settings, alice)


def test_a_camera_model_has_files_for_the_car_and_as_onnx(browser: FlaskClient, lens: Model) -> None:
    page = parsed(browser.get(f"/garage/models/{lens.public_id}/files").text)
    for said in ("Download for the car", "Download as ONNX", "Download the archive"):
        assert said in page
    car = browser.get(f"/garage/models/{lens.public_id}/download/car")
    assert car.headers["Content-Disposition"] == 'attachment; filename="Lens-car.tar.gz"'
    with tarfile.open(fileobj=io.BytesIO(car.data)) as tar:
        assert tar.getnames() == ["agent/model.pb", "model_metadata.json"]
    onnx = browser.get(f"/garage/models/{lens.public_id}/download/onnx")
    assert onnx.headers["Content-Disposition"] == 'attachment; filename="Lens.onnx"'
    assert b"PADDOCK_CAMERA_40X30" in onnx.data


def test_a_model_that_the_car_cannot_feed_says_why_and_has_the_other_forms(
    browser: FlaskClient, engine: Engine, settings: Settings, alice: Racer
) -> None:
    with write_session(engine) as session:
        model = driving_model(session, settings.runs_path, alice)
    page = parsed(browser.get(f"/garage/models/{model.public_id}/files").text)
    assert "No real car has the track vector that this model sees." in page
    assert "Download for the car" not in page
    refused = browser.get(f"/garage/models/{model.public_id}/download/car")
    assert refused.status_code == 409
    assert "No real car has the track vector" in parsed(refused.text)
    assert browser.get(f"/garage/models/{model.public_id}/download/onnx").status_code == 200


def test_an_untrained_model_has_none(browser: FlaskClient, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        model = make_model(session, alice)
    assert "No files yet" in parsed(browser.get(f"/garage/models/{model.public_id}/files").text)
    assert browser.get(f"/garage/models/{model.public_id}/download/onnx").status_code == 409


def test_files_are_their_racers_and_an_administrators_whose_download_is_audited(
    app: Flask, engine: Engine, lens: Model
) -> None:
    with write_session(engine) as session:
        bob, ada = make_racer(session, "bob"), make_racer(session, "ada", role=Role.ADMIN)
    for path in ("files", "download/car", "download/onnx"):
        assert sign_in(app, bob).get(f"/garage/models/{lens.public_id}/{path}").status_code == 404
        assert sign_in(app, bob).get(f"/admin/models/{lens.public_id}/{path}").status_code == 403
        assert sign_in(app, ada).get(f"/admin/models/{lens.public_id}/{path}").status_code == 200
    with write_session(engine) as session:
        events = session.exec(select(AuditEvent).where(AuditEvent.action == "model.download")).all()
        assert [event.subject for event in events] == [f"model:{lens.public_id}"] * 2


def test_there_is_no_other_form(browser: FlaskClient, lens: Model) -> None:
    assert browser.get(f"/garage/models/{lens.public_id}/download/keras").status_code == 404


# Logs


def with_traces(settings: Settings, run: TrainingRun) -> None:
    """Two iterations of the training, as it leaves them."""
    traces = settings.runs_path / str(run.artefact) / TRACES
    traces.mkdir(parents=True)
    for number in (1, 2):
        row = f"{number},1.0,0,0,0,0,1,3,0.0,True,True,10.0,6,17.4,0.067,off_track,0.0"
        (traces / f"{number}-iteration.csv").write_text(f"{SIMTRACE_HEADER}\n{row}\n")


def test_logs_are_downloaded_in_the_consoles_layout_with_the_models_evaluations(
    browser: FlaskClient, engine: Engine, settings: Settings, alice: Racer, lens: Model
) -> None:
    with write_session(engine) as session:
        run = session.exec(select(TrainingRun).where(TrainingRun.model_id == lens.id)).one()
        with_traces(settings, run)
        evaluation = make_evaluation(session, lens, alice)
        finish_evaluation(session, settings, evaluation)
        end(session, evaluation)
        folder = settings.runs_path / str(evaluation.artefact)
        (folder / "simtrace.csv").write_text(
            f"{SIMTRACE_HEADER}\n0,1.0,0,0,0,0,1,3,0.0,True,True,10.0,6,17.4,0.067,x,0.0\n"
        )
        address = f"/garage/models/{lens.public_id}/trainings/{run.public_id}/logs"
        evaluated = evaluation.public_id
    assert f'href="{address}"' in parsed(browser.get(f"/garage/models/{lens.public_id}/files").text)
    answer = browser.get(address)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Lens-logs.tar.gz"'
    with tarfile.open(fileobj=io.BytesIO(answer.data)) as tar:
        names = tar.getnames()
    stamp = NOON.strftime("%Y%m%d%H%M%S")
    assert f"Lens-logs/{TRACES}/0-iteration.csv" in names
    assert f"Lens-logs/logs/training/training-{stamp}-{run.public_id}-robomaker.log" in names
    assert f"Lens-logs/sim-trace/evaluation/{stamp}-{evaluated}/evaluation-simtrace/0-iteration.csv" in names


def test_logs_are_their_racers_and_an_administrators(app: Flask, engine: Engine, lens: Model) -> None:
    with write_session(engine) as session:
        bob, ada = make_racer(session, "bob"), make_racer(session, "ada", role=Role.ADMIN)
        run = session.exec(select(TrainingRun).where(TrainingRun.model_id == lens.id)).one()
        path = f"models/{lens.public_id}/trainings/{run.public_id}/logs"
    assert sign_in(app, bob).get(f"/garage/{path}").status_code == 404
    assert sign_in(app, bob).get(f"/admin/{path}").status_code == 403
    assert sign_in(app, ada).get(f"/admin/{path}").status_code == 200


def test_a_training_of_another_model_or_without_files_has_no_logs(
    browser: FlaskClient, engine: Engine, settings: Settings, alice: Racer, lens: Model
) -> None:
    with write_session(engine) as session:
        other = make_model(session, alice)
        waiting = make_training(session, other, alice)
        run = session.exec(select(TrainingRun).where(TrainingRun.model_id == lens.id)).one()
        paths = [f"{other.public_id}/trainings/{one.public_id}" for one in (run, waiting)]
        gone, run.artefact = run.artefact, "training-gone/1-x"
    assert [browser.get(f"/garage/models/{path}/logs").status_code for path in paths] == [404, 404]
    assert browser.get(f"/garage/models/{lens.public_id}/trainings/{run.public_id}/logs").status_code == 409
    assert gone is not None
