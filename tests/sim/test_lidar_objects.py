"""What LIDAR measures of boxes, bots, cars and walls, against Shapely."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely.affinity  # type: ignore[import-untyped]

from sim.camera import Camera
from sim.looks import LOOKS, REINVENT, Look
from sim.native import _core
from sim.objects import Bots, Boxes, TrackObjects
from sim.track import Track
from sim.world import BEAM_COUNT, World
from tests.sim.ovals import oval, points_near

HALF_SWEEP = 2.61799
AHEAD_M = 0.02913
"""Of the base: where the real car's description has the joint of its LIDAR."""


def around(track: Track, look: Look) -> shapely.LineString:
    """The walls around the field that a camera sees with this look."""
    low_x, low_y, high_x, high_y = track.bounds
    away = look.wall_distance_m
    return shapely.box(low_x - away, low_y - away, high_x + away, high_y + away).exterior


def nearest(world: World, track: Track, car: int, clip_m: float, walls: bool, look: Look | None = None) -> list[float]:
    """Each beam's way to the nearest border, wall or drawn body, by intersecting lines."""
    x, y, yaw = world.pose[car]
    x, y = x + AHEAD_M * math.cos(yaw), y + AHEAD_M * math.sin(yaw)
    lines = [around(track, look)] if look else []
    lines += [shapely.LineString(track.inner), shapely.LineString(track.outer)] if walls else []
    for _, sx, sy, turned, length, width, _ in world._core.solids(car):
        body = shapely.affinity.rotate(
            shapely.box(-length / 2, -width / 2, length / 2, width / 2), turned, (0, 0), True
        )
        lines.append(shapely.affinity.translate(body, sx, sy).exterior)
    found = []
    for beam in range(BEAM_COUNT):
        angle = yaw - HALF_SWEEP + 2.0 * HALF_SWEEP * beam / (BEAM_COUNT - 1)
        ray = shapely.LineString([(x, y), (x + clip_m * math.cos(angle), y + clip_m * math.sin(angle))])
        hits = [ray.intersection(line) for line in lines]
        ways = [shapely.Point(x, y).distance(hit) for hit in hits if not hit.is_empty]
        found.append(min(max(min(ways, default=clip_m), 0.15), clip_m))
    return found


@pytest.mark.parametrize("objects", [Boxes(3), Bots(3)], ids=["boxes", "bots"])
@pytest.mark.parametrize("walls", [True, False])
def test_beams_end_at_objects(objects: TrackObjects, walls: bool) -> None:
    track, count = oval(), 40
    world = World(track, count, seed=1, objects=objects, lidar=True, lidar_clip_m=2.0, lidar_walls=walls)
    poses = points_near(track, count, 3)
    random = np.random.default_rng(4)
    beside = random.integers(0, 3, count)
    poses[:, :2] = world.objects[np.arange(count), beside, :2] + random.uniform(-1.2, 1.2, (count, 2))
    world.place(poses)
    for car in range(count):
        assert world.lidar[car] == pytest.approx(nearest(world, track, car, 2.0, walls), abs=1e-5)
    assert (world.lidar < 2.0).any()


@pytest.mark.parametrize("borders", [True, False])
def test_beams_end_at_the_walls_that_a_camera_sees(borders: bool) -> None:
    """The arena's, near the border's outermost points and beyond it."""
    track, arena = oval(), LOOKS["arena"]
    low_x, low_y, high_x, high_y = track.bounds
    random = np.random.default_rng(7)
    poses = np.column_stack(
        [random.uniform(low_x - 0.5, high_x + 0.5, 60), random.uniform(low_y - 0.5, high_y + 0.5, 60), np.zeros(60)]
    )
    poses[::2, 1] = low_y - random.uniform(-0.3, 0.5, 30)
    poses[:, 2] = random.uniform(-np.pi, np.pi, 60)
    seen = World(track, 60, seed=0, lidar=True, lidar_walls=borders, camera=Camera(look="arena"))
    bare = World(track, 60, seed=0, lidar=True, lidar_walls=borders, camera=Camera(look="reinvent"))
    for world in (seen, bare):
        world.place(poses)
    for car in range(60):
        assert seen.lidar[car] == pytest.approx(nearest(seen, track, car, 1.0, borders, arena), abs=1e-5)
        assert bare.lidar[car] == pytest.approx(nearest(bare, track, car, 1.0, borders), abs=1e-5)
    assert (seen.lidar < bare.lidar).any()


def test_a_lidar_looks_over_walls_that_are_lower_than_it() -> None:
    track = oval()
    low, high = (
        World(track, 1, seed=0, lidar=True, lidar_walls=False, camera=Camera(look=replace(REINVENT, wall_height_m=m)))
        for m in (0.18, 0.19)
    )
    _, low_y, _, _ = track.bounds
    for world in (low, high):
        world.place(np.array([[2.0, low_y, 0.0]]))
    assert (low.lidar == 1.0).all()
    assert high.lidar.min() == pytest.approx(0.6, abs=0.01)


def test_without_walls_an_empty_road_shows_nothing() -> None:
    world = World(oval(), 2, seed=0, lidar=True, lidar_walls=False)
    assert (world.lidar == np.float32(1.0)).all()


def test_the_lidar_sits_where_the_real_cars_does() -> None:
    assert _core.LIDAR_AHEAD_M == AHEAD_M


def test_other_cars_are_seen_and_oneself_is_not() -> None:
    world = World(oval(), 2, seed=0, others="seen", lidar=True, lidar_walls=False)
    world.place(np.array([[1.0, -1.5, 0.0], [1.6, -1.5, 0.0]]))
    ahead = world.lidar[0, BEAM_COUNT // 2 - 1 : BEAM_COUNT // 2 + 1]
    assert ahead == pytest.approx(np.full(2, 0.6 - AHEAD_M - 0.32352 / 2), abs=0.002)
    assert world.lidar[1, 20:44].min() == 1.0, "the car ahead looks away from the other"
