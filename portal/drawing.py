"""Tracks, action spaces and driven lines as SVG geometry for templates. The y axis points up, as on the track's map."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sim.action_space import ActionSpace, DiscreteActionSpace
from sim.trace import DriveTrace
from sim.track import Direction, Track

MARGIN = 0.06
"""Empty space around a track, as a share of its larger side."""
FAN_RADIUS = 100.0
SPEED_CLASSES = 5
LEAST_RANGE = 0.75
"""The slowest class begins at this share of the fastest speed at most: a steady drive is not painted in all colours."""
HALF_WINDOW = 7
"""Rows before and after over which a speed is averaged for its colour: a second in all."""
CONTINUOUS_STEPS = 12


@dataclass(frozen=True, slots=True)
class TrackPicture:
    """A track as SVG attributes, in metres."""

    view_box: str
    surface: str
    """The road: both borders as one path, to be filled by the even-odd rule."""
    inner: str
    outer: str
    centre: str
    start: tuple[float, float, float, float]
    """The start line: x1, y1, x2, y2."""
    arrow: str
    """A triangle behind the start line that points in the driving direction."""


@dataclass(frozen=True, slots=True)
class Ray:
    """One action in the picture of an action space: a line from the middle, and its numbers for the label."""

    x: float
    y: float
    steering_deg: float
    speed_mps: float


@dataclass(frozen=True, slots=True)
class Fan:
    """An action space: rays for a list of actions, a filled sector for a range."""

    rays: tuple[Ray, ...]
    sector: str


def track_picture(track: Track, direction: Direction = Direction.COUNTERCLOCKWISE) -> TrackPicture:
    """A track as it is driven in one direction."""
    return _drawn(_ByFingerprint(track), direction)


class _ByFingerprint:
    """A track that is equal to every track of the same geometry, so that its picture is drawn once."""

    def __init__(self, track: Track) -> None:
        self.track = track

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByFingerprint) and other.track.fingerprint == self.track.fingerprint

    def __hash__(self) -> int:
        return hash(self.track.fingerprint)


@lru_cache(maxsize=256)
def _drawn(key: _ByFingerprint, direction: Direction) -> TrackPicture:
    track = key.track.driven(direction)
    inner, outer = path(track.inner, track.closed), path(track.outer, track.closed)
    road = f"{inner} {outer}" if track.closed else path(np.concatenate([track.inner, track.outer[::-1]]), True)
    (x1, y1), (x2, y2) = track.inner[0], track.outer[0]
    return TrackPicture(
        view_box=view_box(track),
        surface=road,
        inner=inner,
        outer=outer,
        centre=path(track.centre, track.closed),
        start=(round(x1, 2), round(-y1, 2), round(x2, 2), round(-y2, 2)),
        arrow=_arrow(track),
    )


def view_box(track: Track) -> str:
    """The part of the plane that shows the whole track with a margin, as an SVG viewBox."""
    x0, y0, x1, y1 = track.bounds
    margin = MARGIN * max(x1 - x0, y1 - y0)
    return f"{x0 - margin:.2f} {-y1 - margin:.2f} {x1 - x0 + 2 * margin:.2f} {y1 - y0 + 2 * margin:.2f}"


def path(points: NDArray[np.float64], closed: bool) -> str:
    """(n, 2) points in metres to the `d` of an SVG path, to the centimetre."""
    written = "L".join(f"{x:.2f} {-y:.2f}" for x, y in points)
    return f"M{written}Z" if closed else f"M{written}"


def _arrow(track: Track) -> str:
    """A triangle on the centre line just ahead of the start, as long as half the road is wide."""
    size = track.width_m / 2
    along = track.centre[_point_after(track, 2 * size)] - track.centre[0]
    along = along / max(float(np.hypot(*along)), 1e-9)
    across = np.array([-along[1], along[0]])
    tail = track.centre[0] + along * size * 0.6
    corners = [tail + across * size * 0.45, tail + along * size, tail - across * size * 0.45]
    return path(np.array(corners), True)


def _point_after(track: Track, distance_m: float) -> int:
    driven = np.cumsum(np.hypot(*np.diff(track.centre, axis=0).T))
    return min(int(np.searchsorted(driven, distance_m)) + 1, len(track.centre) - 1)


def fan(space: ActionSpace) -> Fan:
    """The actions from above, straight ahead is up: the angle is the steering, the length the speed."""
    if isinstance(space, DiscreteActionSpace):
        fastest = max(action.speed_mps for action in space.actions)
        return Fan(tuple(_ray(action.steering_deg, action.speed_mps, fastest) for action in space.actions), "")
    fastest = space.speed_high_mps
    angles = np.linspace(space.steering_low_deg, space.steering_high_deg, CONTINUOUS_STEPS).tolist()
    far = [_ray(angle, space.speed_high_mps, fastest) for angle in angles]
    near = [_ray(angle, space.speed_low_mps, fastest) for angle in reversed(angles)]
    corners = "L".join(f"{ray.x} {ray.y}" for ray in [*far, *near])
    return Fan((far[0], far[-1], near[0], near[-1]), f"M{corners}Z")


def _ray(steering_deg: float, speed_mps: float, fastest_mps: float) -> Ray:
    angle, length = math.radians(steering_deg), FAN_RADIUS * speed_mps / fastest_mps
    x, y = -length * math.sin(angle), -length * math.cos(angle)
    return Ray(round(x, 1) + 0.0, round(y, 1) + 0.0, steering_deg, speed_mps)


def driven_lines(trace: DriveTrace) -> list[tuple[int, str]]:
    """The line that a car drove, in pieces of one class of speed: (0 slow … 4 fast, `d` of a path)."""
    commanded = trace.column("speed").astype(np.float64)
    if len(commanded) < 2:
        return []
    speeds = _smoothed(commanded)
    high = float(speeds.max())
    low = min(float(speeds.min()), LEAST_RANGE * high)
    classes = np.minimum((speeds - low) / max(high - low, 1e-9) * SPEED_CLASSES, SPEED_CLASSES - 1).astype(int)
    points = np.stack([trace.column("x"), trace.column("y")], axis=1).astype(np.float64)
    breaks = [0, *(np.flatnonzero(np.diff(classes)) + 1).tolist(), len(points) - 1]
    pieces = itertools.pairwise(breaks)
    return [(int(classes[a]), path(points[a : b + 1], False)) for a, b in pieces if b > a]


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean around each value: a car with two speeds jumps between them at every decision."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    rows = np.arange(len(values))
    first, last = np.maximum(rows - HALF_WINDOW, 0), np.minimum(rows + HALF_WINDOW + 1, len(values))
    means: NDArray[np.float64] = (sums[last] - sums[first]) / (last - first)
    return means


def polyline(values: Sequence[float], width: float, height: float, low: float, high: float) -> str:
    """Values from left to right as the `points` of an SVG polyline in a box, larger ones higher."""
    span = max(high - low, 1e-9)
    step = width / max(len(values) - 1, 1)
    places: Iterable[str] = (
        f"{index * step:.1f},{height - (value - low) / span * height:.1f}" for index, value in enumerate(values)
    )
    return " ".join(places)
