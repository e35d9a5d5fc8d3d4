"""The LIDAR inputs that tell of sectors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.action_space import ContinuousActionSpace
from sim.car import Car, CarError
from sim.driver import Observer, needs_lidar
from sim.episode import EpisodeRules
from sim.evaluation import evaluate
from sim.learning.shape import observed_columns
from sim.native import _core
from sim.network_layout import trained_layout
from sim.objects import Boxes
from sim.reference.sector_lidar import sectors_seen
from sim.sector_lidar import Sectors, sectors_of
from sim.sensors import DISCRETIZED_SECTOR_LIDAR, LIDAR, SECTOR_LIDAR
from sim.track import Direction
from sim.world import World
from tests.sim.models import shaken, steering_arrays, write_model
from tests.sim.ovals import oval, points_near

BINARY = Car((SECTOR_LIDAR,), "PADDOCK_SMALL", ContinuousActionSpace())
STEPPED = Car((DISCRETIZED_SECTOR_LIDAR,), "PADDOCK_SMALL", ContinuousActionSpace())
KINDS = [Sectors(), Sectors(8, 8, 2.0), Sectors(4, 3, 1.3), Sectors(64, 0, 0.4), Sectors(1, 64, 12.0)]


@pytest.mark.parametrize("sectors", KINDS)
@pytest.mark.parametrize("noise_m", [0.0, 0.01])
def test_sectors_are_those_of_the_reference(sectors: Sectors, noise_m: float) -> None:
    track = oval()
    world = World(track, 60, seed=1, sectors=sectors, objects=Boxes(3), lidar_noise_m=noise_m)
    world.place(points_near(track, 60, 2))
    assert world.sectors.shape == (60, sectors.width)
    for beams, seen in zip(world.lidar.tolist(), world.sectors.tolist(), strict=True):
        assert seen == sectors_seen(beams, sectors)
    assert 0.0 < world.sectors.mean() < 1.0
    assert world.lidar_input is world.sectors


def test_eight_sectors_tell_whether_something_is_nearer_than_half_a_metre() -> None:
    world = World(oval(half_width_m=1.0), 1, seed=0, sectors=Sectors(), objects=Boxes(places=((0.3, 1),)))
    x, y, yaw = world.objects[0, 0, :3]
    for away, ahead in ((0.85, 0.0), (0.6, 1.0)):
        world.place(np.array([[x - away * np.cos(yaw), y - away * np.sin(yaw), yaw]]))
        assert world.sectors[0, 3:5].max() == ahead, "the two sectors about the heading"
    assert world.sectors[0, 0] == 0.0


def test_a_step_says_how_far_the_nearest_thing_of_a_sector_is() -> None:
    track = oval(half_width_m=1.0)
    world = World(track, 1, seed=0, sectors=Sectors(8, 8, 2.0), objects=Boxes(places=((0.1, 1),)), lidar_walls=False)
    x, y, yaw = world.objects[0, 0, :3]
    world.place(np.array([[x - 1.0 - 0.2 - _core.LIDAR_AHEAD_M, y, yaw]]))
    steps = world.sectors.reshape(8, 8)
    assert steps.sum(1).tolist() == [0, 0, 0, 1, 1, 0, 0, 0]
    assert steps[3].argmax() == steps[4].argmax() == 4, "1 m is in the step from 1 to 1.25 m"


def test_cars_carry_the_sectors_that_their_file_says() -> None:
    assert sectors_of(BINARY) == Sectors(8, 0, 0.5)
    assert sectors_of(STEPPED) == Sectors(8, 8, 2.0)
    assert sectors_of(Car((LIDAR,), "PADDOCK_SMALL", ContinuousActionSpace())) is None
    config = {"num_sectors": 16, "num_values_per_sector": 4, "clipping_dist": 3.0}
    other = Car.from_metadata({**STEPPED.to_metadata(), "lidar_config": config})
    assert sectors_of(other) == Sectors(16, 4, 3.0)
    assert len(observed_columns(other)) == 16 * 4 + 4
    assert needs_lidar(BINARY)


@pytest.mark.parametrize(
    "config",
    [
        {"num_sectors": 7},
        {"num_sectors": 0},
        {"num_values_per_sector": 0.5},
        {"clipping_dist": 0.1},
        {"num_sectors": 1e400},
    ],
)
def test_a_lidar_that_cannot_be_is_refused(config: dict[str, float]) -> None:
    car = replace(STEPPED, lidar_config=tuple(config.items()))
    with pytest.raises(CarError) as caught:
        trained_layout(car, 1)
    assert caught.value.field == "lidar_config"


@pytest.mark.parametrize("car", [BINARY, STEPPED], ids=["binary", "steps"])
def test_a_policy_drives_by_sectors(car: Car, tmp_path: Path) -> None:
    """What it sees in an evaluation is what it is shown in training."""
    assert car.trainable()
    world = World(oval(), 3, seed=0, lidar=True, sectors=sectors_of(car))
    seen = Observer(world, car).look()
    assert seen.shape == (3, trained_layout(car, 1).policy(steering_arrays(car)).inputs)
    sectors = sectors_of(car)
    assert sectors is not None
    assert np.array_equal(seen[:, : sectors.width], world.sectors)
    random = np.random.default_rng(0)
    arrays = shaken(steering_arrays(car), random, 0.3)
    folder = write_model(tmp_path / "model", oval(), car, arrays)
    rules = EpisodeRules.racing(laps=1, maximum_steps=90)
    results = [
        evaluate(folder, oval(), direction=Direction.CLOCKWISE, rules=rules, seed=4, objects=Boxes(2)) for _ in range(2)
    ]
    assert results[0].fingerprint == results[1].fingerprint
    assert results[0].trace.to_bytes() == results[1].trace.to_bytes()


@pytest.mark.parametrize(
    "wrong", [{"count": 3}, {"steps": -1}, {"steps": 65}, {"clip_m": 13.0}, {"clip_m": float("nan")}]
)
def test_sectors_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"it must be"):
        Sectors(**wrong)  # type: ignore[arg-type]
