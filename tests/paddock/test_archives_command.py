"""`paddock export`: files for the car, for ONNX and for another Paddock, and one line where there can be none."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from paddock.cli import paddock
from sim.action_space import DiscreteActionSpace
from sim.car import Car
from sim.model_archive import read_archive
from sim.model_folder import ModelFolder
from sim.sensors import PADDOCK_CAMERA, PADDOCK_CAMERA_40X30
from sim.track_library import TrackLibrary
from tests.sim.camera_frames import trained
from tests.sim.models import write_model

CAMERA_CAR = Car((PADDOCK_CAMERA_40X30,), PADDOCK_CAMERA.name, DiscreteActionSpace.default())


@pytest.fixture(scope="module")
def camera_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "swift"
    return write_model(folder, TrackLibrary().get("paddock-oval"), CAMERA_CAR, trained(CAMERA_CAR).arrays)


def test_a_model_is_exported_for_the_car(camera_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "car.tar.gz"
    done = CliRunner().invoke(paddock, ["export", str(camera_model), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert ModelFolder.read(camera_model).weights[:12] in done.output
    with tarfile.open(out) as tar:
        assert tar.getnames() == ["agent/model.pb", "model_metadata.json"]


def test_a_model_is_exported_as_onnx(camera_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "swift.onnx"
    done = CliRunner().invoke(paddock, ["export", str(camera_model), "--for", "onnx", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert b"PADDOCK_CAMERA_40X30" in out.read_bytes()


def test_a_model_is_exported_for_another_paddock(camera_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "swift.tar.gz"
    done = CliRunner().invoke(paddock, ["export", str(camera_model), "--for", "paddock", "--out", str(out)])
    assert done.exit_code == 0, done.output
    archived = read_archive(io.BytesIO(out.read_bytes()))
    assert (archived.name, archived.weights) == ("swift", ModelFolder.read(camera_model).weights)


def test_a_model_that_the_car_cannot_feed_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    model = write_model(tmp_path / "vector", TrackLibrary().get("paddock-oval"))
    out = tmp_path / "car.tar.gz"
    done = CliRunner().invoke(paddock, ["export", str(model), "--out", str(out)])
    assert done.exit_code != 0
    assert "No real car has the track vector" in str(done.exception)
    assert not out.exists()


def test_an_archive_for_the_car_is_imported_again(camera_model: Path, tmp_path: Path) -> None:
    packed, out = tmp_path / "car.tar.gz", tmp_path / "again"
    assert CliRunner().invoke(paddock, ["export", str(camera_model), "--out", str(packed)]).exit_code == 0
    nowhere = CliRunner().invoke(paddock, ["import", str(packed), "--out", str(out)])
    assert "it tells no track; give --track NAME" in str(nowhere.exception)
    assert not out.exists()
    arguments = ["import", str(packed), "--track", "kidney", "--direction", "clockwise", "--out", str(out)]
    done = CliRunner().invoke(paddock, arguments)
    assert done.exit_code == 0, done.output
    assert "the default one stands in its place" in done.output
    folder = ModelFolder.read(out)
    assert (folder.track_name, folder.direction, folder.car) == ("kidney", "clockwise", CAMERA_CAR)
    assert folder.weights == ModelFolder.read(camera_model).weights
    twice = CliRunner().invoke(paddock, arguments)
    assert "holds a model; choose another --out" in str(twice.exception)


def test_paddocks_own_archive_is_imported_as_it_is(camera_model: Path, tmp_path: Path) -> None:
    packed, out = tmp_path / "swift.tar.gz", tmp_path / "again"
    CliRunner().invoke(paddock, ["export", str(camera_model), "--for", "paddock", "--out", str(packed)])
    done = CliRunner().invoke(paddock, ["import", str(packed), "--out", str(out)])
    assert done.exit_code == 0, done.output
    before, after = ModelFolder.read(camera_model), ModelFolder.read(out)
    assert (after.weights, after.track_name, after.reward_code) == (
        before.weights,
        before.track_name,
        before.reward_code,
    )


def test_what_is_no_archive_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"hello" * 200)
    done = CliRunner().invoke(paddock, ["import", str(tmp_path / "x.tar.gz"), "--out", str(tmp_path / "out")])
    assert done.exit_code != 0
    assert "no .tar.gz" in str(done.exception)
    assert not (tmp_path / "out").exists()
