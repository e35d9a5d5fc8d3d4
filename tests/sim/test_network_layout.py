"""The layers behind a car's sensors: DeepRacer's networks as its source builds them, and Paddock's own."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
from sim.car import Car
from sim.layers import Numbers, Picture
from sim.learning.shape import observed_columns
from sim.network_layout import NetworkLayout, layout_of, network_layout
from sim.sensors import (
    CONSOLE_MIDDLE_CNN,
    DEEP_CNN,
    DISCRETIZED_SECTOR_LIDAR,
    FRONT_FACING_CAMERA,
    LIDAR,
    LIDAR_DENSE,
    MIDDLE_CNN,
    NETWORKS,
    PADDOCK_CAMERA,
    PADDOCK_CAMERA_40X30,
    PADDOCK_SMALL,
    SHALLOW_CNN,
    STEREO_CAMERAS,
    TRACK_FEATURES,
    Network,
    Sensor,
    SensorKind,
)

FRONT = (FRONT_FACING_CAMERA, Picture(120, 160))
STEREO = (STEREO_CAMERAS, Picture(120, 160, 2))
LITTLE = (FRONT_FACING_CAMERA, Picture(30, 40))
BEAMS = (LIDAR, Numbers(64))
VECTOR = (TRACK_FEATURES, Numbers(27))


def shapes(network: Network, *sees: tuple[Sensor, Numbers | Picture]) -> dict[str, tuple[int, ...]]:
    found = network_layout(network, sees, 10, continuous=False).arrays()
    return {name.removeprefix("policy.").removesuffix(".weight"): s for name, s in found.items() if "weight" in name}


def test_the_3_layer_network_sees_a_picture_as_the_real_one() -> None:
    assert shapes(SHALLOW_CNN, FRONT) == {
        "camera.0": (32, 1, 8, 8),
        "camera.1": (64, 32, 4, 4),
        "camera.2": (64, 64, 3, 3),
        "0": (512, 11 * 16 * 64),
        "1": (10, 512),
    }


def test_the_deeper_networks_are_those_of_the_real_car() -> None:
    middle, deep = shapes(MIDDLE_CNN, FRONT), shapes(DEEP_CNN, FRONT)
    assert [middle[f"camera.{layer}"] for layer in range(5)] == [
        (32, 1, 5, 5),
        (32, 32, 3, 3),
        (64, 32, 3, 3),
        (64, 64, 3, 3),
        (64, 25 * 35 * 64),
    ]
    assert [middle["0"], middle["1"]] == [(512, 64), (10, 512)]
    assert [deep[f"camera.{layer}"][0] for layer in range(6)] == [32, 32, 64, 64, 512, 512]
    assert [deep["0"], deep["1"], deep["2"]] == [(256, 512), (128, 256), (10, 128)]


def test_the_consoles_own_5_layer_network_looks_at_each_place_by_itself() -> None:
    theirs = shapes(CONSOLE_MIDDLE_CNN, FRONT)
    assert theirs["camera.4"] == (64, 64, 1, 1)
    assert theirs["0"] == (512, 25 * 35 * 64)
    assert CONSOLE_MIDDLE_CNN.real_name == MIDDLE_CNN.real_name == MIDDLE_CNN.name
    assert shapes(CONSOLE_MIDDLE_CNN, STEREO) == shapes(MIDDLE_CNN, STEREO)


def test_a_pair_of_cameras_has_two_channels_and_deeper_convolutions_of_its_own() -> None:
    assert shapes(SHALLOW_CNN, STEREO)["camera.0"] == (32, 2, 8, 8)
    assert [shapes(MIDDLE_CNN, STEREO)[f"camera.{layer}"][0] for layer in range(5)] == [32, 64, 64, 128, 128]
    assert "camera.5" not in shapes(MIDDLE_CNN, STEREO)
    two_frames = (FRONT_FACING_CAMERA, Picture(120, 160, 2))
    assert shapes(MIDDLE_CNN, two_frames)["camera.0"] == (32, 2, 5, 5), "two frames of one camera are no pair"


def test_towers_stand_side_by_side_in_the_order_of_the_sensors() -> None:
    found = shapes(SHALLOW_CNN, FRONT, BEAMS, VECTOR)
    assert [found["lidar.0"], found["lidar.1"]] == [(256, 64), (256, 256)]
    assert found["0"] == (512, 11 * 16 * 64 + 256 + 27)


def test_the_small_camera_network_does_a_hundredth_of_the_work() -> None:
    def products(network: Network, sees: tuple[Sensor, Picture]) -> int:
        layout = network_layout(network, [sees], 10, continuous=False)
        total = sum(int(np.prod(shape)) for name, shape in layout.arrays().items() if name.split(".")[1] != "camera")
        grid, channels = sees[1].grid, sees[1].channels
        for filters, kernel, stride in layout.towers[0].convolutions:
            grid = ((grid[0] - kernel) // stride + 1, (grid[1] - kernel) // stride + 1, filters)
            total += int(np.prod(grid)) * kernel * kernel * channels
            channels = filters
        return total

    assert shapes(PADDOCK_CAMERA, LITTLE)["0"] == (64, 6 * 9 * 16)
    assert 100 < products(SHALLOW_CNN, FRONT) / products(PADDOCK_CAMERA, LITTLE) < 200


def test_dense_networks_keep_the_names_that_files_have() -> None:
    assert shapes(PADDOCK_SMALL, VECTOR) == {"0": (64, 27), "1": (64, 64), "2": (10, 64)}
    assert shapes(LIDAR_DENSE, BEAMS) == {"0": (256, 64), "1": (256, 256), "2": (10, 256)}


@pytest.mark.parametrize("continuous", [False, True])
def test_a_layout_becomes_a_policy(continuous: bool) -> None:
    layout = network_layout(PADDOCK_CAMERA, [LITTLE, BEAMS], 2, continuous=continuous)
    random = np.random.default_rng(0)
    arrays = {name: random.normal(size=shape).astype(np.float32) for name, shape in layout.arrays().items()}
    policy = layout.policy(arrays)
    seen = [random.integers(0, 256, (3, 30, 40), np.uint8), random.random((3, 64), np.float32)]
    outputs = policy.forward(seen)
    assert outputs.shape == (3, 2)
    assert (np.abs(outputs).max() <= 1.0) == continuous, "means go through tanh"


@pytest.mark.parametrize("change", ["missing", "odd", "shape"])
def test_arrays_of_another_network_are_refused(change: str) -> None:
    layout = network_layout(PADDOCK_SMALL, [VECTOR], 10, continuous=False)
    arrays = {name: np.zeros(shape, np.float32) for name, shape in layout.arrays().items()}
    if change == "missing":
        del arrays["policy.1.bias"]
    elif change == "odd":
        arrays["policy.7.bias"] = np.zeros(4, np.float32)
    else:
        arrays["policy.1.bias"] = np.zeros(65, np.float32)
    with pytest.raises(ValueError, match=r"policy\.[17]\.bias"):
        layout.policy(arrays)


def test_pictures_that_a_network_cannot_see_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot see pictures"):
        network_layout(PADDOCK_SMALL, [FRONT], 10, continuous=False)
    with pytest.raises(ValueError, match="does not fit"):
        network_layout(SHALLOW_CNN, [LITTLE], 10, continuous=False).arrays()


def test_every_network_has_layers() -> None:
    for network in NETWORKS.values():
        sees = [FRONT] if SensorKind.CAMERA in network.kinds else [VECTOR]
        layout = network_layout(network, sees, 3, continuous=True)
        assert isinstance(layout, NetworkLayout)
        assert len(layout.arrays()) >= 4


def test_a_cars_network_sees_its_sensors_frame_by_frame() -> None:
    camera_car = Car((PADDOCK_CAMERA_40X30, LIDAR, TRACK_FEATURES), PADDOCK_CAMERA.name, DiscreteActionSpace.default())
    assert [tower.sees for tower in layout_of(camera_car, 3).towers] == [Picture(30, 40, 3), Numbers(192), Numbers(81)]
    config = (("num_sectors", 4.0), ("num_values_per_sector", 3.0))
    sectors_car = Car(
        (DISCRETIZED_SECTOR_LIDAR, FRONT_FACING_CAMERA), SHALLOW_CNN.name, ContinuousActionSpace(), lidar_config=config
    )
    assert [tower.sees for tower in layout_of(sectors_car, 2).towers] == [Numbers(24), Picture(120, 160, 2)]
    beams_car = Car((LIDAR,), PADDOCK_SMALL.name, ContinuousActionSpace())
    layout = layout_of(beams_car, 2)
    assert [tower.sees for tower in layout.towers] == [Numbers(136)], "the beams and the car's own motion"
    assert layout.continuous
    with pytest.raises(ValueError, match="cannot see pictures"):
        layout_of(Car((FRONT_FACING_CAMERA,), PADDOCK_SMALL.name, DiscreteActionSpace.default()))


@pytest.mark.parametrize("car", [Car.default(), Car((LIDAR,), LIDAR_DENSE.name, ContinuousActionSpace())])
def test_dense_networks_have_the_arrays_that_trained_ones_have(car: Car) -> None:
    sizes = [len(observed_columns(car)) * 2, *NETWORKS[car.neural_network].dense, car.action_space.size]
    found = [shape for name, shape in layout_of(car, 2).arrays().items() if name.endswith("weight")]
    assert found == [(outputs, inputs) for inputs, outputs in pairwise(sizes)]
