"""What a camera sees, slow and obvious: rays through every pixel, each asked what it meets first.

The native core (`sim/native/picture.cpp`) works the other way round, from the polygons to the pixels they cover. Tests
hold the two together: with n x n rays to a pixel they may differ by what lies between the rays at an edge.

Everywhere: metres, a pose as (x, y, yaw in rad) of the car's base, pictures as float64 (height, width) of greys.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray
from shapely.ops import substring  # type: ignore[import-untyped]

from sim.camera import Camera, Standing
from sim.looks import Look
from sim.reference.geometry import Geometry
from sim.track import Track

FARTHEST_M = 40.0
"""Ground farther ahead than this is field."""
SHADED_WALL = 0.85
"""Two of the four walls are darker by this."""
SKY_SPAN = 0.5
"""Slope above the horizon at which the sky has its upper grey."""
LIGHT = (0.8, 0.6)
SHADOW, LIT = 0.62, 0.26
"""A side that the light does not reach has 0.62 of the grey, one that faces it 0.88, the top all of it."""

Greys = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Paint:
    """A track's areas: the road with its lines, the lines, the dashes."""

    road: Any
    lines: Any
    dashes: Any

    @classmethod
    def of(cls, track: Track, look: Look) -> Paint:
        """Lines lie along the borders, on the road's side; as many whole dashes as fit, half a gap at the start."""
        geometry = Geometry.of(track)
        wide = {"cap_style": "flat", "join_style": "mitre", "mitre_limit": 4.0}
        borders = shapely.union(
            geometry.inner.buffer(look.line_width_m, **wide), geometry.outer.buffer(look.line_width_m, **wide)
        )
        centre = shapely.LineString(track.centre)
        period = look.dash_length_m + look.dash_gap_m
        dashes = []
        if look.dash_width_m > 0.0 and look.dash_length_m > 0.0:
            count = max(1, math.floor(centre.length / period + 0.5))
            step = centre.length / count
            half = 0.5 * step * look.dash_length_m / period
            for k in range(count):
                middle = (k + 0.5) * step
                piece = substring(centre, middle - half, middle + half)
                dashes.append(piece.buffer(0.5 * look.dash_width_m, **wide))
        return cls(geometry.road, shapely.intersection(geometry.road, borders), shapely.union_all(dashes))


def picture(
    track: Track,
    camera: Camera,
    pose: tuple[float, float, float],
    standing: Sequence[Standing] = (),
    *,
    size: tuple[int, int] | None = None,
    rays: int = 6,
) -> Greys:
    """The picture of `camera` (of the middle between two lenses), by rays * rays rays through each pixel."""
    height, width, _ = camera.shape
    width, height = (width, height) if size is None else size
    look = camera.drawn()
    paint = Paint.of(track, look)
    focal = 0.5 * width / math.tan(0.5 * camera.field_of_view_rad)
    across = ((np.arange(width * rays) + 0.5) / rays - 0.5 * width) / focal
    down = ((np.arange(height * rays) + 0.5) / rays - 0.5 * height) / focal
    right, below = np.meshgrid(across, down)
    pitch = math.radians(camera.pitch_deg)
    forward = math.cos(pitch) - below * math.sin(pitch)
    downward = math.sin(pitch) + below * math.cos(pitch)
    yaw = pose[2] + math.radians(camera.yaw_deg)
    direction_x = forward * math.cos(yaw) + right * math.sin(yaw)
    direction_y = forward * math.sin(yaw) - right * math.cos(yaw)
    eye_x = pose[0] + camera.forward_m * math.cos(pose[2]) - camera.side_m * math.sin(pose[2])
    eye_y = pose[1] + camera.forward_m * math.sin(pose[2]) + camera.side_m * math.cos(pose[2])
    directions = np.stack([direction_x, direction_y, -downward], axis=-1).reshape(-1, 3)
    eye = (eye_x, eye_y, camera.height_m)

    rows = np.repeat(np.arange(height), width * rays * rays)
    colours = {name: _of_rows(getattr(look, name), look, camera, height, focal) for name in _GROUND}
    greys = _sky_rows(look, camera, height, focal)[rows]
    nearest = np.full(len(directions), np.inf)
    _meet_ground(paint, look, colours, rows, eye, directions, forward.reshape(-1), greys, nearest)
    if look.wall_height_m > 0.0:
        _meet_walls(track, look, eye, directions, greys, nearest)
    for solid in standing:
        for block in _blocks(solid, look):
            _meet_block(block, eye, directions, greys, nearest)
    found: Greys = greys.reshape(height, rays, width, rays).mean(axis=(1, 3))
    return found


_GROUND = ("field", "line", "road", "dash")


def _horizon(camera: Camera, height: int, focal: float) -> float:
    return 0.5 * height - focal * math.tan(math.radians(camera.pitch_deg))


def _of_rows(grey: float, look: Look, camera: Camera, height: int, focal: float) -> Greys:
    """The grey of something on the ground in each row: as it is, or faded by the air between."""
    if look.haze_m == 0.0:
        return np.full(height, math.floor(grey + 0.5), np.float64)
    pitch, horizon = math.radians(camera.pitch_deg), _horizon(camera, height, focal)
    found = np.empty(height)
    for row in range(height):
        slope = (max(row, horizon) + 0.5 - 0.5 * height) / focal
        ahead = camera.height_m * (math.cos(pitch) - slope * math.sin(pitch))
        ahead = min(max(ahead / (math.sin(pitch) + slope * math.cos(pitch)), 0.0), FARTHEST_M)
        found[row] = math.floor(grey + (look.sky_horizon - grey) * (1.0 - math.exp(-ahead / look.haze_m)) + 0.5)
    return found


def _sky_rows(look: Look, camera: Camera, height: int, focal: float) -> Greys:
    up = (_horizon(camera, height, focal) - np.arange(height) - 0.5) / (focal * SKY_SPAN)
    sky: Greys = look.sky_horizon + np.clip(up, 0.0, 1.0) * (look.sky_top - look.sky_horizon)
    return sky


def _meet_ground(
    paint: Paint,
    look: Look,
    colours: dict[str, Greys],
    rows: NDArray[np.int_],
    eye: tuple[float, float, float],
    directions: Greys,
    forward: Greys,
    greys: Greys,
    nearest: Greys,
) -> None:
    hits = np.flatnonzero(directions[:, 2] < 0.0)
    way = -eye[2] / directions[hits, 2]
    x, y = eye[0] + way * directions[hits, 0], eye[1] + way * directions[hits, 1]
    greys[hits] = colours["field"][rows[hits]]
    nearest[hits] = way
    seen = way * forward[hits] <= FARTHEST_M
    for name, area in (("road", paint.road), ("line", paint.lines), ("dash", paint.dashes)):
        shapely.prepare(area)
        inside = seen & shapely.contains_xy(area, x, y)
        greys[hits[inside]] = colours[name][rows[hits[inside]]]


def _meet_walls(
    track: Track, look: Look, eye: tuple[float, float, float], directions: Greys, greys: Greys, nearest: Greys
) -> None:
    low_x, low_y, high_x, high_y = track.bounds
    away = look.wall_distance_m
    corners = [
        (low_x - away, low_y - away),
        (high_x + away, low_y - away),
        (high_x + away, high_y + away),
        (low_x - away, high_y + away),
    ]
    for i in range(4):
        shade = math.floor((1.0 if i % 2 == 0 else SHADED_WALL) * look.wall + 0.5)
        _meet_side(corners[i], corners[(i + 1) % 4], 0.0, look.wall_height_m, shade, eye, directions, greys, nearest)


def _meet_side(
    a: tuple[float, float],
    b: tuple[float, float],
    low: float,
    high: float,
    grey: float,
    eye: tuple[float, float, float],
    directions: Greys,
    greys: Greys,
    nearest: Greys,
) -> None:
    """An upright rectangle over the line from a to b, between two heights."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        across = directions[:, 0] * dy - directions[:, 1] * dx
        way = ((a[0] - eye[0]) * dy - (a[1] - eye[1]) * dx) / across
        share = ((a[0] - eye[0]) * directions[:, 1] - (a[1] - eye[1]) * directions[:, 0]) / across
        z = eye[2] + way * directions[:, 2]
        hit = (way > 0.0) & (way < nearest) & (share >= 0.0) & (share <= 1.0) & (z >= low) & (z <= high)
    greys[hit] = grey
    nearest[hit] = way[hit]


@dataclass(frozen=True)
class _Block:
    x: float
    y: float
    yaw: float
    half_length_m: float
    half_width_m: float
    low: float
    high: float
    grey: float

    def corners(self) -> list[tuple[float, float]]:
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        signs = ((1, 1), (-1, 1), (-1, -1), (1, -1))
        spots = [(i * self.half_length_m, j * self.half_width_m) for i, j in signs]
        return [(self.x + along * c - left * s, self.y + along * s + left * c) for along, left in spots]


def _blocks(solid: Standing, look: Look) -> list[_Block]:
    """A box is one block; a car a body, 55 % of its height, and a shorter, narrower, darker cabin on it."""
    x, y, yaw, length, width, height, kind = solid
    if kind == "box":
        return [_Block(x, y, yaw, length, width, 0.0, height, look.box)]
    front, back = 0.35 * length, -0.7 * length
    middle = 0.5 * (front + back)
    cabin_x, cabin_y = x + middle * math.cos(yaw), y + middle * math.sin(yaw)
    body = _Block(x, y, yaw, length, width, 0.0, 0.55 * height, look.bot)
    cabin = _Block(cabin_x, cabin_y, yaw, 0.5 * (front - back), 0.8 * width, 0.55 * height, height, 0.7 * look.bot)
    return [body, cabin]


def _meet_block(
    block: _Block, eye: tuple[float, float, float], directions: Greys, greys: Greys, nearest: Greys
) -> None:
    corners = block.corners()
    for i in range(4):
        (ax, ay), (bx, by) = corners[i], corners[(i + 1) % 4]
        length = math.hypot(bx - ax, by - ay)
        facing = ((by - ay) * LIGHT[0] - (bx - ax) * LIGHT[1]) / length
        grey = math.floor(block.grey * (SHADOW + LIT * max(0.0, facing)) + 0.5)
        _meet_side((ax, ay), (bx, by), block.low, block.high, grey, eye, directions, greys, nearest)
    with np.errstate(divide="ignore", invalid="ignore"):
        way = (block.high - eye[2]) / directions[:, 2]
        x, y = eye[0] + way * directions[:, 0] - block.x, eye[1] + way * directions[:, 1] - block.y
        c, s = math.cos(block.yaw), math.sin(block.yaw)
        inside = (np.abs(x * c + y * s) <= block.half_length_m) & (np.abs(y * c - x * s) <= block.half_width_m)
        hit = inside & (way > 0.0) & (way < nearest)
    greys[hit] = math.floor(block.grey + 0.5)
    nearest[hit] = way[hit]
