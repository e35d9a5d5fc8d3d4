"""What LIDAR measures of boxes, bots and cars, against Shapely."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely.affinity  # type: ignore[import-untyped]

from sim.objects import Bots, Boxes, TrackObjects
from sim.track import Track
from sim.world import BEAM_COUNT, World
from tests.sim.ovals import oval, points_near

HALF_SWEEP = 2.61799


def nearest(world: World, track: Track, car: int, clip_m: float, walls: bool) -> list[float]:
    """Each beam's way to the nearest border or drawn body, by intersecting lines."""
    x, y, yaw = world.pose[car]
    lines = [shapely.LineString(track.inner), shapely.LineString(track.outer)] if walls else []
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


def test_without_walls_an_empty_road_shows_nothing() -> None:
    world = World(oval(), 2, seed=0, lidar=True, lidar_walls=False)
    assert (world.lidar == np.float32(1.0)).all()


def test_other_cars_are_seen_and_oneself_is_not() -> None:
    world = World(oval(), 2, seed=0, others="seen", lidar=True, lidar_walls=False)
    world.place(np.array([[1.0, -1.5, 0.0], [1.6, -1.5, 0.0]]))
    ahead = world.lidar[0, BEAM_COUNT // 2 - 1 : BEAM_COUNT // 2 + 1]
    assert ahead == pytest.approx(np.full(2, 0.6 - 0.32352 / 2), abs=0.01)
    assert world.lidar[1, 20:44].min() == 1.0, "the car ahead looks away from the other"
