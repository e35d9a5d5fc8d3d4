"""The native geometry against shapely, on which the real simulator stands."""

from __future__ import annotations

import bisect
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import LinearRing, LineString, Point, Polygon

from sim.dynamics import DEEPRACER
from sim.native import _core
from sim.reward_state import COLUMN
from sim.track import Direction, Track
from sim.track_files import read_track
from sim.track_library import TrackLibrary
from sim.world import World, native_track
from tests.sim.ovals import hairpin, oval, points_near, wave

CIRCUITS = {"oval": oval, "hairpin": hairpin, "wave": wave}


class Shapes:
    """Reward parameters of a place as SimApp computes them with shapely."""

    def __init__(self, track: Track) -> None:
        line = LinearRing if track.closed else LineString
        self.centre, self.inner, self.outer = line(track.centre), line(track.inner), line(track.outer)
        if track.closed:
            self.road = Polygon(track.outer, [track.inner])
            self.inner_is_left = self.centre.is_ccw
        else:
            self.road = Polygon(np.vstack([track.outer, track.inner[::-1]]))
            self.inner_is_left = track.counter_clockwise
        self.fractions = [self.centre.project(Point(p), normalized=True) for p in self.centre.coords[:-1]] + [1.0]

    def row(self, x: float, y: float, yaw: float) -> dict[str, float]:
        front = Point(x + 0.14 * np.cos(yaw), y + 0.14 * np.sin(yaw))
        fraction = self.centre.project(front, normalized=True)
        following = bisect.bisect_right(self.fractions, fraction)
        nearest = self.centre.interpolate(fraction, normalized=True)
        inner = self.inner.interpolate(self.inner.project(nearest))
        outer = self.outer.interpolate(self.outer.project(nearest))
        wheels = [self.road.contains(Point(wheel)) for wheel in wheels_of(x, y, yaw)]
        return {
            "all_wheels_on_track": all(wheels),
            "is_offtrack": not any(wheels),
            "x": front.x,
            "y": front.y,
            "closest_waypoint_prev": following - 1 if following else len(self.fractions) - 1,
            "closest_waypoint_next": 0 if following == len(self.fractions) else following,
            "distance_from_center": nearest.distance(front),
            "is_left_of_center": (inner.distance(front) < outer.distance(front)) == self.inner_is_left,
            "track_length": self.centre.length,
            "track_width": inner.distance(outer),
            "projection_distance": fraction * self.centre.length,
            "heading": np.degrees(yaw),
        }


def wheels_of(x: float, y: float, yaw: float) -> list[tuple[float, float]]:
    car, c, s = DEEPRACER, np.cos(yaw), np.sin(yaw)
    places = [(car.front_axle_m, side * car.front_half_track_m) for side in (1, -1)]
    places += [(-car.rear_axle_m, side * car.rear_half_track_m) for side in (1, -1)]
    return [(x + px * c - py * s, y + px * s + py * c) for px, py in places]


def assert_like_shapely(track: Track, count: int, seed: int) -> None:
    poses = points_near(track, count, seed)
    world = World(track, count, seed=0)
    world.place(poses)
    shapes = Shapes(track)
    for pose, state in zip(poses, world.reward_states, strict=True):
        for name, value in shapes.row(*pose).items():
            assert state[COLUMN[name]] == pytest.approx(float(value), abs=1e-7), (track.name, name, pose)


@pytest.mark.parametrize("name", CIRCUITS)
@pytest.mark.parametrize("direction", list(Direction))
def test_reward_parameters_are_those_of_shapely(name: str, direction: Direction) -> None:
    assert_like_shapely(CIRCUITS[name]().driven(direction), 400, seed=3)


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_reward_parameters_are_those_of_shapely_on_real_tracks(deepracer_data: Path, every: int) -> None:
    for number, path in enumerate(sorted((deepracer_data / "tracks").glob("*.npy"))[::every]):
        assert_like_shapely(read_track(path), 30, seed=number)


@pytest.mark.parametrize("name", CIRCUITS)
def test_the_quick_search_finds_what_asking_every_segment_finds(name: str) -> None:
    track = CIRCUITS[name]()
    core = native_track(track)
    for x, y, _ in points_near(track, 3000, seed=5):
        assert core.locate(x, y)[0] == core.locate(x, y, slowly=True)[0]


@pytest.mark.parametrize("direction", list(Direction))
def test_on_every_circuit_that_ships_the_quick_search_is_right(direction: Direction) -> None:
    library = TrackLibrary()
    for name in library.names():
        track = library.get(name).driven(direction)
        core = native_track(track)
        for x, y, _ in points_near(track, 400, seed=6):
            assert core.locate(x, y)[0] == core.locate(x, y, slowly=True)[0], name


def test_far_away_the_search_is_right_too() -> None:
    core = native_track(oval())
    for x, y in ((1e3, -2e3), (-40.0, 7.0), (2.0, 30.0)):
        assert core.locate(x, y)[0] == core.locate(x, y, slowly=True)[0]
        assert not core.locate(x, y)[-1]


@pytest.mark.parametrize("name", CIRCUITS)
@pytest.mark.parametrize("reach_m", [1.0, 12.0])
def test_beams_meet_the_wall_that_asking_every_wall_finds(name: str, reach_m: float) -> None:
    track = CIRCUITS[name]()
    walls = _core.Walls(native_track(track), reach_m)
    for pose in points_near(track, 500, seed=7):
        assert walls.beams(*pose) == walls.beams_slowly(*pose)


@pytest.mark.parametrize("yaw", [0.0, 0.7, np.pi / 2, np.pi, -2.0])
def test_beams_from_a_wall_itself_and_far_from_any_are_right(yaw: float) -> None:
    track = oval()
    walls = _core.Walls(native_track(track), 1.0)
    for corner, following in zip(track.inner[:30], track.inner[1:31], strict=True):
        middle = 0.5 * (corner + following)
        for x, y in (corner, middle, corner + 1e-7, corner - 1e-4, middle + 1e-9):
            assert walls.beams(x, y, yaw) == walls.beams_slowly(x, y, yaw)
    assert walls.beams(50.0, 1e4, yaw) == [1.0] * 64


def test_lidar_sees_both_borders_of_a_straight_at_their_distances() -> None:
    track = oval(straight_m=6.0, half_width_m=0.4)
    world = World(track, 1, seed=0, lidar=True, lidar_clip_m=3.0)
    world.place(np.array([[3.0, -1.5 + 0.1, 0.0]]))
    angles = np.linspace(-2.61799, 2.61799, 64)
    for angle, metres in zip(angles, world.lidar[0], strict=True):
        wall = 0.5 if angle < 0 else 0.3
        if 0.3 < abs(angle) < 2.8:
            assert metres == pytest.approx(max(wall / abs(np.sin(angle)), 0.15), abs=1e-5)


def test_lidar_noise_has_the_spread_asked_for_and_is_seeded() -> None:
    poses = np.tile([[2.0, -1.5, 0.0]], (400, 1))
    quiet, noisy, again = (World(oval(), 400, seed=9, lidar=True, lidar_noise_m=noise) for noise in (0.0, 0.01, 0.01))
    for world in (quiet, noisy, again):
        world.place(poses)
    inside = (quiet.lidar > 0.25) & (quiet.lidar < 0.9)
    error = (noisy.lidar - quiet.lidar)[inside]
    assert abs(error.mean()) < 0.001
    assert error.std() == pytest.approx(0.01, rel=0.05)
    assert np.array_equal(noisy.lidar, again.lidar)


def test_a_car_reset_stands_on_the_nearer_lane_centre() -> None:
    track = oval()
    core = native_track(track)
    for lane, side in (("inner", 1.0), ("outer", -1.0)):
        x, y, yaw = core.reset_pose(0.1, 0.1 * track.length_m, -1.5 + side)
        assert y == pytest.approx(-1.5 + side * 0.2), lane
        assert yaw == pytest.approx(0.0, abs=1e-9)
        assert x == pytest.approx(0.1 * track.length_m, abs=1e-6)


def test_features_do_not_depend_on_where_the_track_lies() -> None:
    track = oval()
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    lines = [line @ turn.T + [30.0, -20.0] for line in (track.centre, track.inner, track.outer)]
    here, there = World(track, 6, seed=0), World(Track("there", "", *lines, closed=True), 6, seed=0)
    for world in (here, there):
        world.reset(start=np.linspace(0.0, 0.9, 6))
    for _ in range(20):
        here.step(np.tile([5.0, 1.0], (6, 1)))
        there.step(np.tile([5.0, 1.0], (6, 1)))
    assert np.allclose(here.features, there.features, atol=1e-4)
