"""A circuit: its centre line, its two borders and the direction in which it is driven."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

NAME_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")


class TrackError(ValueError):
    """Something is no track, or no such track exists; the message is one line and says the mend."""


class Direction(StrEnum):
    """Which way round a track is driven. On an open track counterclockwise is the order of its rows."""

    COUNTERCLOCKWISE = "counterclockwise"
    CLOCKWISE = "clockwise"


@dataclass(frozen=True, eq=False)
class Track:
    """A circuit in metres, in its own flat frame.

    `centre`, `inner` and `outer` are float64 (N, 2) with one row per waypoint; row i of each belongs to waypoint i.
    A closed track repeats its first row as its last. `inner` is the border nearer the middle of a closed track;
    on an open track, the one on the left when its rows are followed. The first row is the start line.
    Arrays are read-only. Build one with `sim.track_checks.clean`, or read it with `sim.track_files`.
    """

    name: str
    title: str
    centre: Points
    inner: Points
    outer: Points
    closed: bool
    description: str = ""
    difficulty: str = ""

    def __post_init__(self) -> None:
        check_name(self.name)
        rows = len(self.centre)
        for field in ("centre", "inner", "outer"):
            points = np.array(getattr(self, field), dtype=np.float64, order="C")
            if points.ndim != 2 or points.shape != (rows, 2) or rows < 2:
                raise TrackError(f"track {self.name}: {field} has shape {points.shape}; it needs ({rows}, 2)")
            points.flags.writeable = False
            object.__setattr__(self, field, points)

    @cached_property
    def length_m(self) -> float:
        """Length of the centre line, the closing segment included."""
        return float(np.hypot(*np.diff(self.centre, axis=0).T).sum())

    @cached_property
    def width_m(self) -> float:
        """Median distance between the borders, row by row."""
        return float(np.median(np.hypot(*(self.outer - self.inner).T)))

    @cached_property
    def counter_clockwise(self) -> bool:
        """True where the rows run counterclockwise; on an open track, where the inner border is on the left."""
        if self.closed:
            return signed_area(self.centre) > 0.0
        along = np.gradient(self.centre, axis=0)
        across = self.inner - self.outer
        return float(np.sum(along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0])) > 0.0

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hex over the geometry alone: equal for equal tracks, whatever they are called."""
        import hashlib  # loads OpenSSL, which a world does not need

        digest = hashlib.sha256(b"closed" if self.closed else b"open")
        for points in (self.centre, self.inner, self.outer):
            digest.update(points.astype("<f8").tobytes())
        return digest.hexdigest()

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest x and y, largest x and y, over both borders, in metres."""
        points = np.concatenate([self.inner, self.outer])
        low, high = points.min(axis=0), points.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    def driven(self, direction: Direction) -> Track:
        """The same track with its rows in the order in which a car meets them; the start line stays row 0 of a loop."""
        if self.counter_clockwise == (direction is Direction.COUNTERCLOCKWISE):
            return self
        return replace(self, centre=self.centre[::-1], inner=self.inner[::-1], outer=self.outer[::-1])

    def outline(self) -> dict[str, Any]:
        """What a page needs to draw the track: lists of [x, y] in metres, rounded to the millimetre."""
        return {
            "centre": _millimetres(self.centre),
            "inner": _millimetres(self.inner),
            "outer": _millimetres(self.outer),
            "bounds": [round(value, 3) for value in self.bounds],
            "start": _millimetres(np.array([self.inner[0], self.outer[0]])),
            "closed": self.closed,
        }


def check_name(name: str) -> str:
    """The name itself, or TrackError: names become file names and parts of addresses."""
    if not NAME_PATTERN.fullmatch(name):
        raise TrackError(f"{name[:80]!r} is no track name: use 1 to 64 letters, digits, hyphens and underscores")
    return name


def signed_area(points: Points) -> float:
    """Area inside a closed line of points (N, 2) in m²; positive where they run counterclockwise (shoelace formula)."""
    x, y = points[:, 0], points[:, 1]
    return float(0.5 * (np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


def _millimetres(points: Points) -> list[list[float]]:
    rows: list[list[float]] = np.round(points, 3).tolist()
    return rows
