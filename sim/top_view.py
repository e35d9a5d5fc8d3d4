"""A track from above with cars on it, as pixels: road, centre dashes, borders and start line, y up."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sim.track import Points, Track

MARGIN_M = 0.4
FINER = 2
"""Everything is drawn so many times larger and averaged down, against steps in its edges."""
LEAST_PX, MOST_PX = 32, 4096
CAR_LENGTH_M, CAR_WIDTH_M = 0.3235, 0.1961
"""The real car's rectangle for collisions."""

Colour = tuple[int, int, int]
GRASS: Colour = (58, 94, 62)
ROAD: Colour = (66, 68, 74)
BORDER: Colour = (240, 240, 236)
DASH: Colour = (242, 196, 60)
START: Colour = (250, 250, 250)
CHOSEN: Colour = (214, 40, 40)
OTHER: Colour = (150, 154, 162)
SOLID: Colour = (226, 132, 40)
FRONT: Colour = (24, 26, 30)
SLOW, FAST = (66, 135, 245), (255, 92, 70)


class TopView:
    """Pictures of one track, `longest_px` on their longer side. ValueError where that is not 32 to 4096."""

    def __init__(self, track: Track, longest_px: int = 640) -> None:
        if not LEAST_PX <= longest_px <= MOST_PX:
            raise ValueError(f"a picture of {longest_px} pixels is asked for; {LEAST_PX} to {MOST_PX} are possible")
        left, bottom, right, top = track.bounds
        wide, high = right - left + 2.0 * MARGIN_M, top - bottom + 2.0 * MARGIN_M
        self.per_m = longest_px / max(wide, high)
        self.width = max(LEAST_PX, round(wide * self.per_m))
        self.height = max(LEAST_PX, round(high * self.per_m))
        self._corner = np.array([0.5 * (left + right), 0.5 * (bottom + top)])
        self._background = self._road(track)

    def at(self, points: Points) -> Points:
        """Where points (n, 2) in metres are in the finer picture, in pixels, y down."""
        away = (np.asarray(points, np.float64).reshape(-1, 2) - self._corner) * self.per_m
        placed: Points = FINER * (away * [1.0, -1.0] + [0.5 * self.width, 0.5 * self.height])
        return placed

    def frame(
        self,
        poses: NDArray[np.float64],
        *,
        chosen: int = 0,
        trail: NDArray[np.float64] | None = None,
        solids: NDArray[np.float64] | None = None,
    ) -> NDArray[np.uint8]:
        """(height, width, 3) with a car at each of `poses` (n, 3) x, y, yaw (rad), the chosen one in red.

        `trail` (m, 3) is where it came from: x, y and speed in m/s, which colours it. `solids` (k, 5) are x, y, yaw,
        half length and half width of what else stands on the road.
        """
        image = self._background.copy()
        draw = ImageDraw.Draw(image)
        if trail is not None:
            self._draw_trail(draw, trail)
        for x, y, yaw, half_length, half_width in [] if solids is None else np.asarray(solids).tolist():
            self._draw_block(draw, x, y, yaw, (half_length, half_width), SOLID)
        order = [*(i for i in range(len(poses)) if i != chosen), *([chosen] if 0 <= chosen < len(poses) else [])]
        for i in order:
            self._draw_car(draw, poses[i], CHOSEN if i == chosen else OTHER)
        return np.asarray(image.reduce(FINER))

    def _road(self, track: Track) -> Image.Image:
        image = Image.new("RGB", (self.width * FINER, self.height * FINER), GRASS)
        draw = ImageDraw.Draw(image)
        inner, outer = self.at(track.inner), self.at(track.outer)
        for i in range(len(inner) - 1):
            draw.polygon(_pairs([inner[i], inner[i + 1], outer[i + 1], outer[i]]), fill=ROAD, outline=ROAD)
        line_px = max(2, round(0.05 * self.per_m * FINER))
        for border in (inner, outer):
            draw.line(_pairs(border), fill=BORDER, width=line_px, joint="curve")
        for dash in _dashes(track.centre):
            draw.line(_pairs(self.at(dash)), fill=DASH, width=max(2, line_px // 2))
        draw.line(_pairs([inner[0], outer[0]]), fill=START, width=2 * line_px)
        return image

    def _draw_trail(self, draw: ImageDraw.ImageDraw, trail: NDArray[np.float64]) -> None:
        places, speeds = self.at(trail[:, :2]), trail[:, 2]
        fastest = max(float(speeds.max(initial=0.0)), 1e-9)
        for i in range(len(places) - 1):
            share = float(speeds[i + 1]) / fastest
            colour = tuple(round(slow + share * (fast - slow)) for slow, fast in zip(SLOW, FAST, strict=True))
            draw.line(_pairs(places[i : i + 2]), fill=colour, width=max(2, round(0.07 * self.per_m * FINER)))

    def _draw_block(
        self, draw: ImageDraw.ImageDraw, x: float, y: float, yaw: float, half: tuple[float, float], fill: Colour
    ) -> None:
        draw.polygon(_pairs(self.at(_corners(x, y, yaw, -half[0], half[0], half[1]))), fill=fill)

    def _draw_car(self, draw: ImageDraw.ImageDraw, pose: NDArray[np.float64], fill: Colour) -> None:
        # On a large track a car of its true size is a speck; it is never drawn less than 12 pixels long.
        x, y, yaw = pose.tolist()
        larger = max(1.0, 12.0 / (CAR_LENGTH_M * self.per_m))
        long, wide = 0.5 * CAR_LENGTH_M * larger, 0.5 * CAR_WIDTH_M * larger
        draw.polygon(_pairs(self.at(_corners(x, y, yaw, -long, long, wide))), fill=fill, outline=FRONT)
        draw.polygon(_pairs(self.at(_corners(x, y, yaw, 0.3 * long, 0.7 * long, 0.75 * wide))), fill=FRONT)


def _corners(x: float, y: float, yaw: float, behind: float, ahead: float, half: float) -> Points:
    c, s = math.cos(yaw), math.sin(yaw)
    return np.array([(x + a * c - b * s, y + a * s + b * c) for a in (behind, ahead) for b in (half, -half)])[
        [0, 1, 3, 2]
    ]


def _dashes(centre: Points, long_m: float = 0.15, apart_m: float = 0.45) -> Iterable[Points]:
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(centre, axis=0).T))])
    for start in np.arange(0.0, along[-1] - long_m, apart_m):
        at = np.array([start, start + long_m])
        yield np.column_stack([np.interp(at, along, centre[:, axis]) for axis in (0, 1)])


def _pairs(points: Points | list[Points]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points]
