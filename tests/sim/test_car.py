"""Cars and the real model_metadata.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
from sim.car import Car, CarError
from sim.sensors import FRONT_FACING_CAMERA, LIDAR, PADDOCK_CAMERA_40X30, STEREO_CAMERAS, TRACK_FEATURES

METADATA: dict[str, Any] = {
    "action_space": [
        {"steering_angle": -30.0, "speed": 1.0, "index": 0},
        {"steering_angle": 30.0, "speed": 2.0, "index": 1},
    ],
    "action_space_type": "discrete",
    "sensor": ["LIDAR"],
    "neural_network": "LIDAR",
    "training_algorithm": "clipped_ppo",
    "version": "4",
}


def test_the_default_car_can_be_trained() -> None:
    car = Car.default()
    assert car.trainable()
    assert car.action_space == DiscreteActionSpace.default()
    assert car.to_metadata()["sensor"] == ["PADDOCK_TRACK_VECTOR"]
    assert Car.from_metadata(json.loads(json.dumps(car.to_metadata()))) == car


@pytest.mark.parametrize(
    "file", ["console-reinvent-2018/model/model_metadata.json", "console-baadal-fast/model_metadata.json"]
)
def test_a_real_file_goes_round_unchanged(deepracer_data: Path, file: str) -> None:
    metadata = json.loads((deepracer_data / "logs" / file).read_text())
    car = Car.from_metadata(metadata)
    assert car.to_metadata() == metadata
    assert car.sensors == (FRONT_FACING_CAMERA,)
    assert car.trainable()


def test_a_continuous_car_goes_round() -> None:
    space = {"steering_angle": {"low": -20.0, "high": 20.0}, "speed": {"low": 0.75, "high": 4.0}}
    metadata = {**METADATA, "action_space": space, "action_space_type": "continuous", "version": "5"}
    car = Car.from_metadata(metadata)
    assert car.action_space == ContinuousActionSpace(-20.0, 20.0, 0.75, 4.0)
    assert car.to_metadata() == metadata


def test_the_index_says_which_action_is_which() -> None:
    backwards = {**METADATA, "action_space": METADATA["action_space"][::-1]}
    assert Car.from_metadata(backwards) == Car.from_metadata(METADATA)


def test_an_index_may_be_missing() -> None:
    actions = [{key: row[key] for key in ("steering_angle", "speed")} for row in METADATA["action_space"]]
    assert Car.from_metadata({**METADATA, "action_space": actions}) == Car.from_metadata(METADATA)


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"sensor": []}, "sensor", "list of names"),
        ({"sensor": "LIDAR"}, "sensor", "list of names"),
        ({"sensor": ["RADAR"]}, "sensor", "no sensor 'RADAR'"),
        ({"sensor": ["LIDAR", "SECTOR_LIDAR"]}, "sensor", "one lidar sensor"),
        ({"sensor": ["FRONT_FACING_CAMERA", "STEREO_CAMERAS"]}, "sensor", "one camera sensor"),
        ({"neural_network": "HUGE"}, "neural_network", "no network 'HUGE'"),
        ({"neural_network": 5}, "neural_network", "must be text"),
        ({"training_algorithm": "dqn"}, "training_algorithm", "no algorithm 'dqn'"),
        ({"training_algorithm": "sac"}, "training_algorithm", "continuous"),
        ({"action_space_type": "fuzzy"}, "action_space_type", "fuzzy"),
        ({"action_space_type": "continuous"}, "action_space", "low"),
        ({"action_space": None}, "action_space", "must be a list"),
        ({"action_space": [{"speed": 1.0}] * 2}, "action_space", "action 0"),
        ({"action_space": [{"steering_angle": True, "speed": 1.0}] * 2}, "action_space", "action 0"),
        ({"action_space": METADATA["action_space"][:1] * 2}, "action_space", "0 to 1, each once"),
        ({"action_space": METADATA["action_space"][:1]}, "action_space", "1 actions"),
        ({"action_space": [{"steering_angle": 0, "speed": 9}] * 2}, "action_space", "speed: 9 m/s"),
        ({"lidar_config": [1]}, "lidar_config", "object of numbers"),
    ],
)
def test_a_car_that_cannot_be_names_the_key(changes: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(CarError, match=reason) as refused:
        Car.from_metadata({**METADATA, **changes})
    assert refused.value.field == field
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_object_is_refused() -> None:
    with pytest.raises(CarError, match="one JSON object"):
        Car.from_metadata([])


@pytest.mark.parametrize(
    ("sensors", "network", "reason"),
    [
        ((LIDAR,), "DEEP_CONVOLUTIONAL_NETWORK", "choose Small or Wide"),
        ((TRACK_FEATURES,), "PADDOCK_CAMERA", "choose Small or Wide"),
        ((PADDOCK_CAMERA_40X30,), "PADDOCK_SMALL", "choose Small CNN or 3-layer CNN or"),
        ((FRONT_FACING_CAMERA, TRACK_FEATURES), "PADDOCK_CAMERA", "leave out a sensor"),
        ((PADDOCK_CAMERA_40X30,), "DEEP_CONVOLUTIONAL_NETWORK_SHALLOW", "too small"),
    ],
)
def test_a_network_fits_the_sensors(sensors: tuple[Any, ...], network: str, reason: str) -> None:
    car = Car(sensors, network, DiscreteActionSpace.default())
    with pytest.raises(CarError, match=reason) as refused:
        car.check_trainable()
    assert refused.value.field == "neural_network"
    assert "\n" not in str(refused.value)


def test_a_network_has_no_more_numbers_than_drive_here(monkeypatch: pytest.MonkeyPatch) -> None:
    car = Car((STEREO_CAMERAS,), "DEEP_CONVOLUTIONAL_NETWORK", DiscreteActionSpace.default())
    assert car.trainable(), "the largest that the console had"
    monkeypatch.setattr("sim.car.MOST_PARAMETERS", 57_000_000)
    with pytest.raises(CarError, match="58 million numbers, more than the 57 million") as refused:
        car.check_trainable()
    assert refused.value.field == "neural_network"


@pytest.mark.parametrize("sensor", [TRACK_FEATURES, LIDAR])
@pytest.mark.parametrize("network", ["PADDOCK_SMALL", "LIDAR"])
def test_track_vector_and_lidar_train_with_each_dense_network(sensor: Any, network: str) -> None:
    assert Car((sensor,), network, ContinuousActionSpace()).trainable()


@pytest.mark.parametrize(
    ("sensors", "network"),
    [
        ((PADDOCK_CAMERA_40X30,), "PADDOCK_CAMERA"),
        ((FRONT_FACING_CAMERA,), "PADDOCK_CAMERA"),
        ((FRONT_FACING_CAMERA,), "DEEP_CONVOLUTIONAL_NETWORK_SHALLOW"),
        ((FRONT_FACING_CAMERA, LIDAR), "DEEP_CONVOLUTIONAL_NETWORK"),
        ((FRONT_FACING_CAMERA,), "DEEP_CONVOLUTIONAL_NETWORK_DEEP"),
        ((STEREO_CAMERAS, LIDAR), "DEEP_CONVOLUTIONAL_NETWORK_SHALLOW"),
    ],
)
def test_cameras_train_with_networks_that_have_convolutions(sensors: tuple[Any, ...], network: str) -> None:
    assert Car(sensors, network, DiscreteActionSpace.default()).trainable()


def test_sac_trains_continuous_actions() -> None:
    car = Car((LIDAR,), "LIDAR", ContinuousActionSpace(), training_algorithm="sac")
    assert car.trainable()
    assert not car.can_continue(Car((LIDAR,), "LIDAR", ContinuousActionSpace())), "its network has a layer more"


def test_weights_fit_a_car_of_the_same_kind_only() -> None:
    car = Car.from_metadata(METADATA)
    other_values = [{**row, "speed": row["speed"] + 0.5} for row in METADATA["action_space"]]
    assert car.can_continue(Car.from_metadata({**METADATA, "action_space": other_values}))
    assert not car.can_continue(Car.from_metadata({**METADATA, "neural_network": "PADDOCK_SMALL"}))
    assert not car.can_continue(Car.from_metadata({**METADATA, "sensor": ["PADDOCK_TRACK_VECTOR"]}))
    assert not car.can_continue(Car((LIDAR,), "LIDAR", DiscreteActionSpace.default()))
    assert not car.can_continue(Car((LIDAR,), "LIDAR", ContinuousActionSpace()))
