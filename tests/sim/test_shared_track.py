"""Several cars on one track at once: they begin on a grid, see each other and, if asked, run into each other."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from sim.episode import STATUSES, EpisodeRules, EpisodeStatus
from sim.objects import Bots, Boxes
from sim.reward_state import COLUMN, OBJECT_COLUMN, OBJECT_KINDS, REWARD_STATE
from sim.track import Direction
from sim.world import World
from tests.sim.ovals import oval, wave

KIND = OBJECT_COLUMN["kind"]
RACE = EpisodeRules.racing(laps=1, off_track_penalty_s=1.0, collision_penalty_s=1.0)


def straight_on(cars: int, speed: float = 1.0) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.tile([-2.5, speed], (cars, 1))


@pytest.mark.parametrize("direction", list(Direction))
def test_cars_begin_on_a_grid_behind_the_line_in_alternating_lanes(direction: Direction) -> None:
    track = oval().driven(direction)
    world = World(track, 4, seed=0, others="seen", rules=RACE)
    progress = world.reward_states[:, COLUMN["progress"]] / 100.0 * track.length_m
    assert -np.diff(progress) == pytest.approx(np.full(3, 0.75), abs=0.15)
    assert (progress[1:] < 0.0).all()
    left = world.reward_states[:, COLUMN["is_left_of_center"]]
    assert [a != b for a, b in pairwise(left)] == [True] * 3
    assert world.reward_states[:, COLUMN["distance_from_center"]] == pytest.approx(np.full(4, 0.2), abs=0.03)


def test_a_single_car_of_a_shared_track_begins_on_the_centre_line() -> None:
    alone, shared = World(oval(), 1, seed=0), World(oval(), 1, seed=0, others="solid")
    assert np.array_equal(alone.pose, shared.pose)
    assert shared.reward_states.shape == alone.reward_states.shape


def test_everybody_is_told_of_everybody_else_in_the_very_same_row() -> None:
    world = World(oval(), 3, seed=0, others="seen", rules=RACE)
    for _ in range(30):
        world.step(straight_on(3, 1.5))
        for car in range(3):
            others = [other for other in range(3) if other != car]
            assert np.array_equal(world.objects[car, :, :3], world.pose[others])
            assert [OBJECT_KINDS[int(kind)] for kind in world.objects[car, :, KIND]] == ["car", "car"]
            assert world.objects[car, :, OBJECT_COLUMN["speed"]].tolist() == [1.5, 1.5]


def test_cars_that_see_each_other_drive_as_they_would_alone() -> None:
    """From the same starts, far enough apart: same features to the bit, and so the same drive."""
    starts = np.array([0.0, 0.3, 0.6])
    random = np.random.default_rng(0)
    rules = EpisodeRules(auto_reset=False)
    alone, together = World(oval(), 3, seed=1, rules=rules), World(oval(), 3, seed=1, rules=rules, others="seen")
    for world in (alone, together):
        world.reset(start=starts)
    for _ in range(60):
        actions = np.column_stack([random.uniform(-8, 4, 3), random.uniform(0.5, 3, 3)])
        for world in (alone, together):
            world.step(actions)
        assert alone.features.tobytes() == together.features.tobytes()
        assert np.array_equal(alone.reward_states, together.reward_states[:, : len(REWARD_STATE)])


def place_in_line(world: World, gap_m: float) -> None:
    """Two cars behind each other on the first straight, the second car ahead."""
    world.place(np.array([[1.0, -1.5, 0.0], [1.0 + gap_m, -1.5, 0.0]]))


def test_seen_cars_drive_through_each_other_and_solid_ones_crash() -> None:
    for others in ("seen", "solid"):
        world = World(oval(), 2, seed=0, others=others, rules=RACE)  # type: ignore[arg-type]
        place_in_line(world, 0.6)
        found = set()
        for _ in range(25):
            world.step(np.array([[-2.5, 2.0], [-2.5, 0.1]]))
            found |= {STATUSES[code] for code in world.status}
        assert (EpisodeStatus.CRASHED in found) == (others == "solid")


def test_only_the_car_behind_crashes() -> None:
    world = World(oval(), 2, seed=0, others="solid", rules=RACE)
    place_in_line(world, 0.25)
    world.step(straight_on(2, 0.1))
    assert [STATUSES[code] for code in world.status] == [EpisodeStatus.CRASHED, EpisodeStatus.IN_PROGRESS]
    assert world.reward_states[:, COLUMN["is_crashed"]].tolist() == [1.0, 0.0]


def test_nobody_runs_into_a_car_that_waits_for_its_penalty() -> None:
    world = World(oval(), 2, seed=0, others="solid", rules=RACE)
    world.place(np.array([[1.0, -1.5, 0.0], [20.0, 20.0, 0.0]]))
    world.step(straight_on(2, 0.1))
    assert STATUSES[world.status[1]] is EpisodeStatus.OFF_TRACK
    world.step(straight_on(2, 0.1))
    x, y, yaw = world.pose[1]
    for row in range(20):
        poses = world.pose.copy()
        poses[0] = x - 0.2 * math.cos(yaw), y - 0.2 * math.sin(yaw), yaw
        world.place(poses)
        world.step(straight_on(2, 0.1))
        if STATUSES[world.status[1]] is not EpisodeStatus.PAUSE:
            break
        assert STATUSES[world.status[0]] is not EpisodeStatus.CRASHED, row
    assert STATUSES[world.status[0]] is EpisodeStatus.CRASHED, "when it drives again it can be hit"


def test_a_car_that_has_ended_leaves_the_road() -> None:
    rules = EpisodeRules(auto_reset=False)
    world = World(oval(), 2, seed=0, others="solid", rules=rules, lidar=True)
    world.place(np.array([[1.0, -1.5, 0.0], [20.0, 20.0, 0.0]]))
    world.step(straight_on(2, 0.1))
    assert world.done.tolist() == [False, True]
    assert OBJECT_KINDS[int(world.objects[0, 0, KIND])] == "car"
    world.step(straight_on(2, 0.1))
    assert OBJECT_KINDS[int(world.objects[0, 0, KIND])] == "parked"
    assert world._core.solids(0) == []
    assert len(world._core.solids(1)) == 1


def test_with_auto_reset_a_car_begins_anew_beside_whoever_is_there() -> None:
    world = World(oval(), 2, seed=0, others="solid", rules=EpisodeRules(start="advance"))
    world.place(np.array([[1.5, -1.5, 0.0], [20.0, 20.0, 0.0]]))
    world.step(straight_on(2, 0.1))
    assert world.done[1]
    world.step(straight_on(2, 0.1))
    assert STATUSES[world.status[1]] is EpisodeStatus.PREPARE
    assert world.reward_states[1, COLUMN["steps"]] == 1.0
    assert world.reward_states[1, COLUMN["distance_from_center"]] > 0.1, "in the lane that is free"


def test_boxes_and_bots_of_a_shared_track_are_the_same_for_all() -> None:
    for objects in (Boxes(2), Bots(2, speed_mps=1.0)):
        world = World(oval(), 3, seed=5, others="solid", objects=objects, rules=RACE)
        for _ in range(40):
            world.step(straight_on(3, 0.5))
        assert world.objects.shape[1] == 4
        shared = world.objects[:, :2]
        assert np.array_equal(shared[0], shared[1])
        assert np.array_equal(shared[0], shared[2])
    before = world.objects[0, 0].copy()
    world.reset(np.array([True, False, False]))
    assert np.array_equal(world.objects[0, 0], before), "one car alone does not move them"
    world.reset()
    assert not np.array_equal(world.objects[0, 0], before)


def test_the_bits_of_a_shared_track_do_not_depend_on_threads() -> None:
    random = np.random.default_rng(2)
    worlds = [
        World(
            oval(straight_m=9.0), 12, seed=3, others="solid", objects=Bots(3), lidar=True, lidar_noise_m=0.01, threads=n
        )
        for n in (1, 2, 5)
    ]
    for _ in range(150):
        actions = np.column_stack([random.uniform(-25, 20, 12), random.uniform(0.3, 3, 12)])
        for world in worlds:
            world.step(actions)
        for world in worlds[1:]:
            assert world.reward_states.tobytes() == worlds[0].reward_states.tobytes()
            assert world.lidar.tobytes() == worlds[0].lidar.tobytes()
            assert world.status.tobytes() == worlds[0].status.tobytes()


def test_too_many_cars_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 64"):
        World(oval(), 65, seed=0, others="seen")
    with pytest.raises(ValueError, match="starting grid"):
        World(oval(straight_m=1.0), 30, seed=0, others="seen")
    with pytest.raises(ValueError, match="others"):
        World(oval(), 2, seed=0, others="everywhere")  # type: ignore[arg-type]


def test_on_an_open_track_the_grid_is_the_line() -> None:
    world = World(wave(), 2, seed=0, others="seen")
    assert world.reward_states[:, COLUMN["projection_distance"]] == pytest.approx(np.full(2, 0.14), abs=0.1)
