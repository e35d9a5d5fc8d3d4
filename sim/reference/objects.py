"""Boxes, bots and collisions, slow and obvious: one object after the other, with Shapely's words for each step.

The rules are those of the real simulator (SimApp 6, `obstacles_agent_ctrl`, `bot_cars_agent_ctrl`,
`reset/rules/crash_reset_rule`, `track_geom/track_data` and `cameras/frustum`). The native core
(`sim/native/objects.cpp`) is held equal to this page by tests.

A pose is (x, y, yaw) with yaw in radians; places along the track are metres on the centre line as it is driven.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import shapely  # type: ignore[import-untyped]

from sim.episode import STEP_S
from sim.objects import Bots, Boxes
from sim.reference.draws import Draws
from sim.reference.geometry import FRONT_POINT_M, Geometry, Point, border_points, centre_point, lap_fraction

STREAM = 0x0B1EC75
"""Objects draw from a stream of their own, so that nothing else changes where there are some."""
BOX_RECTANGLE_M = (0.5, 0.4)
CAR_RECTANGLE_M = (0.32352, 0.1961)
"""Length and width of what a car runs into. A box is drawn 0.4 x 0.3 m."""
NEAR_M = 1.0
LANE_CHANGE_M = 1.0
BOTS_STAND_ROWS = 30

Pose = tuple[float, float, float]


@dataclass
class Thing:
    """One object as everybody knows it."""

    kind: Literal["box", "bot", "car"]
    pose: Pose
    speed_mps: float = 0.0

    @property
    def point(self) -> Point:
        """Its middle."""
        return self.pose[0], self.pose[1]


def rectangle(pose: Pose, length_width_m: tuple[float, float]) -> Any:
    """A rectangle on the floor about a pose."""
    half_length, half_width = length_width_m[0] / 2.0, length_width_m[1] / 2.0
    corners = [(half_length, half_width), (half_length, -half_width), (-half_length, -half_width)]
    corners.append((-half_length, half_width))
    x, y, yaw = pose
    sine, cosine = math.sin(yaw), math.cos(yaw)
    return shapely.Polygon([(x + a * cosine - b * sine, y + a * sine + b * cosine) for a, b in corners])


def touches(car: Pose, thing: Thing) -> bool:
    """Whether a corner of the car's body is inside the object's rectangle; on its edge is outside."""
    area = rectangle(thing.pose, BOX_RECTANGLE_M if thing.kind == "box" else CAR_RECTANGLE_M)
    corners = rectangle(car, CAR_RECTANGLE_M).exterior.coords[:-1]
    return any(area.contains(shapely.Point(corner)) for corner in corners)


def touched(geometry: Geometry, car: Pose, things: list[Thing]) -> Literal["", "box", "behind", "ahead"]:
    """What a car touches: the first object in their order, and for one that drives, who is behind whom.

    A crash into a bot or car counts only where the car's front is behind the other's by their places on the lap.
    """
    for thing in things:
        if touches(car, thing):
            if thing.kind == "box":
                return "box"
            return "behind" if front_fraction(geometry, car) < front_fraction(geometry, thing.pose) else "ahead"
    return ""


def front_fraction(geometry: Geometry, pose: Pose) -> float:
    """Where a car's front is, as a fraction of the lap."""
    x, y, yaw = pose
    return lap_fraction(geometry, (x + FRONT_POINT_M * math.cos(yaw), y + FRONT_POINT_M * math.sin(yaw)))


def lane_points(geometry: Geometry, inner: bool) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The points of a lane: half way between those of the centre line and of a border."""
    track = geometry.track
    return np.asarray((track.centre + (track.inner if inner else track.outer)) / 2.0)


def lane_line(geometry: Geometry, inner: bool) -> Any:
    """A lane as a line, without the points that a border may repeat."""
    points = lane_points(geometry, inner)
    repeated = np.concatenate([[False], (np.diff(points, axis=0) == 0.0).all(1)])
    return shapely.LineString(points[~repeated])


def standing_pose(geometry: Geometry, along_m: float, inner: bool) -> Pose:
    """Of a thing in a lane beside a place on the centre line, along the lane's segment there."""
    lane = lane_line(geometry, inner)
    along_lane = lane.project(shapely.Point(centre_point(geometry, along_m / geometry.centre.length)))
    place = lane.interpolate(along_lane)
    points = np.array(lane.coords)
    ends = np.cumsum(np.hypot(*np.diff(points, axis=0).T))
    segment = min(bisect_right(ends.tolist(), along_lane), len(ends) - 1)
    dx, dy = points[segment + 1] - points[segment]
    return float(place.x), float(place.y), math.atan2(dy, dx)


@dataclass
class LaneCurve:
    """A smooth curve through a lane's points over the length of the centre line: cubic Hermite, with the slopes of the
    parabolas through three neighbours."""

    at_m: Any
    points: Any
    slopes: Any

    @classmethod
    def of(cls, geometry: Geometry, inner: bool) -> LaneCurve:
        """The curve of a lane."""
        points = lane_points(geometry, inner)
        lengths = np.hypot(*np.diff(geometry.track.centre, axis=0).T)
        secants = np.diff(points, axis=0) / lengths[:, None]
        slopes = np.empty_like(points)
        for i in range(len(points)):
            before, after = i - 1, i
            if i in (0, len(points) - 1):
                if not geometry.track.closed:
                    slopes[i] = secants[0 if i == 0 else -1]
                    continue
                before, after = len(lengths) - 1, 0
            share = lengths[after] / (lengths[before] + lengths[after])
            slopes[i] = share * secants[before] + (1.0 - share) * secants[after]
        return cls(np.concatenate([[0.0], np.cumsum(lengths)]), points, slopes)

    def place(self, along_m: float) -> Any:
        """The point and its derivative, (2, 2)."""
        i = min(bisect_right(self.at_m.tolist(), along_m) - 1, len(self.at_m) - 2)
        length = self.at_m[i + 1] - self.at_m[i]
        t = (along_m - self.at_m[i]) / length
        weights = np.array([2 * t**3 - 3 * t**2 + 1, -2 * t**3 + 3 * t**2, t**3 - 2 * t**2 + t, t**3 - t**2])
        slopes = np.array([6 * t**2 - 6 * t, -6 * t**2 + 6 * t, 3 * t**2 - 4 * t + 1, 3 * t**2 - 2 * t])
        over = [self.points[i], self.points[i + 1], length * self.slopes[i], length * self.slopes[i + 1]]
        return np.array([weights @ np.array(over), slopes @ np.array(over) / length])


def spread(count: int, first_m: float, last_m: float, gap_m: float, random: bool, draws: Draws) -> list[float]:
    """Places along the track: evenly, and with `random` each moved between its neighbours, in a drawn order."""
    places = [float(place) for place in np.linspace(first_m, last_m, count)]
    if not random:
        return places
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        j = int(draws.uniform() * (i + 1))
        order[i], order[j] = order[j], order[i]
    for i in order:
        low = first_m if i == 0 else places[i - 1] + gap_m
        high = last_m if i == count - 1 else places[i + 1] - gap_m
        if low < high:
            places[i] = draws.uniform(low, high)
    return places


def placed_boxes(geometry: Geometry, boxes: Boxes, draws: Draws) -> list[Thing]:
    """The boxes of one episode."""
    length = float(geometry.centre.length)
    if boxes.places:
        places = [(fraction * length, lane > 0) for fraction, lane in boxes.places]
    else:
        first = max(boxes.first * length, boxes.minimum_gap_m)
        last = min(boxes.last * length, length - 1.0)
        along = spread(boxes.count, first, last, boxes.minimum_gap_m, boxes.random, draws)
        places = [(place, draws.uniform() < 0.5 if boxes.random else i % 2 == 0) for i, place in enumerate(along)]
    return [Thing("box", standing_pose(geometry, along, inner)) for along, inner in places]


@dataclass
class BotTraffic:
    """The bots of one episode: where each drives, row by row."""

    geometry: Geometry
    bots: Bots
    draws: Draws
    rows: int = 0
    standing: int = 0
    from_m: list[float] = field(default_factory=list)
    inner: list[bool] = field(default_factory=list)
    leaves_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        last = float(self.geometry.centre.length) - 1.0
        gap, random = self.bots.minimum_gap_m, self.bots.random
        self.curves = {inner: LaneCurve.of(self.geometry, inner) for inner in (True, False)}
        self.from_m = spread(self.bots.count, gap, last, gap, random, self.draws)
        self.inner = [self.draws.uniform() < 0.5 if random else i % 2 == 0 for i in range(self.bots.count)]
        self.leaves_s = [self._leaves() for _ in range(self.bots.count)]

    def drive(self, *, halt: bool = False) -> None:
        """One row; with `halt` a bot drove into a car, and all stand for 2 s, this row the first of them."""
        if halt and not self.standing:
            self.standing = BOTS_STAND_ROWS
        if self.standing:
            self.standing -= 1
            return
        self.rows += 1
        for i, leaves in enumerate(self.leaves_s):
            if self.now_s >= leaves + LANE_CHANGE_M / self.bots.speed_mps:
                self.inner[i] = not self.inner[i]
                self.leaves_s[i] = self._leaves()

    @property
    def now_s(self) -> float:
        """Seconds that the bots have driven."""
        return self.rows * STEP_S

    def things(self) -> list[Thing]:
        """Where they are now."""
        return [Thing("bot", self._pose(i), self.bots.speed_mps) for i in range(self.bots.count)]

    def _leaves(self) -> float:
        if self.bots.lane_change_s is None:
            return math.inf
        return self.now_s + self.draws.uniform(*self.bots.lane_change_s)

    def _pose(self, i: int) -> Pose:
        along = (self.from_m[i] + self.now_s * self.bots.speed_mps) % float(self.geometry.centre.length)
        t = min(1.0, max(0.0, (self.now_s - self.leaves_s[i]) * self.bots.speed_mps / LANE_CHANGE_M))
        share, slope = t * t * (3.0 - 2.0 * t), 6.0 * t * (1.0 - t) / LANE_CHANGE_M
        leaving, entering = self.curves[self.inner[i]].place(along), self.curves[not self.inner[i]].place(along)
        (x, y), (dx, dy) = leaving + share * (entering - leaving)
        across = entering[0] - leaving[0]
        return float(x), float(y), math.atan2(dy + slope * across[1], dx + slope * across[0])


def in_inner_lane(geometry: Geometry, point: Point) -> bool:
    """Nearer to the inner border than to the outer one."""
    inner, outer = border_points(geometry, lap_fraction(geometry, point))
    return math.dist(point, inner) < math.dist(point, outer)


def lane_pose(geometry: Geometry, fraction: float, inner: bool) -> Pose:
    """On a lane's centre beside a place on the centre line, looking at the lane's next point."""
    lane = lane_line(geometry, inner)
    along = lane.project(shapely.Point(centre_point(geometry, fraction)))
    place = lane.interpolate(along)
    points = np.array(lane.coords)
    ends = np.cumsum(np.hypot(*np.diff(points, axis=0).T))
    ahead = points[min(bisect_right(ends.tolist(), along), len(ends) - 1) + 1]
    return float(place.x), float(place.y), math.atan2(ahead[1] - place.y, ahead[0] - place.x)


def nearest_within_a_metre(geometry: Geometry, fraction: float, things: list[Thing]) -> Thing | None:
    """The object whose place along the track is nearest, if it is less than a metre away; over the line too."""
    length, found, least = float(geometry.centre.length), None, NEAR_M
    for thing in things:
        apart = length * abs(lap_fraction(geometry, thing.point) - fraction)
        apart = min(apart, length - apart) if geometry.track.closed else apart
        if apart < least:
            found, least = thing, apart
    return found


def pose_before(geometry: Geometry, box: Thing) -> Pose:
    """Where a car is put back that a box stands in the way of: a metre before it, in the other lane."""
    fraction = lap_fraction(geometry, box.point) - NEAR_M / float(geometry.centre.length)
    fraction = fraction % 1.0 if geometry.track.closed else max(0.0, fraction)
    return lane_pose(geometry, fraction, not in_inner_lane(geometry, box.point))


def in_camera(car: Pose, thing: Thing) -> bool:
    """Whether the middle or a corner of an object is in the camera's view; planes are asked one after the other."""
    x, y, yaw = car
    ahead = np.array([math.cos(yaw), math.sin(yaw), 0.0])
    left, up = np.array([-math.sin(yaw), math.cos(yaw), 0.0]), np.array([0.0, 0.0, 1.0])
    eye = np.array([x, y, 0.0]) + 0.14529379 * ahead + 0.13032555 * up
    pitch, wide = 0.2618, math.tan(1.13 / 2.0)
    looks, top = math.cos(pitch) * ahead - math.sin(pitch) * up, math.sin(pitch) * ahead + math.cos(pitch) * up
    area = rectangle(thing.pose, BOX_RECTANGLE_M if thing.kind == "box" else CAR_RECTANGLE_M)
    height = 0.1 if thing.kind == "box" else 0.0
    for px, py in [*area.exterior.coords[:-1], thing.point]:
        seen = np.array([px, py, height]) - eye
        depth = float(seen @ looks)
        if 0.2 < depth < 300.0 and abs(seen @ left) < wide * depth and abs(seen @ top) < 0.75 * wide * depth:
            return True
    return False


def object_parameters(geometry: Geometry, car: Pose, things: list[Thing]) -> dict[str, Any]:
    """What a reward function is told about objects. Headings are in radians for bots and cars, and 0 for boxes."""
    if not things:
        return {}
    track = geometry.track
    half = shapely.Polygon(track.centre, [track.inner]) if track.closed else None
    if half is None:
        half = shapely.Polygon(np.vstack([track.centre, track.inner[::-1]]))
    distances = [float(geometry.centre.project(shapely.Point(thing.point))) for thing in things]
    order = sorted(range(len(things)), key=lambda index: distances[index])
    mine = front_fraction(geometry, car) * float(geometry.centre.length)
    following = bisect_right([distances[index] for index in order], mine)
    before, after = order[following - 1], order[following % len(order)]
    return {
        "closest_objects": [before, after],
        "objects_distance": distances,
        "objects_heading": [0.0 if thing.kind == "box" else thing.pose[2] for thing in things],
        "objects_left_of_center": [
            bool(half.contains(shapely.Point(thing.point))) == track.counter_clockwise for thing in things
        ],
        "objects_location": [thing.point for thing in things],
        "objects_speed": [thing.speed_mps for thing in things],
        "object_in_camera": in_camera(car, things[after]),
        "objects_distance_from_center": [float(geometry.centre.distance(shapely.Point(p.point))) for p in things],
    }
