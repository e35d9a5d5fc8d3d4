"""The reference geometry on a square whose every value can be worked out by hand. It is 4 m by 4 m, 1 m wide."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.reference import geometry as reference
from sim.reference.geometry import Geometry
from sim.track import Direction
from sim.track_checks import clean


@pytest.fixture(scope="module", params=list(Direction))
def direction(request: pytest.FixtureRequest) -> Direction:
    found: Direction = request.param
    return found


def square(direction: Direction) -> Geometry:
    """Starts in the middle of the lower side, (2, 0); a waypoint every metre; borders at right angles."""
    sides = [(2, 0), (3, 0), (4, 0), (4, 1), (4, 2), (4, 3), (4, 4), (3, 4), (2, 4), (1, 4), (0, 4), (0, 3)]
    centre = np.array([*sides, (0, 2), (0, 1), (0, 0), (1, 0), (2, 0)], dtype=float)
    middle = np.array([2.0, 2.0])
    inner = middle + np.clip(centre - middle, -1.5, 1.5)
    outer = middle + np.where(np.abs(centre - middle) == 2.0, (centre - middle) * 1.25, centre - middle)
    return Geometry.of(clean("square", np.hstack([centre, inner, outer])).driven(direction))


LEFT = square(Direction.COUNTERCLOCKWISE)
RIGHT = square(Direction.CLOCKWISE)


def test_x_and_y_are_14_centimetres_ahead_of_the_base() -> None:
    assert reference.front_point(1.0, 2.0, 90.0) == pytest.approx((1.0, 2.14))
    assert reference.base_point((1.0, 2.14), 90.0) == pytest.approx((1.0, 2.0))


def test_the_wheels_stand_where_the_real_car_has_them() -> None:
    wheels = reference.wheel_points(0.0, 0.0, 0.0)
    assert wheels[0] == pytest.approx([0.082311, 0.079601])
    assert wheels[3] == pytest.approx([-0.081663, -0.08105])
    assert math.dist(wheels[0], wheels[1]) == pytest.approx(0.1592, abs=1e-4)
    assert math.dist(wheels[2], wheels[3]) == pytest.approx(0.1621, abs=1e-4)
    assert wheels[0][0] - wheels[2][0] == pytest.approx(0.16397, abs=1e-5)
    turned = reference.wheel_points(0.0, 0.0, 90.0)
    assert turned[0] == pytest.approx([-0.079601, 0.082311])


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (0.0, (True, True, True, True)),
        (-0.43, (True, False, True, False)),  # the right wheels are beyond y = -0.5
        (-0.4196, (True, True, True, False)),  # only the rear axle is wide enough
        (-0.6, (False, False, False, False)),
        (0.43, (False, True, False, True)),
    ],
)
def test_each_wheel_is_on_the_track_or_off_it(y: float, expected: tuple[bool, ...]) -> None:
    assert reference.wheels_on_track(LEFT, 2.0, y, 0.0) == expected


def test_a_wheel_on_the_border_is_off() -> None:
    half = reference.FRONT_TRACK_M / 2.0
    wheels = reference.wheels_on_track(LEFT, 2.0, -0.5 + half, 0.0)
    assert wheels[1] is False


def test_offtrack_is_no_wheel_left_on_the_track() -> None:
    one_left = reference.reward_parameters(LEFT, 2.0, -0.57, 30.0)
    assert one_left["all_wheels_on_track"] is False
    assert one_left["is_offtrack"] is False
    assert reference.reward_parameters(LEFT, 2.0, -0.7, 0.0)["is_offtrack"] is True


def test_closest_waypoints_go_by_place_along_the_line() -> None:
    assert reference.closest_waypoints(LEFT, 0.0) == (0, 1)
    assert reference.closest_waypoints(LEFT, 0.5 / 16) == (0, 1)
    assert reference.closest_waypoints(LEFT, 1.0 / 16) == (1, 2)
    assert reference.closest_waypoints(LEFT, 15.5 / 16) == (15, 16)
    assert reference.closest_waypoints(LEFT, 1.0) == (16, 0)


def test_the_log_names_the_nearer_of_both() -> None:
    assert reference.nearer_waypoint(LEFT, (2.4, 0.0), (0, 1)) == 0
    assert reference.nearer_waypoint(LEFT, (2.6, 0.0), (0, 1)) == 1
    assert reference.nearer_waypoint(LEFT, (2.5, 0.0), (0, 1)) == 0


def test_distance_from_center_is_to_the_projection() -> None:
    assert reference.distance_from_center(LEFT, (2.3, -0.25)) == pytest.approx(0.25)
    assert reference.distance_from_center(LEFT, (4.3, -0.4)) == pytest.approx(0.5)  # beyond the corner


def test_track_width_is_one_metre_on_the_straights(direction: Direction) -> None:
    geometry = square(direction)
    assert reference.track_width(geometry, 0.25 / 16) == pytest.approx(1.0)
    assert reference.track_width(geometry, 2.0 / 16) == pytest.approx(math.dist((3.5, 0.5), (4.0, -0.5)))


def test_left_of_center_turns_with_the_direction() -> None:
    inside, outside = (2.3, 0.2), (2.3, -0.2)
    assert reference.is_left_of_center(LEFT, inside)
    assert not reference.is_left_of_center(LEFT, outside)
    assert not reference.is_left_of_center(RIGHT, inside)
    assert reference.is_left_of_center(RIGHT, outside)


def test_the_lap_fraction_grows_in_the_direction_of_driving() -> None:
    assert reference.lap_fraction(LEFT, (3.0, 0.1)) == pytest.approx(1 / 16)
    assert reference.lap_fraction(RIGHT, (3.0, 0.1)) == pytest.approx(15 / 16)


@pytest.mark.parametrize(
    ("fraction", "start", "previous", "expected"),
    [
        (0.25, 0.0, 24.0, 25.0),
        (0.10, 0.75, 34.0, 35.0),  # over the start line in the middle of the lap
        (0.005, 0.0, 99.5, 100.0),  # over the finish: never more than 100
        (0.995, 0.0, 0.4, -0.5),  # back over the line right after the start
        (0.0, 0.0, 0.0, 0.0),  # 0 becomes 100, which is too far from 0 to be believed
        (0.5, 0.5, 99.0, 100.0),
    ],
)
def test_progress_counts_from_the_start_of_the_episode(
    fraction: float, start: float, previous: float, expected: float
) -> None:
    assert reference.progress(fraction, start, previous) == pytest.approx(expected)


def test_all_parameters_come_together() -> None:
    found = reference.reward_parameters(LEFT, 2.36, 0.2, 0.0, start_fraction=0.0, previous_progress=3.0)
    assert found["x"] == pytest.approx(2.5)
    assert found["y"] == pytest.approx(0.2)
    assert found["progress"] == pytest.approx(100 * 0.5 / 16)
    assert found["projection_distance"] == pytest.approx(0.5)
    assert found["track_length"] == pytest.approx(16.0)
    assert found["track_width"] == pytest.approx(1.0)
    assert found["distance_from_center"] == pytest.approx(0.2)
    assert found["closest_waypoints"] == [0, 1]
    assert found["is_left_of_center"] is True
    assert found["all_wheels_on_track"] is True
    assert found["heading"] == 0.0
    assert found["waypoints"][0] == found["waypoints"][-1] == (2.0, 0.0)


def test_an_open_track_has_its_road_between_the_borders() -> None:
    x = np.linspace(0.0, 10.0, 11)
    zero = np.zeros_like(x)
    lane = Geometry.of(clean("lane", np.column_stack([x, zero, x, zero + 0.5, x, zero - 0.5])))
    assert all(reference.wheels_on_track(lane, 5.0, 0.3, 0.0))
    assert not any(reference.wheels_on_track(lane, 5.0, 0.7, 0.0))
    assert not any(reference.wheels_on_track(lane, 11.0, 0.0, 0.0))
    assert reference.is_left_of_center(lane, (5.0, 0.1))
    assert reference.lap_fraction(lane, (12.0, 0.0)) == 1.0
