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
Shape = tuple[Points, Colour, Colour | None]
"""Corners in pixels of the finer picture, what fills them, and their outline."""
Place = tuple[int, int, int, int]
"""Left, top, right and bottom in the finer picture."""
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
    """Pictures of one track, `longest_px` on their longer side. ValueError where that is not 32 to 4096.

    The road is drawn once; a way that grows from picture to picture is drawn on as it grows; of the rest only the
    rectangles round cars and solids are drawn, and put back as they were. What comes out does not depend on what was
    drawn before.
    """

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
        self._canvas, self._averaged = self._background, _reduced(self._background)
        self._trail: NDArray[np.float64] = np.zeros((0, 3))
        self._fastest_mps = 0.0

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
        fastest_mps: float | None = None,
        solids: NDArray[np.float64] | None = None,
    ) -> NDArray[np.uint8]:
        """(height, width, 3) with a car at each of `poses` (n, 3) x, y, yaw (rad), the chosen one in red.

        `trail` (m, 3) is where it came from: x, y and speed in m/s, which colours it from nothing to `fastest_mps`
        (its own fastest without). `solids` (k, 5) are x, y, yaw, half length and half width of what else stands on the
        road.
        """
        self._draw_way(np.zeros((0, 3)) if trail is None else np.asarray(trail, np.float64), fastest_mps)
        shapes: list[Shape] = []
        for x, y, yaw, half_length, half_width in [] if solids is None else np.asarray(solids).tolist():
            shapes.append((self.at(_corners(x, y, yaw, -half_length, half_length, half_width)), SOLID, None))
        order = [*(i for i in range(len(poses)) if i != chosen), *([chosen] if 0 <= chosen < len(poses) else [])]
        for i in order:
            shapes += self._car(poses[i], CHOSEN if i == chosen else OTHER)
        return self._with(shapes)

    def _with(self, shapes: list[Shape]) -> NDArray[np.uint8]:
        """The picture with these on it; the canvas is left as it was."""
        frame = self._averaged.copy()
        draw = ImageDraw.Draw(self._canvas)
        places = [place for points, _, _ in shapes if (place := self._around(points, 1.0)) is not None]
        before = [self._canvas.crop(place) for place in places]
        for points, fill, outline in shapes:
            draw.polygon(_pairs(points), fill=fill, outline=outline)
        for place in places:
            _average(self._canvas, place, frame)
        for place, patch in zip(reversed(places), reversed(before), strict=True):
            self._canvas.paste(patch, place[:2])
        return frame

    def _around(self, points: Points, wide: float) -> Place | None:
        """The rectangle of whole averaged pixels that holds what is drawn at these points, `wide` on all sides."""
        most = np.array([self.width, self.height])
        low = np.clip(np.floor((points.min(axis=0) - wide - 1.0) / FINER), 0, most).astype(int)
        high = np.clip(np.ceil((points.max(axis=0) + wide + 2.0) / FINER), 0, most).astype(int)
        if (low >= high).any():
            return None
        left, top, right, bottom = (FINER * np.concatenate([low, high])).tolist()
        return left, top, right, bottom

    def _draw_way(self, trail: NDArray[np.float64], fastest_mps: float | None) -> None:
        """Bring the canvas to this way: what is new is added, and another way than before begins anew."""
        fastest_mps = max(float(trail[:, 2].max(initial=0.0)) if fastest_mps is None else fastest_mps, 1e-9)
        drawn = len(self._trail)
        grown = fastest_mps == self._fastest_mps and len(trail) >= drawn and np.array_equal(trail[:drawn], self._trail)
        if not grown and drawn > 1:
            self._canvas, self._averaged, drawn = self._background, _reduced(self._background), 0
        if len(trail) > 1 and self._canvas is self._background:
            self._canvas = self._background.copy()
        self._trail, self._fastest_mps = trail.copy(), fastest_mps
        first = max(0, drawn - 1)
        if len(trail) - first < 2:
            return
        width_px = max(2, round(0.07 * self.per_m * FINER))
        places = self.at(trail[first:, :2])
        draw = ImageDraw.Draw(self._canvas)
        for i, speed in enumerate(trail[first + 1 :, 2].tolist()):
            share = min(1.0, speed / fastest_mps)
            colour = tuple(round(slow + share * (fast - slow)) for slow, fast in zip(SLOW, FAST, strict=True))
            draw.line(_pairs(places[i : i + 2]), fill=colour, width=width_px)
        if (place := self._around(places, width_px)) is not None:
            _average(self._canvas, place, self._averaged)

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

    def _car(self, pose: NDArray[np.float64], fill: Colour) -> list[Shape]:
        # On a large track a car of its true size is a speck; it is never drawn less than 12 pixels long.
        x, y, yaw = pose.tolist()
        larger = max(1.0, 12.0 / (CAR_LENGTH_M * self.per_m))
        long, wide = 0.5 * CAR_LENGTH_M * larger, 0.5 * CAR_WIDTH_M * larger
        body = self.at(_corners(x, y, yaw, -long, long, wide))
        return [(body, fill, FRONT), (self.at(_corners(x, y, yaw, 0.3 * long, 0.7 * long, 0.75 * wide)), FRONT, None)]


def _reduced(canvas: Image.Image) -> NDArray[np.uint8]:
    return np.array(canvas.reduce(FINER))


def _average(canvas: Image.Image, place: Place, into: NDArray[np.uint8]) -> None:
    """Average a rectangle of the canvas down into its place in a picture."""
    left, top, right, bottom = (edge // FINER for edge in place)
    into[top:bottom, left:right] = np.asarray(canvas.reduce(FINER, box=place))


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
