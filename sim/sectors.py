"""Sector times: each lap is cut into three parts of equal length, timed where the car passes into the next."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.metrics import STEP_MS
from sim.trace import DriveTrace

SECTORS = 3
JUMP_PERCENT = 50.0
"""Progress that changes by more from one row to the next has wrapped around the line: no sector was driven."""

SectorTimes = tuple[int | None, ...]
"""Milliseconds of each sector; None from the first one on that was not completed."""


def sectors_of(trace: DriveTrace, laps_ms: Sequence[tuple[int, bool]]) -> list[SectorTimes]:
    """The sectors of each lap of a drive. `laps_ms`: time (ms) and whether the lap was completed, in order.

    Sectors of a completed lap add up to its time. A lap of which the trace has no rows has no sectors.
    """
    progress, lap = trace.column("progress").astype(np.float64), trace.column("lap")
    return [
        sector_times(progress[lap == number], time_ms, complete) for number, (time_ms, complete) in enumerate(laps_ms)
    ]


def sector_times(progress: NDArray[np.float64], time_ms: int, complete: bool) -> SectorTimes:
    """(SECTORS,) times of one lap from the progress (n,) in per cent at the end of each of its steps of 1/15 s.

    Between two rows the moment of passing is interpolated; penalties are inside the sector in which the car waited.
    """
    passed: list[int | None] = [_passing_ms(progress, 100.0 * k / SECTORS) for k in range(1, SECTORS)]
    if any(moment is None for moment in passed) and complete:
        return (None,) * SECTORS  # a lap whose rows are not all here
    ends = [0, *passed, time_ms if complete else None]
    times: list[int | None] = []
    for before, end in itertools.pairwise(ends):
        times.append(None if before is None or end is None or end < before else end - before)
    return tuple(times)


def _passing_ms(progress: NDArray[np.float64], share: float) -> int | None:
    """When the car first came past this per cent of the lap; None where it did not."""
    before, after = progress[:-1], progress[1:]
    found = np.flatnonzero((before < share) & (after >= share) & (after - before < JUMP_PERCENT))
    if not len(found):
        return None
    row = int(found[0])
    part = float((share - progress[row]) / (progress[row + 1] - progress[row]))
    return round((row + 1 + part) * STEP_MS)
