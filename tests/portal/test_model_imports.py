"""Models that come into a garage: the own archive by its racer, anybody's model and any archive by an administrator."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from safetensors.numpy import load_file
from sqlalchemy import Engine
from sqlmodel import col, select

from jobs import purging, training
from jobs.workplace import open_workplace
from portal import model_import
from portal.database import read_session, write_session
from portal.rules import (
    evaluations,
    ledger,
    limits,
    model_deletion,
    model_imports,
    models,
    reward_functions,
    sponsorship,
    submissions,
    trainings,
)
from portal.rules.broken import Code, RuleBroken
from portal.rules.models import ModelState
from portal.settings import Settings
from portal.tables import AuditEvent, JobState, LedgerEntry, Model, Racer, Role, TrainingIteration, TrainingRun
from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
from sim.car import Car
from sim.car_archive import car_archive
from sim.episode import EpisodeRules
from sim.evaluation import evaluate
from sim.hyperparameters import Hyperparameters
from sim.learning.training import train
from sim.model_folder import LAST, ModelFolder
from sim.reward_examples import DEFAULT_EXAMPLE
from sim.sensors import PADDOCK_CAMERA, PADDOCK_CAMERA_40X30
from sim.track import Direction
from sim.track_library import TrackLibrary
from tests.cast import NOON, make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import RULES, driving_model, make_model, parsed
from tests.portal.races_cast import make_race
from tests.sim.camera_frames import trained
from tests.sim.models import STEERING_CAR, write_model

CODE = "def reward_function(params):\n    return 1.0\n"
UPLOAD = "/garage/models/import"


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        return {
            "ada": make_racer(session, "ada", role=Role.ADMIN),
            "alice": make_racer(session, "alice"),
            "bob": make_racer(session, "bob"),
        }


@pytest.fixture
def alice(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["alice"])


@pytest.fixture
def ada(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["ada"])


@pytest.fixture
def model(engine: Engine, settings: Settings, people: dict[str, Racer]) -> Model:
    with write_session(engine) as session:
        return driving_model(session, settings.runs_path, people["alice"])


def upload(browser: FlaskClient, data: bytes, address: str = UPLOAD, **fields: str) -> Any:
    """Uploads an archive and, in the own garage, brings in what was found; the last answer."""
    files = {"archive": (io.BytesIO(data), "Swift.tar.gz"), **fields}
    answer = browser.post(address, data=files, content_type="multipart/form-data")
    if address != UPLOAD or answer.status_code != 303:
        return answer
    return browser.post(answer.location, data=fields)


def looked_at(browser: FlaskClient, data: bytes, file_name: str = "Bolt.tar.gz") -> str:
    """Where an uploaded archive's contents are shown."""
    files = {"archive": (io.BytesIO(data), file_name)}
    answer = browser.post(UPLOAD, data=files, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def downloaded(browser: FlaskClient, model: Model) -> bytes:
    return browser.get(f"/garage/models/{model.public_id}/download").data


def newest(engine: Engine) -> tuple[Model, TrainingRun]:
    with read_session(engine) as session:
        model = session.exec(select(Model).order_by(col(Model.id).desc())).first()
        assert model is not None
        run = trainings.weights_of(session, model)
        assert run is not None
        return model, run


def drives_as(settings: Settings, artefact: str | None) -> str:
    """The fingerprint of a drive: equal ones are equal to the step."""
    track = TrackLibrary().get("paddock-oval")
    rules = EpisodeRules(**{**vars(EpisodeRules.racing()), "laps": 1})
    direction = Direction.COUNTERCLOCKWISE
    return evaluate(settings.runs_path / str(artefact), track, direction=direction, rules=rules, seed=5).fingerprint


def count(engine: Engine) -> int:
    with read_session(engine) as session:
        return len(session.exec(select(Model)).all())


def weights_on_disk(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.runs_path.iterdir())


# A racer's own archive


def test_an_exported_archive_comes_back_bit_identical_and_drives_the_same_laps(
    alice: FlaskClient, engine: Engine, settings: Settings, people: dict[str, Racer], model: Model
) -> None:
    answer = upload(alice, downloaded(alice, model), name="Again")
    again, run = newest(engine)
    assert answer.location == f"/garage/models/{again.public_id}"
    with read_session(engine) as session:
        original = trainings.weights_of(session, session.get_one(Model, model.id))
        assert original is not None
        best = [settings.runs_path / str(job.artefact) / "model" / "best.safetensors" for job in (original, run)]
        assert best[0].read_bytes() == best[1].read_bytes()
        assert drives_as(settings, original.artefact) == drives_as(settings, run.artefact)
        assert (again.name, again.racer_id, again.track) == ("Again", people["alice"].id, "paddock-oval")
        assert again.imported_from is not None
        assert "Swift" in again.imported_from
        assert Car.from_metadata(again.car_metadata) == STEERING_CAR
        assert reward_functions.current(session, again).code == CODE
        assert models.state_of(session, again).state is ModelState.READY
        assert again.stored_bytes == run.size_bytes == model_import.size_bytes(settings.runs_path / str(run.artefact))
    assert not list(settings.runs_path.glob("import-*"))


def test_the_world_that_a_model_trained_in_comes_along(
    alice: FlaskClient, engine: Engine, settings: Settings, model: Model
) -> None:
    folder = settings.runs_path / str(newest(engine)[1].artefact)
    about = json.loads((folder / "paddock.json").read_text())
    scene = {"look": "night", "randomisation": "sim-to-real", "starts": "random", "best_by": "race"}
    (folder / "paddock.json").write_text(json.dumps(about | scene))
    upload(alice, downloaded(alice, model), name="Again")
    again, run = newest(engine)
    assert again.name == "Again"
    assert again.scene == scene
    assert run.configuration["look"] == "night"


def test_an_imported_model_is_evaluated_raced_and_cloned_like_any_other(
    alice: FlaskClient, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    upload(alice, downloaded(alice, model))
    again, run = newest(engine)
    for tab in ("", "/evaluations", "/reward-function", "/submissions", "/configuration", "/clone", "/evaluate"):
        assert parsed(alice.get(f"/garage/models/{again.public_id}{tab}").text)
    assert "It was imported with its weights." in alice.get(f"/garage/models/{again.public_id}").text
    with write_session(engine) as session:
        racer = people["alice"]
        own = evaluations.request(
            session, again, by=racer, track="kidney", direction="clockwise", rules=RULES, now=NOON, seed=1
        )
        race = make_race(session, people["ada"])
        submission = submissions.enter(session, race, again, by=racer, now=race.opens_at)
        assert own.training_run_id == run.id
        assert submission.model_id == again.id
        child = models.clone(
            session,
            again,
            by=racer,
            name="Child",
            car=None,
            track="kidney",
            direction="clockwise",
            reward_code=CODE,
            hyperparameters=Hyperparameters(),
            training_limit_ms=60_000,
            now=NOON,
        )
        assert trainings.request(session, child, by=racer, now=NOON).configuration["track"] == "kidney"


def test_an_import_costs_no_time_and_is_audited(
    alice: FlaskClient, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    def lines() -> int:
        with read_session(engine) as session:
            return len(session.exec(select(LedgerEntry)).all())

    before = lines()
    upload(alice, downloaded(alice, model))
    again, run = newest(engine)
    assert lines() == before
    assert (run.used_ms, again.used_ms) == (0, 0)
    with read_session(engine) as session:
        event = session.exec(select(AuditEvent).where(AuditEvent.action == "model.import")).one()
        assert (event.by_racer_id, event.subject) == (people["alice"].id, f"model:{again.public_id}")
        assert event.after["owner"] == "alice"


def test_without_a_name_it_is_called_like_the_archive_under_a_free_one(
    alice: FlaskClient, engine: Engine, model: Model
) -> None:
    data = downloaded(alice, model)
    upload(alice, data)
    assert newest(engine)[0].name == "Swift 2"
    answer = upload(alice, data, name="swift")
    assert answer.status_code == 422
    assert 'id="name-error"' in parsed(answer.text)


@pytest.mark.parametrize(
    ("data", "says"), [(b"", "cut short"), (b"hello" * 999, "no .tar.gz"), (None, "Please choose the .tar.gz")]
)
def test_what_is_no_archive_is_refused_on_its_field_and_leaves_nothing(
    alice: FlaskClient, engine: Engine, settings: Settings, data: bytes | None, says: str
) -> None:
    answer = upload(alice, data) if data is not None else alice.post(UPLOAD, data={"name": "x"})
    assert answer.status_code == 422
    page = parsed(answer.text)
    assert says in page
    assert 'id="archive-error"' in page
    assert count(engine) == 0
    assert not settings.runs_path.exists() or weights_on_disk(settings) == []


def test_a_paused_ended_or_shut_out_racer_imports_nothing(
    alice: FlaskClient, app: Flask, engine: Engine, settings: Settings, people: dict[str, Racer], model: Model
) -> None:
    data = downloaded(alice, model)
    for change, says in ((sponsorship.pause, "paused"), (sponsorship.end, "has ended")):
        with write_session(engine) as session:
            change(session, people["alice"], by=None, now=NOON)
        assert says in parsed(alice.get(UPLOAD).text)
        answer = upload(alice, data)
        assert answer.status_code == 403
        assert says in answer.text
    with write_session(engine) as session:
        limits.change(session, by=None, now=NOON, multi_user_enabled=False)
    bob = sign_in(app, people["bob"])
    assert bob.get(UPLOAD).status_code == 403
    assert upload(bob, data).status_code == 403
    assert count(engine) == 1
    assert len(weights_on_disk(settings)) == 1


def test_the_racers_number_of_models_is_checked(
    alice: FlaskClient, engine: Engine, settings: Settings, people: dict[str, Racer], model: Model
) -> None:
    with write_session(engine) as session:
        ledger.account_of(session, people["alice"]).maximum_models = 1
    answer = upload(alice, downloaded(alice, model))
    assert answer.status_code == 409
    assert "1 models" in parsed(answer.text)
    assert count(engine) == 1
    assert len(weights_on_disk(settings)) == 1


def test_a_refusal_at_the_last_moment_leaves_no_row_and_the_import_waiting(
    alice: FlaskClient, engine: Engine, settings: Settings, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = downloaded(alice, model)

    def full(*_arguments: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(model_import, "publish", full)
    address = looked_at(alice, data)
    with pytest.raises(OSError, match="no space"):
        alice.post(address, data={})
    assert count(engine) == 1
    assert len(weights_on_disk(settings)) == 2, "it goes on waiting"
    monkeypatch.undo()
    assert alice.post(address, data={}).status_code == 303
    assert count(engine) == 2


def test_a_track_that_is_not_here_is_said(alice: FlaskClient, engine: Engine, settings: Settings, model: Model) -> None:
    with read_session(engine) as session:
        run = trainings.weights_of(session, session.get_one(Model, model.id))
        assert run is not None
    about = settings.runs_path / str(run.artefact) / "paddock.json"
    about.write_text(about.read_text().replace("paddock-oval", "far-away"))
    answer = upload(alice, downloaded(alice, model))
    page = parsed(alice.get(answer.location).text)
    assert "Its track far-away is not here." in page


def test_the_garage_offers_it(alice: FlaskClient) -> None:
    assert f'href="{UPLOAD}"' in parsed(alice.get("/garage").text)
    assert parsed(alice.get(UPLOAD).text)


# An archive of the console

CAMERA_CAR = Car((PADDOCK_CAMERA_40X30,), PADDOCK_CAMERA.name, DiscreteActionSpace.default())


@pytest.fixture(scope="module")
def car_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An archive for the physical car, as the console gave it: no reward function, no track."""
    folder = tmp_path_factory.mktemp("car")
    write_model(folder, TrackLibrary().get("paddock-oval"), CAMERA_CAR, trained(CAMERA_CAR).arrays)
    return car_archive(ModelFolder.read(folder))


def test_what_an_archive_of_the_console_holds_is_said_before_anything_is_made(
    alice: FlaskClient, engine: Engine, car_file: bytes
) -> None:
    page = parsed(alice.get(looked_at(alice, car_file)).text)
    for said in ("Import Bolt", "DeepRacer console", "Camera, small", "Small CNN", "10 actions", "not told", "none;"):
        assert said in page, said
    assert "there are no hyperparameters in it; the defaults stand" in page
    assert count(engine) == 0


def test_a_model_of_the_console_is_brought_in_with_a_home_track_and_drives(
    alice: FlaskClient, engine: Engine, settings: Settings, people: dict[str, Racer], car_file: bytes
) -> None:
    address = looked_at(alice, car_file)
    nowhere = alice.post(address, data={"track": "nowhere", "direction": "clockwise"})
    assert nowhere.status_code == 422
    assert 'id="track-error"' in parsed(nowhere.text)
    assert count(engine) == 0
    answer = alice.post(address, data={"name": "Old love", "track": "kidney", "direction": "clockwise"})
    model, run = newest(engine)
    assert answer.location == f"/garage/models/{model.public_id}"
    assert (model.name, model.track, model.direction) == ("Old love", "kidney", "clockwise")
    assert Car.from_metadata(model.car_metadata) == CAMERA_CAR
    folder = ModelFolder.read(settings.runs_path / str(run.artefact))
    assert (folder.weights, folder.track_name) == (run.fingerprint, "kidney")
    assert not (folder.path / ".import.json").exists()
    assert drives_as(settings, run.artefact)
    with read_session(engine) as session:
        assert reward_functions.current(session, model).code == DEFAULT_EXAMPLE.code
    assert alice.get(address).status_code == 404, "it waits no more"


SAC_CAR = replace(CAMERA_CAR, action_space=ContinuousActionSpace(), training_algorithm="sac")


@pytest.fixture
def soft(alice: FlaskClient, engine: Engine, tmp_path: Path) -> tuple[Model, TrainingRun]:
    """A model that the console trained by SAC, in alice's garage."""
    write_model(tmp_path / "car", TrackLibrary().get("paddock-oval"), SAC_CAR, trained(SAC_CAR).arrays)
    address = looked_at(alice, car_archive(ModelFolder.read(tmp_path / "car")))
    alice.post(address, data={"name": "Soft", "track": "paddock-oval", "direction": "clockwise"})
    return newest(engine)


def test_a_sac_model_shows_and_offers_what_sac_looks_at(
    alice: FlaskClient, soft: tuple[Model, TrainingRun], model: Model
) -> None:
    parent, _ = soft
    shown = alice.get(f"/garage/models/{parent.public_id}/configuration").text
    assert "SAC alpha" in shown
    assert not [title for title in ("Epochs", "Entropy") if f"<dt>{title}</dt>" in shown]
    form = alice.get(f"/garage/models/{parent.public_id}/clone").text
    assert 'class="learns-by-sac"' in form
    assert form.count('class="only-clipped_ppo"') == 2
    assert form.count('class="only-sac"') == 1
    shown = alice.get(f"/garage/models/{model.public_id}/configuration").text
    assert "SAC alpha" not in shown
    assert all(f"<dt>{title}</dt>" in shown for title in ("Epochs", "Entropy"))


@pytest.mark.slow
def test_a_sac_model_of_the_console_is_cloned_and_learns_on_by_sac(
    alice: FlaskClient, engine: Engine, settings: Settings, soft: tuple[Model, TrainingRun]
) -> None:
    """Imported and cloned with pages, and trained by the worker's own code."""
    parent, first = soft
    fields = {"name": "Softer", "track": "paddock-oval", "direction": "clockwise", "minutes": "2", "code": CODE}
    learning = {"hp-batch_size": "512", "hp-num_episodes_between_training": "5", "hp-sac_alpha": "0.1", "do": "train"}
    answer = alice.post(f"/garage/models/{parent.public_id}/clone", data={**fields, **learning})
    assert answer.status_code == 303, answer.text
    with read_session(engine) as session:
        clone = session.exec(select(Model).where(Model.name == "Softer")).one()
        run = session.exec(select(TrainingRun).where(TrainingRun.model_id == clone.id)).one()
    place = open_workplace(settings, "test")
    training.execute(place, run.id or 0, partial(train, maximum_iterations=3))
    place.close()
    with read_session(engine) as session:
        run = session.get_one(TrainingRun, run.id)
    assert (run.state, run.message, run.iterations) == (JobState.COMPLETED, "", 3)
    folder = settings.runs_path / str(run.artefact)
    assert ModelFolder.read(folder).car.training_algorithm == "sac"
    assert json.loads((folder / "paddock.json").read_text())["parent"] == first.fingerprint
    last = load_file(folder / LAST)
    assert any(not np.array_equal(last[name], array) for name, array in trained(SAC_CAR).arrays.items())


def test_two_archives_are_read_at_once_and_a_third_is_asked_to_wait(
    alice: FlaskClient, engine: Engine, settings: Settings, car_file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_import, "PATIENCE_S", 0.01)
    with model_import._reading, model_import._reading:
        answer = alice.post(UPLOAD, data={"archive": (io.BytesIO(car_file), "Bolt.tar.gz")})
    assert answer.status_code == 409
    assert "Other archives are being read just now. Upload it again in a moment." in parsed(answer.text)
    assert count(engine) == 0
    assert not settings.runs_path.exists()
    assert looked_at(alice, car_file)


def test_a_waiting_import_is_its_racers_alone_and_can_be_forgotten(
    alice: FlaskClient, app: Flask, settings: Settings, people: dict[str, Racer], car_file: bytes
) -> None:
    address = looked_at(alice, car_file)
    bob = sign_in(app, people["bob"])
    assert bob.get(address).status_code == 404
    assert bob.post(address, data={"track": "kidney", "direction": "clockwise"}).status_code == 404
    assert bob.post(f"{address}/forget").status_code == 404
    assert alice.get(address).status_code == 200
    assert alice.post(f"{address}/forget").location == "/garage"
    assert alice.get(address).status_code == 404
    assert weights_on_disk(settings) == []


def test_a_racer_has_one_import_waiting(
    alice: FlaskClient, app: Flask, settings: Settings, people: dict[str, Racer], car_file: bytes
) -> None:
    bobs = looked_at(sign_in(app, people["bob"]), car_file)
    first, second = looked_at(alice, car_file), looked_at(alice, car_file)
    assert alice.get(first).status_code == 404
    assert alice.get(second).status_code == 200
    assert sign_in(app, people["bob"]).get(bobs).status_code == 200
    assert len(weights_on_disk(settings)) == 2


def test_an_administrator_brings_in_a_model_of_the_console_at_once(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], car_file: bytes
) -> None:
    answer = upload(ada, car_file, "/admin/models/import", alias="bob")
    model, _ = newest(engine)
    assert (model.racer_id, model.name) == (people["bob"].id, "Swift")
    page = parsed(ada.get(answer.location).text)
    assert "no hyperparameters in it" in page


# An administrator


def test_an_administrator_imports_a_racers_model_into_the_own_garage(
    ada: FlaskClient, engine: Engine, settings: Settings, people: dict[str, Racer], model: Model
) -> None:
    address = f"/admin/models/{model.public_id}/import"
    assert "Import Swift of alice" in parsed(ada.get(address).text)
    answer = ada.post(address, data={"alias": "", "name": ""})
    copy, run = newest(engine)
    assert answer.location == f"/admin/models/{copy.public_id}"
    with read_session(engine) as session:
        original = trainings.weights_of(session, session.get_one(Model, model.id))
        assert original is not None
        assert (copy.racer_id, copy.name, copy.cloned_from_id) == (people["ada"].id, "Swift", model.id)
        assert copy.imported_from == "Swift of alice"
        assert (run.racer_id, run.seed, run.configuration) == (people["ada"].id, original.seed, original.configuration)
        assert (run.iterations, run.best_lap_ms) == (original.iterations, original.best_lap_ms)
        assert run.artefact != original.artefact
        measured = select(TrainingIteration.average_reward).where(TrainingIteration.training_run_id == run.id)
        assert session.exec(measured).all() == [10.0, 20.0, 30.0]
        assert drives_as(settings, run.artefact) == drives_as(settings, original.artefact)
        assert copy.stored_bytes == run.size_bytes > 0
    page = parsed(ada.get(f"/admin/models/{copy.public_id}/configuration").text)
    assert "Swift of alice" in page


def test_an_administrator_imports_into_a_racers_garage_within_the_racers_maximum(
    ada: FlaskClient, app: Flask, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    with write_session(engine) as session:
        make_model(session, people["bob"], "Swift")
        sponsorship.pause(session, people["bob"], by=None, now=NOON)
    address = f"/admin/models/{model.public_id}/import"
    ada.post(address, data={"alias": "BOB"})
    copy, _ = newest(engine)
    assert (copy.racer_id, copy.name) == (people["bob"].id, "Swift 2")
    bob = sign_in(app, people["bob"])
    assert bob.get(f"/garage/models/{copy.public_id}/download").status_code == 200
    own = parsed(bob.get(f"/garage/models/{copy.public_id}/configuration").text)
    assert f"/garage/models/{model.public_id}" not in own
    with write_session(engine) as session:
        ledger.account_of(session, people["bob"]).maximum_models = 2
    full = ada.post(address, data={"alias": "bob"})
    assert full.status_code == 409
    assert "bob&#39;s maximum of models (2)" in parsed(full.text)
    unknown = ada.post(address, data={"alias": "nobody"})
    assert unknown.status_code == 422
    assert 'id="alias-error"' in parsed(unknown.text)
    assert count(engine) == 3


def test_deleting_the_original_for_good_leaves_the_copy_its_files(
    ada: FlaskClient, engine: Engine, settings: Settings, people: dict[str, Racer], model: Model
) -> None:
    ada.post(f"/admin/models/{model.public_id}/import", data={})
    _, run = newest(engine)
    best = settings.runs_path / str(run.artefact) / "model" / "best.safetensors"
    assert os.stat(best).st_nlink == 2, "linked, not copied"
    before = drives_as(settings, run.artefact)
    with write_session(engine) as session:
        gone = session.get_one(Model, model.id)
        model_deletion.delete(session, gone, by=people["ada"], now=NOON)
        model_deletion.for_good(session, gone, by=people["ada"], now=NOON)
    assert purging.purge(engine, settings.runs_path, NOON) == 1
    assert os.stat(best).st_nlink == 1
    assert drives_as(settings, run.artefact) == before
    assert ada.post(f"/admin/models/{model.public_id}/import", data={}).status_code == 409


def test_where_links_cannot_be_made_files_are_copied(
    ada: FlaskClient, engine: Engine, settings: Settings, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_source: Path, _target: Path) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", refuse)
    ada.post(f"/admin/models/{model.public_id}/import", data={})
    _, run = newest(engine)
    assert drives_as(settings, run.artefact)


def test_an_administrator_imports_an_archive_into_any_garage_while_multi_user_mode_is_off(
    ada: FlaskClient, alice: FlaskClient, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    data = downloaded(alice, model)
    with write_session(engine) as session:
        limits.change(session, by=None, now=NOON, multi_user_enabled=False)
    assert "Import an archive" in parsed(ada.get("/admin/models/import").text)
    upload(ada, data, "/admin/models/import", alias="bob", name="Gift")
    assert (newest(engine)[0].racer_id, newest(engine)[0].name) == (people["bob"].id, "Gift")
    upload(ada, data, "/admin/models/import")
    assert newest(engine)[0].racer_id == people["ada"].id
    ada.post(f"/admin/models/{model.public_id}/import", data={})
    assert newest(engine)[0].racer_id == people["ada"].id
    refused = upload(ada, b"no archive", "/admin/models/import")
    assert refused.status_code == 422
    assert 'id="archive-error"' in parsed(refused.text)


def test_a_model_without_weights_is_not_imported(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    with write_session(engine) as session:
        untrained = make_model(session, people["alice"])
    answer = ada.post(f"/admin/models/{untrained.public_id}/import", data={})
    assert answer.status_code == 409
    assert "no weights" in parsed(answer.text)
    assert count(engine) == 1


def test_a_racer_imports_nobody_elses_model_and_into_nobody_elses_garage(
    alice: FlaskClient, app: Flask, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    bob = sign_in(app, people["bob"])
    data = downloaded(alice, model)
    for address in ("/admin/models/import", f"/admin/models/{model.public_id}/import"):
        assert bob.get(address).status_code == 403
        assert upload(bob, data, address, alias="bob").status_code == 403
    assert bob.get(f"/garage/models/{model.public_id}/download").status_code == 404
    with write_session(engine) as session:
        for attempt in (
            lambda: model_imports.check(session, people["alice"], by=people["bob"]),
            lambda: model_imports.from_model(
                session, model, to=people["bob"], by=people["bob"], name="", size_bytes=1, now=NOON
            ),
        ):
            with pytest.raises(RuleBroken) as refused:
                attempt()
            assert refused.value.code is Code.MISSING
    assert count(engine) == 1
