"""Archives for the physical car: OpenVINO, which the car runs, gives from them what torch and the core give."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
from sim.camera import Camera
from sim.car import Car
from sim.car_archive import GRAPH, METADATA, car_archive, check_car, frozen_graph
from sim.model_folder import ModelFolder
from sim.sensors import (
    CONSOLE_MIDDLE_CNN,
    DEEP_CNN,
    DISCRETIZED_SECTOR_LIDAR,
    FRONT_FACING_CAMERA,
    LIDAR,
    MIDDLE_CNN,
    PADDOCK_CAMERA,
    PADDOCK_CAMERA_40X30,
    SECTOR_LIDAR,
    SHALLOW_CNN,
    STEREO_CAMERAS,
    TRACK_FEATURES,
)
from sim.track_library import TrackLibrary
from sim.weights import ModelError
from tests.sim.camera_frames import Rows, Trained, driven_world, frames, trained
from tests.sim.models import write_model

HOW = "OpenVINO is not here: `./run test` installs it, or pip install -r tests/readers.lock"
INPUTS = "main_level/agent/main/online/network_0"
ONE, RANGE = DiscreteActionSpace.default(), ContinuousActionSpace()
CARS = {
    "3 layers, discrete": Car((FRONT_FACING_CAMERA,), SHALLOW_CNN.name, ONE),
    "3 layers, continuous": Car((FRONT_FACING_CAMERA,), SHALLOW_CNN.name, RANGE),
    "5 layers, discrete": Car((FRONT_FACING_CAMERA,), MIDDLE_CNN.name, ONE),
    "5 layers, continuous": Car((FRONT_FACING_CAMERA,), MIDDLE_CNN.name, RANGE),
    "5 layers of the console": Car((FRONT_FACING_CAMERA,), CONSOLE_MIDDLE_CNN.name, ONE),
    "deep": Car((FRONT_FACING_CAMERA,), DEEP_CNN.name, ONE),
    "5 layers, stereo": Car((STEREO_CAMERAS,), MIDDLE_CNN.name, ONE),
    "stereo, discrete": Car((STEREO_CAMERAS,), SHALLOW_CNN.name, ONE),
    "stereo and LIDAR, continuous": Car((STEREO_CAMERAS, LIDAR), SHALLOW_CNN.name, RANGE),
    "LIDAR before the camera": Car((LIDAR, FRONT_FACING_CAMERA), MIDDLE_CNN.name, ONE),
    "sectors": Car((FRONT_FACING_CAMERA, SECTOR_LIDAR), SHALLOW_CNN.name, ONE),
    "sectors in steps, small network": Car((FRONT_FACING_CAMERA, DISCRETIZED_SECTOR_LIDAR), PADDOCK_CAMERA.name, RANGE),
}

VERY_LARGE = ("5 layers of the console", "5 layers, stereo")


def run(graph: bytes, fed: dict[str, Rows], folder: Path) -> np.ndarray[Any, Any]:
    """What OpenVINO gives for each row, one at a time as the car does: the first output of the network."""
    openvino = pytest.importorskip("openvino", reason=HOW)
    (folder / "model.pb").write_bytes(graph)
    core = openvino.Core()
    network = core.read_model(folder / "model.pb")
    assert len(network.outputs) == 1
    network.reshape({f"{INPUTS}/{name}/{name}:0": [1, *rows.shape[1:]] for name, rows in fed.items()})
    compiled = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = [
        compiled({f"{INPUTS}/{name}/{name}:0": rows[[row]].astype(np.float32) for name, rows in fed.items()})[0]
        for row in range(len(next(iter(fed.values()))))
    ]
    return np.concatenate(results)


def fed(car: Car, rows: list[Rows]) -> dict[str, Rows]:
    return {sensor.name: row for sensor, row in zip(car.sensors, rows, strict=True)}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in VERY_LARGE else name for name in CARS]
)
def test_openvino_gives_what_torch_and_the_core_give_on_frames_of_a_drive(name: str, tmp_path: Path) -> None:
    policy = trained(CARS[name])
    rows = frames(policy.car, driven_world(policy.car))
    assert all(len(np.unique(row)) > 1 for row in rows)
    by_car = run(frozen_graph(policy.car, policy.layout, policy.arrays), fed(policy.car, rows), tmp_path)
    assert np.ptp(by_car, axis=0).max() > 1e-3, "the frames make no difference to this network"
    assert by_car == pytest.approx(policy.by_torch(rows), abs=1e-5)
    assert by_car == pytest.approx(policy.by_core(rows), abs=1e-5)


def test_a_model_of_the_small_picture_drives_by_the_real_one(tmp_path: Path) -> None:
    """The graph pools the real picture itself; only the rounding of the small one to bytes is missing."""
    small = Car((PADDOCK_CAMERA_40X30,), PADDOCK_CAMERA.name, RANGE)
    policy = trained(small)
    rows = frames(small, driven_world(small))
    large = driven_world(small, Camera(FRONT_FACING_CAMERA.name)).camera.copy()
    by_car = run(frozen_graph(small, policy.layout, policy.arrays), {FRONT_FACING_CAMERA.name: large}, tmp_path)
    assert by_car == pytest.approx(policy.by_core(rows), abs=0.02)
    assert np.ptp(by_car, axis=0).max() > 0.1


def files_in(packed: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def written(path: Path, policy: Trained) -> ModelFolder:
    write_model(path, TrackLibrary().get("paddock-oval"), policy.car, policy.arrays)
    return ModelFolder.read(path)


def test_the_archive_holds_the_graph_and_the_metadata_and_is_the_same_each_time(tmp_path: Path) -> None:
    policy = trained(CARS["3 layers, continuous"])
    model = written(tmp_path, policy)
    packed = car_archive(model)
    files = files_in(packed)
    assert list(files) == [GRAPH, METADATA]
    assert files[GRAPH] == frozen_graph(policy.car, policy.layout, policy.arrays)
    assert Car.from_metadata(json.loads(files[METADATA])) == policy.car
    assert car_archive(model) == packed


def test_its_metadata_names_only_what_the_physical_car_knows(tmp_path: Path) -> None:
    model = written(tmp_path, trained(Car((PADDOCK_CAMERA_40X30,), PADDOCK_CAMERA.name, ONE)))
    metadata = json.loads(files_in(car_archive(model))[METADATA])
    assert metadata["sensor"] == ["FRONT_FACING_CAMERA"]
    assert metadata["neural_network"] == "DEEP_CONVOLUTIONAL_NETWORK_SHALLOW"
    assert len(metadata["action_space"]) == 10


@pytest.mark.parametrize(
    ("car", "stack_size", "why"),
    [
        (Car((TRACK_FEATURES,), "PADDOCK_SMALL", ONE), 1, "No real car has the track vector"),
        (Car((LIDAR,), "LIDAR", ONE), 1, "sees the car's own motion"),
        (Car((FRONT_FACING_CAMERA,), SHALLOW_CNN.name, ONE), 3, "one picture at a time; this model sees 3"),
    ],
)
def test_what_the_physical_car_cannot_feed_is_refused_with_the_reason(car: Car, stack_size: int, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        check_car(car, stack_size)
