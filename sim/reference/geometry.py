"""The geometric reward parameters, slow and obvious: one point at a time, with Shapely's words for each step.

The rules are those of the real simulator (SimApp 6, `track_geom/track_data.py` and `agent_ctrl/utils.py`). The native
core is held equal to this page, and this page to recorded logs.

Everywhere: metres, angles in degrees, a track as it is driven (`Track.driven`), a pose as (x, y, heading) of the base
between the axles, and a fraction of the lap as 0 at the first waypoint and 1 at the last.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray

from sim.track import Track

FRONT_POINT_M = 0.14
"""How far ahead of the base the point lies that `x`, `y` and everything measured from them mean."""
FRONT_AXLE_M, REAR_AXLE_M = 0.082311, 0.081663
FRONT_TRACK_M, REAR_TRACK_M = 0.159202, 0.1621
"""From the real car's description: wheelbase 0.163974 m, and the distances between left and right wheel."""

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Geometry:
    """A track's lines as Shapely has them, the road between its borders, and each waypoint's fraction of the lap."""

    track: Track
    centre: Any
    inner: Any
    outer: Any
    road: Any
    waypoint_fractions: tuple[float, ...]

    @classmethod
    def of(cls, track: Track) -> Geometry:
        """The geometry of a track as it is driven."""
        line = shapely.LinearRing if track.closed else shapely.LineString
        centre, inner, outer = line(track.centre), line(track.inner), line(track.outer)
        if track.closed:
            road = shapely.Polygon(outer, [inner])
        else:
            road = shapely.Polygon(np.vstack([track.outer, track.inner[::-1]]))
        shapely.prepare(road)
        fractions = [centre.project(shapely.Point(point), normalized=True) for point in track.centre[:-1]]
        return cls(track, centre, inner, outer, road, (*fractions, 1.0))


def front_point(x: float, y: float, heading_deg: float) -> Point:
    """The car's front, which reward functions know as x and y."""
    heading = math.radians(heading_deg)
    return x + FRONT_POINT_M * math.cos(heading), y + FRONT_POINT_M * math.sin(heading)


def base_point(front: Point, heading_deg: float) -> Point:
    """The base of a car whose front is known, as in recorded logs."""
    heading = math.radians(heading_deg)
    return front[0] - FRONT_POINT_M * math.cos(heading), front[1] - FRONT_POINT_M * math.sin(heading)


def wheel_points(x: float, y: float, heading_deg: float) -> NDArray[np.float64]:
    """(4, 2) where the wheels stand: front left, front right, rear left, rear right."""
    heading = math.radians(heading_deg)
    ahead = np.array([math.cos(heading), math.sin(heading)])
    left = np.array([-math.sin(heading), math.cos(heading)])
    front = np.array([x, y]) + FRONT_AXLE_M * ahead
    rear = np.array([x, y]) - REAR_AXLE_M * ahead
    half_front, half_rear = left * FRONT_TRACK_M / 2.0, left * REAR_TRACK_M / 2.0
    return np.array([front + half_front, front - half_front, rear + half_rear, rear - half_rear])


def wheels_on_track(geometry: Geometry, x: float, y: float, heading_deg: float) -> tuple[bool, bool, bool, bool]:
    """For each wheel of `wheel_points`, whether it is between the borders; a wheel on a border is off."""
    wheels = wheel_points(x, y, heading_deg)
    inside = [bool(geometry.road.contains(shapely.Point(wheel))) for wheel in wheels]
    return inside[0], inside[1], inside[2], inside[3]


def lap_fraction(geometry: Geometry, point: Point) -> float:
    """Where the point of the centre line nearest to `point` is, as a fraction of the lap."""
    return float(geometry.centre.project(shapely.Point(point), normalized=True))


def closest_waypoints(geometry: Geometry, fraction: float) -> tuple[int, int]:
    """The last waypoint not after `fraction` and the one that follows: by place along the line, not by distance."""
    following = bisect_right(geometry.waypoint_fractions, fraction)
    previous = following - 1 if following > 0 else len(geometry.waypoint_fractions) - 1
    return previous, following if following < len(geometry.waypoint_fractions) else 0


def nearer_waypoint(geometry: Geometry, point: Point, waypoints: tuple[int, int]) -> int:
    """Of the two closest waypoints the nearer one, as logs record it; the previous one where both are as near."""
    previous, following = (math.dist(point, geometry.track.centre[index]) for index in waypoints)
    return waypoints[1] if following < previous else waypoints[0]


def centre_point(geometry: Geometry, fraction: float) -> Point:
    """The point of the centre line at a fraction of the lap."""
    point = geometry.centre.interpolate(fraction, normalized=True)
    return float(point.x), float(point.y)


def border_points(geometry: Geometry, fraction: float) -> tuple[Point, Point]:
    """The points of the inner and of the outer border that are nearest to the centre line's point at `fraction`."""
    from_centre = shapely.Point(centre_point(geometry, fraction))
    nearest = [border.interpolate(border.project(from_centre)) for border in (geometry.inner, geometry.outer)]
    return (float(nearest[0].x), float(nearest[0].y)), (float(nearest[1].x), float(nearest[1].y))


def distance_from_center(geometry: Geometry, point: Point) -> float:
    """How far a point is from its projection on the centre line."""
    return math.dist(point, centre_point(geometry, lap_fraction(geometry, point)))


def track_width(geometry: Geometry, fraction: float) -> float:
    """Distance between the border points nearest to the centre line at a fraction of the lap."""
    return math.dist(*border_points(geometry, fraction))


def is_left_of_center(geometry: Geometry, point: Point) -> bool:
    """True where the left border's point beside the car is nearer to it than the right border's."""
    inner, outer = border_points(geometry, lap_fraction(geometry, point))
    return (math.dist(point, inner) < math.dist(point, outer)) == geometry.track.counter_clockwise


def progress(fraction: float, start_fraction: float, previous_progress: float) -> float:
    """Percentage of the lap since the start of the episode, as the real simulator counts it over the start line."""
    percent = 100.0 * (fraction - start_fraction)
    if percent <= 0.0:
        percent += 100.0
    if previous_progress > percent + 50.0:
        percent += 100.0
    if percent > previous_progress + 50.0:
        percent -= 100.0
    return min(percent, 100.0)


def reward_parameters(
    geometry: Geometry,
    x: float,
    y: float,
    heading_deg: float,
    *,
    start_fraction: float = 0.0,
    previous_progress: float = 0.0,
) -> dict[str, Any]:
    """Every geometric parameter of a reward function for a car whose base is at (x, y).

    `start_fraction` is where the episode began, `previous_progress` the progress one step before in per cent.
    """
    front = front_point(x, y, heading_deg)
    fraction = lap_fraction(geometry, front)
    wheels = wheels_on_track(geometry, x, y, heading_deg)
    return {
        "all_wheels_on_track": all(wheels),
        "x": front[0],
        "y": front[1],
        "closest_waypoints": list(closest_waypoints(geometry, fraction)),
        "distance_from_center": distance_from_center(geometry, front),
        "is_left_of_center": is_left_of_center(geometry, front),
        "is_offtrack": not any(wheels),
        "heading": heading_deg,
        "progress": progress(fraction, start_fraction, previous_progress),
        "projection_distance": fraction * float(geometry.centre.length),
        "track_length": float(geometry.centre.length),
        "track_width": track_width(geometry, fraction),
        "waypoints": [(float(px), float(py)) for px, py in geometry.track.centre],
    }
