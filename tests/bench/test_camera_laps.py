"""The benchmark of camera networks measures the same network on both sides, and drives real laps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from bench.camera_laps import CameraCars  # noqa: E402
from sim.model_folder import ModelFolder  # noqa: E402
from sim.sensors import FRONT_FACING_CAMERA, PADDOCK_CAMERA, PADDOCK_CAMERA_40X30, SHALLOW_CNN  # noqa: E402
from tests.sim.models import write_model  # noqa: E402
from tests.sim.ovals import oval  # noqa: E402


@pytest.fixture
def teacher(tmp_path: Path) -> ModelFolder:
    return ModelFolder.read(write_model(tmp_path / "model", oval()))


@pytest.mark.parametrize(
    ("network", "sensor"), [(PADDOCK_CAMERA, PADDOCK_CAMERA_40X30), (SHALLOW_CNN, FRONT_FACING_CAMERA)]
)
def test_both_sides_run_the_same_network(network, sensor, teacher: ModelFolder) -> None:  # type: ignore[no-untyped-def]
    cars = CameraCars(network, sensor, oval(), teacher)
    pictures = np.random.default_rng(0).integers(0, 256, (3, *sensor.shape), np.uint8)
    ours = cars.layout.policy(cars.torch.arrays()).forward(pictures)
    theirs = cars.torch([torch.from_numpy(pictures)]).detach().numpy()
    assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.slow
def test_a_network_that_imitates_drives_laps_in_the_core_and_by_torch(teacher: ModelFolder) -> None:
    cars = CameraCars(PADDOCK_CAMERA, PADDOCK_CAMERA_40X30, oval(), teacher)
    assert cars.native(2, 1).complete < 2, "an untrained network drives nowhere"
    cars.learn()
    ours, theirs = cars.native(2, 1), cars.by_torch(2, 1)
    assert (ours.complete, ours.wanted) == (2, 2)
    assert (theirs.complete, theirs.wanted) == (2, 2)
    assert abs(ours.steps - theirs.steps) <= 2, "only the order of sums differs"
