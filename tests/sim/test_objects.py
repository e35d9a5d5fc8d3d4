"""Boxes and bots: where they are placed, how they drive and what a reward function is told, against the reference."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.episode import STATUSES, EpisodeRules, EpisodeStatus
from sim.native import _core
from sim.objects import (
    Bots,
    Boxes,
    ObjectsError,
    RaceType,
    TrackObjects,
    boxes_at,
    objects_from_json,
    objects_json,
    race_type,
)
from sim.reference.draws import Draws
from sim.reference.geometry import Geometry
from sim.reference.objects import (
    STREAM,
    BotTraffic,
    LaneCurve,
    Thing,
    object_parameters,
    placed_boxes,
    standing_pose,
    touched,
)
from sim.reward_state import COLUMN, OBJECT_COLUMN, OBJECT_KINDS, REWARD_STATE, reward_columns
from sim.track import Direction, Track
from sim.world import World, native_track
from tests.sim.ovals import oval, points_near, wave

CIRCUITS = {"oval": oval, "wave": wave}
SETTINGS: dict[str, TrackObjects] = {
    "drawn boxes": Boxes(3),
    "even boxes": Boxes(3, random=False),
    "fixed boxes": Boxes(places=((0.1, 1), (0.55, -1))),
    "bots": Bots(2, speed_mps=1.5),
    "drawn bots": Bots(2, speed_mps=0.7, random=True, lane_change_s=(0.3, 0.4)),
}
HERE = np.array([[0.0, 1.0]])


def reference(track: Track, objects: TrackObjects, seed: int, episode: int = 0) -> list[Thing] | BotTraffic:
    """The objects of car 0 at the beginning of an episode."""
    draws = Draws.of(seed ^ STREAM, 0, episode)
    geometry = Geometry.of(track)
    if isinstance(objects, Boxes):
        return placed_boxes(geometry, objects, draws)
    return BotTraffic(geometry, objects, draws)


def poses(world: World, car: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array(world.objects[car, :, :3])


def assert_there(world: World, things: list[Thing]) -> None:
    found = poses(world)
    expected = np.array([thing.pose for thing in things])
    assert found[:, :2] == pytest.approx(expected[:, :2], abs=1e-9)
    turned = np.angle(np.exp(1j * (found[:, 2] - expected[:, 2])))
    assert turned == pytest.approx(np.zeros(len(things)), abs=1e-9)


@pytest.mark.parametrize("objects", SETTINGS.values(), ids=list(SETTINGS))
@pytest.mark.parametrize("circuit", CIRCUITS.values(), ids=list(CIRCUITS))
@pytest.mark.parametrize("direction", list(Direction))
def test_objects_stand_where_the_reference_puts_them(circuit, objects: TrackObjects, direction: Direction) -> None:  # type: ignore[no-untyped-def]
    track = circuit().driven(direction)
    world = World(track, 1, seed=5, objects=objects)
    for episode in range(3):
        things = reference(track, objects, 5, episode)
        assert_there(world, things.things() if isinstance(things, BotTraffic) else things)
        world.reset()


@pytest.mark.parametrize("name", ["bots", "drawn bots"])
@pytest.mark.parametrize("direction", list(Direction))
def test_bots_drive_as_the_reference_does(name: str, direction: Direction) -> None:
    """Into a car that is slower they drive from behind, and stand for 2 s then."""
    track = oval().driven(direction)
    world = World(track, 1, seed=9, objects=SETTINGS[name], rules=EpisodeRules.racing())
    traffic, halts = reference(track, SETTINGS[name], 9), 0
    assert isinstance(traffic, BotTraffic)
    halt = False
    for _ in range(250):
        world.step(np.array([[2.0, 0.3]]))
        traffic.drive(halt=halt)
        things = traffic.things()
        assert_there(world, things)
        pose = tuple(world.pose[0].tolist())
        running = STATUSES[world.status[0]] is not EpisodeStatus.PAUSE
        halt = running and touched(traffic.geometry, pose, things) == "ahead"
        halts += halt and not traffic.standing
    assert (halts > 0) == (name == "bots"), "the other ones change lanes too soon to reach it"


def test_bots_change_lanes_after_the_seconds_that_were_drawn_and_never_jump() -> None:
    bots = Bots(1, speed_mps=1.0, lane_change_s=(1.0, 1.5))
    world = World(oval(straight_m=30.0), 1, seed=3, objects=bots, rules=EpisodeRules.racing())
    path, sides = [], []
    for _ in range(200):
        world.step(np.array([[0.0, 0.1]]))
        path.append(poses(world)[0])
        sides.append(bool(world.objects[0, 0, OBJECT_COLUMN["is_left_of_center"]]))
    steps = np.hypot(*np.diff(np.array(path)[:, :2], axis=0).T)
    assert steps.max() < 1.25 / 15, "across a lane change the path is a little longer than the way along the line"
    turns = np.abs(np.diff(np.unwrap(np.array(path)[:, 2])))
    assert turns.max() < 0.2
    changes = [row for row, (before, after) in enumerate(pairwise(sides)) if before != after]
    assert len(changes) >= 4
    apart = np.diff(changes) / 15.0  # one second for the change itself, and the time between two
    assert apart.min() >= 1.0 + 1.0 - 0.2
    assert apart.max() <= 1.0 + 1.5 + 0.2


def test_bots_without_lane_changes_keep_their_lanes() -> None:
    world = World(oval(), 1, seed=1, objects=Bots(3, speed_mps=2.0, lane_change_s=None), rules=EpisodeRules.racing())
    sides = world.objects[0, :, OBJECT_COLUMN["is_left_of_center"]].copy()
    assert sides.tolist() == [1.0, 0.0, 1.0], "in alternating lanes, the inner one first"
    for _ in range(100):
        world.step(HERE)
        assert world.objects[0, :, OBJECT_COLUMN["is_left_of_center"]].tolist() == sides.tolist()


def test_bots_of_a_closed_track_go_on_over_the_line() -> None:
    track = oval()
    world = World(track, 1, seed=1, objects=Bots(1, speed_mps=4.0), rules=EpisodeRules.racing())
    places = []
    for _ in range(150):
        world.step(HERE)
        places.append(float(world.objects[0, 0, OBJECT_COLUMN["distance"]]))
    forward = np.diff(places) % track.length_m
    assert forward == pytest.approx(np.full(149, 4.0 / 15), abs=0.12)
    assert min(places) < 0.5 < track.length_m - 0.5 < max(places)


def test_the_native_lanes_are_the_reference_s() -> None:
    for track in (oval(), wave(), oval().driven(Direction.CLOCKWISE)):
        lanes, geometry = _core.Lanes(native_track(track)), Geometry.of(track)
        for along in np.linspace(0.0, track.length_m - 1e-6, 60):
            for inner in (True, False):
                assert lanes.standing(along, inner) == pytest.approx(standing_pose(geometry, along, inner), abs=1e-9)
                (x, y), (dx, dy) = LaneCurve.of(geometry, inner).place(along)
                assert lanes.driving(along, inner, 0.0, 0.0) == pytest.approx((x, y, math.atan2(dy, dx)), abs=1e-9)


@pytest.mark.parametrize("name", ["drawn boxes", "fixed boxes", "drawn bots"])
@pytest.mark.parametrize("circuit", CIRCUITS.values(), ids=list(CIRCUITS))
@pytest.mark.parametrize("direction", list(Direction))
def test_every_object_parameter_is_the_reference_s(circuit, name: str, direction: Direction) -> None:  # type: ignore[no-untyped-def]
    track = circuit().driven(direction)
    count = 60
    world = World(track, count, seed=2, objects=SETTINGS[name])
    places = points_near(track, count, 1)
    world.place(places)
    geometry, seen = Geometry.of(track), 0
    for car in range(count):
        kinds = [OBJECT_KINDS[int(row[OBJECT_COLUMN["kind"]])] for row in world.objects[car]]
        speeds = world.objects[car, :, OBJECT_COLUMN["speed"]]
        things = [
            Thing(kind, (x, y, yaw), speed)  # type: ignore[arg-type]
            for kind, (x, y, yaw), speed in zip(kinds, poses(world, car).tolist(), speeds.tolist(), strict=True)
        ]
        told = object_parameters(geometry, tuple(places[car].tolist()), things)
        row = dict(zip(world.reward_columns, world.reward_states[car].tolist(), strict=True))
        assert [row["closest_object_prev"], row["closest_object_next"]] == told["closest_objects"]
        assert bool(row["object_in_camera"]) == told["object_in_camera"]
        seen += told["object_in_camera"]
        for index in range(len(things)):
            object_row = {name: row[f"object_{index}_{name}"] for name in OBJECT_COLUMN}
            assert object_row["distance"] == pytest.approx(told["objects_distance"][index], abs=1e-7)
            assert object_row["distance_from_center"] == pytest.approx(
                told["objects_distance_from_center"][index], abs=1e-7
            )
            assert bool(object_row["is_left_of_center"]) == told["objects_left_of_center"][index]
    assert 0 < seen < count, "some see the next object and some do not"


def test_alone_there_are_no_columns_of_objects() -> None:
    world = World(oval(), 2, seed=0)
    assert world.reward_states.shape == (2, len(REWARD_STATE))
    assert world.objects.shape == (2, 0, len(OBJECT_COLUMN))
    assert world.reward_columns == REWARD_STATE


def test_objects_are_a_view_of_the_reward_states() -> None:
    world = World(oval(), 3, seed=0, objects=Boxes(2))
    assert world.objects.shape == (3, 2, len(OBJECT_COLUMN))
    assert np.shares_memory(world.objects, world.reward_states)
    assert world.reward_states.shape[1] == len(reward_columns(2))


def test_each_car_has_boxes_of_its_own_and_each_episode_too() -> None:
    world = World(oval(), 3, seed=4, objects=Boxes(2))
    first = world.objects.copy()
    assert len({tuple(row[0, :2]) for row in first}) == 3
    world.reset(np.array([True, False, False]))
    assert not np.array_equal(world.objects[0], first[0])
    assert np.array_equal(world.objects[1:], first[1:])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**64 - 1),
    count=st.integers(1, 5),
    random=st.booleans(),
    straight=st.floats(3.0, 12.0),
    direction=st.sampled_from(list(Direction)),
)
def test_boxes_never_overlap_nor_stand_near_the_line_and_seeds_repeat(
    seed: int, count: int, random: bool, straight: float, direction: Direction
) -> None:
    track = oval(straight_m=straight).driven(direction)
    boxes = Boxes(count, random=random, minimum_gap_m=1.0)
    worlds = [World(track, 2, seed=seed, objects=boxes) for _ in range(2)]
    assert worlds[0].objects.tobytes() == worlds[1].objects.tobytes()
    for places in worlds[0].objects[:, :, OBJECT_COLUMN["distance"]]:
        assert (np.diff(places) > 0.98).all(), "the gap is kept along the line that they were placed by"
        assert places.min() > max(1.0, 0.07 * track.length_m) - 0.02
        assert places.max() < min(0.9 * track.length_m, track.length_m - 1.0) + 0.02
    for car in range(2):
        boxes_there = worlds[0].objects[car, :, :2]
        apart = [math.dist(a, b) for i, a in enumerate(boxes_there) for b in boxes_there[:i]]
        assert all(distance > math.hypot(0.4, 0.3) for distance in apart)
    on_track = World(track, 1, seed=0)
    for x, y, yaw in poses(worlds[0]):
        on_track.place(np.array([[x, y, yaw]]))
        assert on_track.reward_states[0, COLUMN["is_offtrack"]] == 0.0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 6), random=st.booleans(), speed=st.floats(0.2, 7.0))
def test_bots_start_two_metres_apart_and_seeds_repeat(seed: int, count: int, random: bool, speed: float) -> None:
    track = oval(straight_m=8.0)
    bots = Bots(count, speed_mps=speed, random=random)
    worlds = [World(track, 1, seed=seed, objects=bots, rules=EpisodeRules.racing()) for _ in range(2)]
    places = worlds[0].objects[0, :, OBJECT_COLUMN["distance"]].copy()
    assert (np.diff(places) > 1.95).all()
    assert places.min() > 1.95
    assert places.max() < track.length_m - 0.95
    for _ in range(30):
        for world in worlds:
            world.step(HERE)
    assert worlds[0].objects.tobytes() == worlds[1].objects.tobytes()
    assert worlds[0].objects[0, :, OBJECT_COLUMN["speed"]].tolist() == [speed] * count


def test_the_bits_do_not_depend_on_threads_or_company() -> None:
    random = np.random.default_rng(0)
    actions = np.column_stack([random.uniform(-30, 30, 12), random.uniform(0.5, 3, 12)])
    for objects in (Boxes(3), Bots(3, speed_mps=1.0)):
        one = World(oval(), 12, seed=7, objects=objects, lidar=True)
        four = World(oval(), 12, seed=7, objects=objects, lidar=True, threads=4)
        few = World(oval(), 3, seed=7, objects=objects, lidar=True)
        for _ in range(120):
            one.step(actions)
            four.step(actions)
            few.step(actions[:3].copy())
        assert one.reward_states.tobytes() == four.reward_states.tobytes()
        assert one.lidar.tobytes() == four.lidar.tobytes()
        assert one.reward_states[:3].tobytes() == few.reward_states.tobytes()


def test_boxes_change_nothing_of_a_drive_that_meets_none() -> None:
    alone = World(oval(), 4, seed=3)
    beside = World(oval(), 4, seed=3, objects=Boxes(places=((0.5, 1),)))
    for _ in range(40):
        for world in (alone, beside):
            world.step(np.tile([2.0, 1.0], (4, 1)))
    assert alone.features.tobytes() == beside.features.tobytes()
    assert np.array_equal(alone.reward_states, beside.reward_states[:, : len(REWARD_STATE)])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Boxes(),
        lambda: Boxes(21),
        lambda: Boxes(2.5),  # type: ignore[arg-type]
        lambda: Boxes(places=((0.1, 1.7),)),  # type: ignore[arg-type]
        lambda: Boxes(3, places=((0.1, 1),)),
        lambda: Boxes(places=((1.0, 1),)),
        lambda: Boxes(places=((0.1, 0),)),
        lambda: Boxes(2, first=0.9, last=0.1),
        lambda: Boxes(2, minimum_gap_m=math.nan),
        lambda: Bots(0),
        lambda: Bots(7),
        lambda: Bots(1.5),  # type: ignore[arg-type]
        lambda: Bots(1, speed_mps=0.1),
        lambda: Bots(1, speed_mps=math.inf),
        lambda: Bots(1, lane_change_s=(3.0, 2.0)),
        lambda: boxes_at("many"),
        lambda: boxes_at("0.5,1,2"),
        lambda: objects_from_json({"race_type": "time-trial", "count": 3}),
        lambda: objects_from_json({"race_type": "demolition"}),
        lambda: objects_from_json({"race_type": "head-to-bot", "count": 1, "colour": "red"}),
    ],
)
def test_objects_that_cannot_be_are_refused_in_one_line(wrong) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ObjectsError) as caught:
        wrong()
    assert "\n" not in str(caught.value)


def test_a_track_too_short_for_its_objects_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        World(oval(straight_m=1.0, radius_m=0.8), 2, seed=0, objects=Boxes(5), threads=2)
    with pytest.raises(ValueError, match="too short"):
        World(oval(straight_m=1.0, radius_m=0.8), 1, seed=0, objects=Bots(6))


def test_race_types_survive_json() -> None:
    for objects in (None, Boxes(3), Boxes(places=((0.25, -1),)), Bots(6, lane_change_s=None), Bots(2)):
        assert objects_from_json(json.loads(json.dumps(objects_json(objects)))) == objects
    assert [race_type(objects) for objects in (None, Boxes(1), Bots(1))] == list(RaceType)
    assert boxes_at("3") == Boxes(3)
    assert boxes_at("0.2,1;0.55,-1") == Boxes(places=((0.2, 1), (0.55, -1)))
