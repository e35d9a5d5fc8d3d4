"""A drive as a picture to keep and to share: a still of the whole way, or one lap as a GIF."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.pictures import Film, evenly, poses_of, trail_of, write_gif, write_png
from sim.top_view import TopView
from sim.trace import STEPS_PER_SECOND, DriveTrace
from sim.track import Direction, Track

STILL_PX = 1200
CLIP_PX = 480
CLIP_EVERY = 2
MOST_FRAMES = 240
"""Of a GIF; a longer lap has fewer frames a second."""
TRAIL_ROWS = 45
"""How much of the way is drawn behind a moving car: three seconds."""
PATIENCE_S = 10.0

_drawing = threading.Lock()
"""Pictures are drawn one after another in a process, so that a crowd that wants them leaves room for pages."""


class DrawingBusy(Exception):
    """Too many ask for pictures at this moment."""


def still(track: Track, direction: Direction, trace: DriveTrace) -> bytes:
    """A PNG of the whole way, coloured by speed, the car where it ended."""
    view = TopView(track.driven(direction), STILL_PX)
    frame = view.frame(poses_of(trace)[-1:], trail=trail_of(trace))
    return _one_at_a_time(lambda path: write_png(path, frame), ".png")


def clip(track: Track, direction: Direction, trace: DriveTrace, lap: int) -> bytes:
    """A GIF of one lap (from 1), as fast as it was driven. ValueError for a lap that was not driven."""
    rows = np.flatnonzero(trace.column("lap") == lap - 1)
    if len(rows) == 0:
        raise ValueError(f"the drive has no lap {lap}")
    part = DriveTrace(trace.rows[rows[0] : rows[-1] + 1])
    every = max(CLIP_EVERY, -(-len(part.rows) // MOST_FRAMES))
    view = TopView(track.driven(direction), CLIP_PX)
    return _one_at_a_time(lambda path: write_gif(path, _film(view, part, every), STEPS_PER_SECOND / every), ".gif")


def _film(view: TopView, trace: DriveTrace, every: int) -> Film:
    poses, trail = poses_of(trace), trail_of(trace)

    def frame(row: int) -> NDArray[np.uint8]:
        return view.frame(poses[row : row + 1], trail=trail[max(0, row - TRAIL_ROWS) : row + 1])

    return Film(evenly(len(poses), every), frame)


def _one_at_a_time(write: Callable[[Path], object], ending: str) -> bytes:
    """What `write` puts into a file. Raises DrawingBusy where others draw for too long."""
    if not _drawing.acquire(timeout=PATIENCE_S):
        raise DrawingBusy
    try:
        with tempfile.TemporaryDirectory(prefix="paddock-picture-") as folder:
            path = Path(folder) / f"drive{ending}"
            write(path)
            return path.read_bytes()
    finally:
        _drawing.release()
