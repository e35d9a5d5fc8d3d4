"""Models as ONNX: another runtime gives from the file what torch and the core give."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
from sim.car import Car
from sim.onnx_file import input_names, onnx_graph
from sim.sensors import (
    FRONT_FACING_CAMERA,
    LIDAR,
    MIDDLE_CNN,
    PADDOCK_CAMERA,
    PADDOCK_CAMERA_40X30,
    SHALLOW_CNN,
    STEREO_CAMERAS,
    TRACK_FEATURES,
)
from tests.sim.camera_frames import driven_world, frames, trained

HOW = "OpenVINO is not here: `./run test` installs it, or pip install -r tests/readers.lock"
ONE, RANGE = DiscreteActionSpace.default(), ContinuousActionSpace()
CARS = {
    "vector": Car((TRACK_FEATURES,), "PADDOCK_SMALL", RANGE),
    "vector and LIDAR": Car((LIDAR, TRACK_FEATURES), "LIDAR", ONE),
    "LIDAR": Car((LIDAR,), "PADDOCK_SMALL", ONE),
    "small picture": Car((PADDOCK_CAMERA_40X30,), PADDOCK_CAMERA.name, ONE),
    "3 layers, stereo and LIDAR": Car((STEREO_CAMERAS, LIDAR), SHALLOW_CNN.name, RANGE),
    "5 layers": Car((FRONT_FACING_CAMERA,), MIDDLE_CNN.name, ONE),
}


@pytest.mark.parametrize("name", CARS)
def test_a_runtime_gives_what_torch_and_the_core_give(name: str, tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino", reason=HOW)
    policy = trained(CARS[name])
    rows = frames(policy.car, driven_world(policy.car))
    file = tmp_path / "policy.onnx"
    file.write_bytes(onnx_graph(policy.car, policy.layout, policy.arrays))
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    fed = {key: row.astype(np.float32) for key, row in zip(input_names(policy.car), rows, strict=True)}
    assert [output.get_any_name() for output in compiled.outputs] == ["policy"]
    given = compiled(fed)[0]
    assert np.ptp(given, axis=0).max() > 1e-3, "the frames make no difference to this network"
    assert given == pytest.approx(policy.by_torch(rows), abs=1e-5)
    assert given == pytest.approx(policy.by_core(rows), abs=1e-5)


def test_it_tells_whose_it_is() -> None:
    policy = trained(CARS["small picture"])
    content = onnx_graph(policy.car, policy.layout, policy.arrays)
    assert json.dumps(policy.car.to_metadata()).encode() in content


def test_arrays_of_another_network_are_refused() -> None:
    policy, other = trained(CARS["small picture"]), trained(CARS["vector"])
    with pytest.raises(ValueError, match="not the arrays of this network"):
        onnx_graph(policy.car, policy.layout, other.arrays)
