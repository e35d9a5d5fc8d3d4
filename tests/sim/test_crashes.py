"""Running into boxes, bots and other cars: a test for each sentence of the rules."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.episode import STATUSES, STEP_S, EpisodeRules, EpisodeStatus
from sim.objects import Bots, Boxes
from sim.reference.geometry import Geometry
from sim.reference.objects import (
    CAR_RECTANGLE_M,
    Thing,
    lane_pose,
    nearest_within_a_metre,
    pose_before,
    rectangle,
    touched,
)
from sim.reward_state import COLUMN, OBJECT_COLUMN
from sim.track import Direction, Track
from sim.world import World
from tests.sim.ovals import oval, wave

IS_CRASHED = COLUMN["is_crashed"]
IN_FRONT = Boxes(places=((0.15, 1),))
"""A box in the inner lane of the first straight of the oval, 2.6 m after the line."""
RACE = EpisodeRules.racing(laps=2, off_track_penalty_s=2.0, collision_penalty_s=5.0)


def action(steering: float, speed: float, cars: int = 1) -> NDArray[np.float64]:
    return np.tile([steering, speed], (cars, 1))


def status(world: World, car: int = 0) -> EpisodeStatus:
    return STATUSES[world.status[car]]


def things_of(world: World, car: int = 0) -> list[Thing]:
    kinds = ("box", "bot", "car")
    return [
        Thing(kinds[int(row[OBJECT_COLUMN["kind"]])], tuple(row[:3].tolist()), float(row[3]))  # type: ignore[arg-type]
        for row in world.objects[car]
    ]


def put_behind_box(world: World, away_m: float = 0.8) -> None:
    """The car in the box's lane, heading for it."""
    x, y, yaw = world.objects[0, 0, :3]
    world.place(np.array([[x - away_m * math.cos(yaw), y - away_m * math.sin(yaw), yaw]]))


def drive_until_it_ends(world: World, speed: float = 2.0, most: int = 60) -> EpisodeStatus:
    for _ in range(most):
        world.step(action(-2.5, speed))  # against the pull to the left
        if status(world) is not EpisodeStatus.IN_PROGRESS:
            break
    return status(world)


def test_a_corner_of_the_car_inside_a_boxs_rectangle_ends_a_training_episode() -> None:
    world = World(oval(), 1, seed=0, objects=IN_FRONT)
    put_behind_box(world)
    assert drive_until_it_ends(world) is EpisodeStatus.CRASHED
    assert world.done[0]
    assert world.reward_states[0, IS_CRASHED] == 1.0
    front = rectangle(tuple(world.pose[0].tolist()), CAR_RECTANGLE_M).exterior.coords[0]
    assert math.dist(front, world.objects[0, 0, :2]) < 0.4


@pytest.mark.parametrize("direction", list(Direction))
def test_touching_is_that_of_the_reference_at_thousands_of_places(direction: Direction) -> None:
    track = oval().driven(direction)
    random = np.random.default_rng(1)
    count = 3000
    geometry = Geometry.of(track)
    for objects in (IN_FRONT, Bots(1)):
        world = World(track, count, seed=0, objects=objects)
        middles = world.objects[:, 0, :2] + random.uniform(-0.5, 0.5, (count, 2))
        places = np.column_stack([middles, random.uniform(-math.pi, math.pi, count)])
        world.place(places)
        told = world.reward_states[:, IS_CRASHED]
        for car in range(count):
            kind = touched(geometry, tuple(places[car].tolist()), things_of(world, car))
            assert told[car] == float(kind in ("box", "behind"))
        assert 0.1 < told.mean() < 0.9


def test_a_corner_on_the_edge_of_a_rectangle_is_outside() -> None:
    world = World(oval(), 1, seed=0, objects=IN_FRONT)
    x, y, yaw = world.objects[0, 0, :3]
    assert yaw == 0.0, "the straight runs along x"
    edge = 0.25 + CAR_RECTANGLE_M[0] / 2
    for away, crashed in ((edge + 1e-9, 0.0), (edge - 1e-9, 1.0)):
        world.place(np.array([[x - away, y, 0.0]]))
        assert world.reward_states[0, IS_CRASHED] == crashed
    world.place(np.array([[x, y - 0.6, math.pi / 2]]))
    assert world.reward_states[0, IS_CRASHED] == 0.0
    sideways = 0.2 + CAR_RECTANGLE_M[0] / 2
    world.place(np.array([[x, y - sideways + 1e-6, math.pi / 2]]))
    assert world.reward_states[0, IS_CRASHED] == 1.0, "the rectangle is 0.5 m along the lane and 0.4 m across"


def test_driving_past_a_box_in_the_other_lane_is_no_crash() -> None:
    world = World(oval(half_width_m=0.6), 1, seed=0, objects=IN_FRONT)
    x, y, _ = world.objects[0, 0, :3]
    world.place(np.array([[x - 0.8, y - 0.6, 0.0]]))
    for _ in range(20):
        world.step(action(-2.5, 1.5))
        assert status(world) is EpisodeStatus.IN_PROGRESS
    assert world.reward_states[0, COLUMN["x"]] > x


def test_a_crash_in_a_race_costs_the_collision_penalty_and_leaving_the_track_the_other() -> None:
    world = World(oval(), 1, seed=0, objects=IN_FRONT, rules=RACE)
    put_behind_box(world)
    assert drive_until_it_ends(world) is EpisodeStatus.CRASHED
    assert not world.done[0]
    rows = 0
    world.step(action(0.0, 1.0))
    while status(world) is EpisodeStatus.PAUSE:
        rows += 1
        assert world.reward_states[0, IS_CRASHED] == 0.0
        world.step(action(0.0, 1.0))
    assert rows == round(5.0 / STEP_S)
    world.place(np.array([[20.0, 20.0, 0.0]]))
    world.step(action(0.0, 1.0))
    assert status(world) is EpisodeStatus.OFF_TRACK
    rows = 0
    world.step(action(0.0, 1.0))
    while status(world) is EpisodeStatus.PAUSE:
        rows += 1
        world.step(action(0.0, 1.0))
    assert rows == round(2.0 / STEP_S)


def test_turning_back_costs_the_off_track_penalty_and_standing_one_row() -> None:
    rules = EpisodeRules.racing(off_track_penalty_s=2.0, collision_penalty_s=5.0)
    backwards = World(oval(half_width_m=1.2), 1, seed=0, rules=rules)
    x, y, yaw = backwards.pose[0]
    backwards.place(np.array([[x + 2.0, y, yaw + math.pi]]))
    for _ in range(40):
        backwards.step(action(0.0, 0.5))
        if status(backwards) is EpisodeStatus.REVERSED:
            break
    assert status(backwards) is EpisodeStatus.REVERSED
    assert pause_rows(backwards) == 30
    standing = World(oval(), 1, seed=0, rules=rules)
    spot = standing.pose.copy()
    for _ in range(40):
        standing.place(spot)
        standing.step(action(0.0, 0.1))
        if status(standing) is EpisodeStatus.IMMOBILIZED:
            break
    assert status(standing) is EpisodeStatus.IMMOBILIZED
    assert pause_rows(standing) == 1


def pause_rows(world: World) -> int:
    """How many rows of `pause` follow."""
    rows = 0
    world.step(action(0.0, 1.0))
    while status(world) is EpisodeStatus.PAUSE:
        rows += 1
        world.step(action(0.0, 1.0))
    return rows


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("lane", [1, -1])
def test_after_a_crash_the_car_stands_a_metre_before_the_box_in_the_other_lane(direction: Direction, lane: int) -> None:
    track = oval().driven(direction)
    world = World(track, 1, seed=0, objects=Boxes(places=((0.12, lane),)), rules=RACE)
    put_behind_box(world)
    assert drive_until_it_ends(world) is EpisodeStatus.CRASHED
    box = things_of(world)[0]
    world.step(action(0.0, 1.0))
    assert world.pose[0] == pytest.approx(pose_before(Geometry.of(track), box), abs=1e-9)
    along = float(world.objects[0, 0, OBJECT_COLUMN["distance"]])
    front = float(world.reward_states[0, COLUMN["projection_distance"]])
    assert along - (front - 0.14) == pytest.approx(1.0, abs=0.05)
    assert world.box_resets[0] == 1


def test_a_car_that_left_the_track_beside_a_box_is_put_before_it_too() -> None:
    track = oval()
    world = World(track, 1, seed=0, objects=IN_FRONT, rules=RACE)
    x, y, _ = world.objects[0, 0, :3]
    world.place(np.array([[x - 0.6, y - 1.5, 0.0]]))
    world.step(action(0.0, 0.1))
    assert status(world) is EpisodeStatus.OFF_TRACK
    world.step(action(0.0, 0.1))
    assert world.pose[0] == pytest.approx(pose_before(Geometry.of(track), things_of(world)[0]), abs=1e-9)


def test_with_mercy_the_third_reset_at_a_box_is_beyond_it() -> None:
    rules = EpisodeRules.racing(collision_penalty_s=0.0, mercy_after=3)
    world = World(oval(), 1, seed=0, objects=IN_FRONT, rules=rules)
    gaps, counts = [], []
    for _ in range(3):
        put_behind_box(world, 0.5)
        assert drive_until_it_ends(world) is EpisodeStatus.CRASHED
        counts.append(int(world.box_resets[0]))
        world.step(action(0.0, 0.1))
        along = float(world.objects[0, 0, OBJECT_COLUMN["distance"]])
        gaps.append(float(world.reward_states[0, COLUMN["projection_distance"]]) - 0.14 - along)
        world.step(action(0.0, 0.1))
    assert gaps == pytest.approx([-1.0, -1.0, 1.0], abs=0.02)
    assert counts == [1, 2, 0], "counted in the row of the crash; mercy begins to count anew"


@pytest.mark.parametrize("reset_at", ["current", "previous"])
def test_where_a_car_is_put_back_that_left_the_track_is_a_rule(reset_at: str) -> None:
    track = oval()
    rules = EpisodeRules.racing(reset_at=reset_at)  # type: ignore[arg-type]
    world = World(track, 1, seed=0, rules=rules)
    world.place(np.array([[1.0, -1.5, -1.0]]))
    before: list[float] = []
    while True:
        before.append(float(world.reward_states[0, COLUMN["projection_distance"]]))
        world.step(action(0.0, 2.0))
        if status(world) is EpisodeStatus.OFF_TRACK:
            break
        assert status(world) is EpisodeStatus.IN_PROGRESS
    at = before[-1] if reset_at == "previous" else float(world.reward_states[0, COLUMN["projection_distance"]])
    assert abs(at - before[-1]) > 0.02 or reset_at == "previous"
    world.step(action(0.0, 1.0))
    assert world.pose[0] == pytest.approx(lane_pose(Geometry.of(track), at / track.length_m, False), abs=1e-9)


def test_a_crash_is_put_right_at_the_current_progress_under_either_rule() -> None:
    poses = []
    for reset_at in ("current", "previous"):
        rules = EpisodeRules.racing(reset_at=reset_at)  # type: ignore[arg-type]
        world = World(oval(), 1, seed=0, objects=IN_FRONT, rules=rules)
        put_behind_box(world)
        assert drive_until_it_ends(world) is EpisodeStatus.CRASHED
        world.step(action(0.0, 1.0))
        poses.append(world.pose[0].copy())
    assert np.array_equal(*poses)


def test_completing_the_lap_beats_a_crash_on_the_line() -> None:
    track = oval()
    world = World(track, 1, seed=0, objects=Boxes(places=((0.03, 1),)))
    world.reset(start=np.array([0.02]))
    centre = Geometry.of(track).centre
    for along in (0.3, 0.6, 0.9):
        spot = centre.interpolate(along * track.length_m)
        world.place(np.array([[spot.x, spot.y, 0.0]]))
        world.step(action(0.0, 0.1))
        assert status(world) is EpisodeStatus.IN_PROGRESS
    box = things_of(world)[0]
    world.place(np.array([[box.pose[0] - 0.2, box.pose[1], 0.0]]))
    assert world.reward_states[0, IS_CRASHED] == 1.0
    world.step(action(0.0, 0.1))
    assert status(world) is EpisodeStatus.LAP_COMPLETE
    assert world.reward_states[0, IS_CRASHED] == 1.0, "the function is told of the crash all the same"


def test_with_bots_a_crash_counts_only_behind_the_bot() -> None:
    rules = EpisodeRules.racing()
    for ahead in (False, True):
        world = World(oval(), 1, seed=0, objects=Bots(1), rules=rules)
        x, y, yaw = world.objects[0, 0, :3]
        away = 0.2 if ahead else -0.2
        world.place(np.array([[x + away * math.cos(yaw), y + away * math.sin(yaw), yaw]]))
        world.step(action(0.0, 0.1))
        found = touched(Geometry.of(oval()), tuple(world.pose[0].tolist()), things_of(world))
        assert found == ("ahead" if ahead else "behind")
        assert status(world) is (EpisodeStatus.IN_PROGRESS if ahead else EpisodeStatus.CRASHED)
        assert world.reward_states[0, IS_CRASHED] == float(not ahead)


def test_a_car_that_ran_into_a_bot_waits_where_it_is_while_the_bot_drives_on() -> None:
    world = World(oval(), 1, seed=0, objects=Bots(1, speed_mps=0.4), rules=RACE)
    x, y, yaw = world.objects[0, 0, :3]
    world.place(np.array([[x - 0.25 * math.cos(yaw), y - 0.25 * math.sin(yaw), yaw]]))
    world.step(action(0.0, 2.0))
    assert status(world) is EpisodeStatus.CRASHED
    where, bot = world.pose[0].copy(), float(world.objects[0, 0, OBJECT_COLUMN["distance"]])
    for _ in range(75):
        world.step(action(0.0, 2.0))
        assert status(world) is EpisodeStatus.PAUSE
        assert np.array_equal(world.pose[0], where)
    assert float(world.objects[0, 0, OBJECT_COLUMN["distance"]]) - bot == pytest.approx(0.4 * 5.0, abs=0.1)


def test_a_bot_that_drives_into_a_car_stands_for_two_seconds_with_all_others() -> None:
    world = World(oval(), 1, seed=0, objects=Bots(2, speed_mps=0.5), rules=EpisodeRules.racing())
    x, y, yaw = world.objects[0, 0, :3]
    world.place(np.array([[x + 0.2 * math.cos(yaw), y + 0.2 * math.sin(yaw), yaw]]))
    world.step(action(0.0, 0.1))
    stood = world.objects[0, :, :3].copy()
    world.place(np.array([[x + 1.5 * math.cos(yaw), y + 1.5 * math.sin(yaw), yaw]]))
    for _ in range(30):
        world.step(action(0.0, 2.0))
        assert np.array_equal(world.objects[0, :, :3], stood)
    world.step(action(0.0, 2.0))
    assert not np.array_equal(world.objects[0, :, :3], stood)


@pytest.mark.parametrize("lane", [1, -1])
@pytest.mark.parametrize("away_m", [-0.9, 0.9])
def test_a_start_within_a_metre_of_an_object_is_in_the_other_lane(lane: int, away_m: float) -> None:
    track = oval()
    world = World(track, 1, seed=0, objects=Boxes(places=((0.5, lane),)))
    start = 0.5 + away_m / track.length_m
    world.reset(start=np.array([start]))
    geometry = Geometry.of(track)
    assert nearest_within_a_metre(geometry, start, things_of(world)) is not None
    assert world.pose[0] == pytest.approx(lane_pose(geometry, start, lane < 0), abs=1e-9)
    world.reset(start=np.array([0.5 + 1.05 * math.copysign(1.0, away_m) / track.length_m]))
    assert world.reward_states[0, COLUMN["distance_from_center"]] < 0.02, "further away it is on the centre line"


def test_objects_across_the_start_line_are_near_too() -> None:
    track = oval()
    world = World(track, 1, seed=0, objects=Boxes(places=((1.0 - 0.5 / track.length_m, 1),)))
    assert world.pose[0] == pytest.approx(lane_pose(Geometry.of(track), 0.0, False), abs=1e-9)


def test_a_time_cap_ends_a_race_with_objects_too() -> None:
    rules = EpisodeRules.racing(laps=5, maximum_steps=40)
    world = World(oval(), 1, seed=0, objects=Bots(3), rules=rules)
    for _ in range(39):
        assert not world.done[0]
        world.step(action(0.0, 0.5))
    assert world.done[0]


def test_an_open_track_has_boxes_too() -> None:
    track = wave()
    world = World(track, 1, seed=0, objects=Boxes(places=((0.05, 1),)), rules=RACE)
    assert nearest_within_a_metre(Geometry.of(track), 0.0, things_of(world)) is not None
    put_behind_box(world, 0.4)
    world.step(action(0.0, 1.0))
    for _ in range(30):
        if status(world) is not EpisodeStatus.IN_PROGRESS:
            break
        world.step(action(0.0, 1.0))
    assert status(world) is EpisodeStatus.CRASHED
    world.step(action(0.0, 1.0))
    assert world.pose[0] == pytest.approx(lane_pose(Geometry.of(track), 0.0, False), abs=1e-9)


@pytest.mark.parametrize("wrong", [{"reset_at": "elsewhere"}, {"mercy_after": -1}, {"collision_penalty_s": -1.0}])
def test_rules_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EpisodeRules(**wrong)  # type: ignore[arg-type]


def test_two_cars_have_the_rules_of_their_own_tracks() -> None:
    """A crash of one car leaves a neighbour alone."""
    world = World(oval(), 2, seed=0, objects=IN_FRONT)
    x, y, yaw = world.objects[0, 0, :3]
    world.place(np.array([[x - 0.5, y, yaw], [x - 0.5, y - 0.4, yaw]]))
    for _ in range(15):
        world.step(action(-2.5, 1.0, 2))
        if world.done[0]:
            break
    assert status(world, 0) is EpisodeStatus.CRASHED
    assert status(world, 1) is EpisodeStatus.IN_PROGRESS


def test_the_oval_of_these_tests_is_wide_enough_for_a_lane_beside_a_box() -> None:
    track: Track = oval()
    assert track.width_m / 4 + 0.2 > CAR_RECTANGLE_M[1] / 2
