"""Stills as PNG of any array of pixels, and what of a drive's trace is drawn; `sim.film` has what moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.film import Film, evenly, image_of, write_gif
from sim.trace import STEPS_PER_SECOND, DriveTrace

FRONT_POINT_M = 0.14
"""A trace holds places of the car's front; a picture draws it about its base."""

__all__ = ["FRONT_POINT_M", "Film", "evenly", "poses_of", "trail_of", "write_gif", "write_png"]


def write_png(path: Path, pixels: NDArray[np.uint8]) -> Path:
    """Write (height, width) grey or (height, width, 3) colours."""
    image_of(pixels).save(path, format="PNG", optimize=True)
    return path


def poses_of(trace: DriveTrace) -> NDArray[np.float64]:
    """(n, 3) x, y, yaw (rad) of the car's base, row by row."""
    yaw = np.radians(trace.column("heading_deg").astype(np.float64))
    x = trace.column("x") - FRONT_POINT_M * np.cos(yaw)
    y = trace.column("y") - FRONT_POINT_M * np.sin(yaw)
    return np.column_stack([x, y, yaw])


def trail_of(trace: DriveTrace) -> NDArray[np.float64]:
    """(n, 3) x, y of the car's base and how fast it went there, m/s, for a top view's trail."""
    poses = poses_of(trace)
    moved = np.hypot(*np.diff(poses[:, :2], axis=0, prepend=poses[:1, :2]).T)
    return np.column_stack([poses[:, :2], moved * STEPS_PER_SECOND])
