"""Small circuits for the simulator's tests, drawn from straights and half circles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.track import Track


def oval(straight_m: float = 4.0, radius_m: float = 1.5, half_width_m: float = 0.4, spacing_m: float = 0.15) -> Track:
    """A counterclockwise stadium; its first row is at the beginning of the lower straight."""
    around = straight_m * 2 + 2 * np.pi * radius_m
    count = int(around / spacing_m)
    rows = [_stadium(around * i / count, straight_m, radius_m) for i in range(count)]
    rows.append(rows[0])
    centre, left = np.array([r[:2] for r in rows]), np.array([r[2:] for r in rows])
    return Track("oval", "Oval", centre, centre + half_width_m * left, centre - half_width_m * left, closed=True)


def hairpin() -> Track:
    """Two straights so near each other that their inner borders are 10 cm apart."""
    return oval(straight_m=5.0, radius_m=0.35, half_width_m=0.3, spacing_m=0.1)


def wave() -> Track:
    """An open track of two bends."""
    s = np.linspace(0.0, 8.0, 81)
    centre = np.column_stack([s, np.sin(s)])
    left = np.column_stack([-np.cos(s), np.ones_like(s)]) / np.sqrt(1 + np.cos(s) ** 2)[:, None]
    return Track("wave", "Wave", centre, centre + 0.35 * left, centre - 0.35 * left, closed=False)


def points_near(track: Track, count: int, seed: int) -> NDArray[np.float64]:
    """Random poses (count, 3) on, near and off a track."""
    random = np.random.default_rng(seed)
    row = random.integers(0, len(track.centre), count)
    spot = track.centre[row] + random.normal(0.0, 0.6 * track.width_m, (count, 2))
    return np.column_stack([spot, random.uniform(-np.pi, np.pi, count)])


def _stadium(s: float, straight: float, radius: float) -> tuple[float, float, float, float]:
    bend = np.pi * radius
    if s < straight:
        return s, -radius, 0.0, 1.0
    if s < straight + bend:
        angle = (s - straight) / radius - np.pi / 2
        return straight + radius * np.cos(angle), radius * np.sin(angle), -np.cos(angle), -np.sin(angle)
    if s < 2 * straight + bend:
        return straight - (s - straight - bend), radius, 0.0, -1.0
    angle = (s - 2 * straight - bend) / radius + np.pi / 2
    return radius * np.cos(angle), radius * np.sin(angle), -np.cos(angle), -np.sin(angle)
