"""Open-loop replay: what a car of ours does under recorded commands, against where the recorded one went.

An episode is driven from its first row, standing, through the recorded commands of the rows that follow; nothing of
what happened is fed back. So small errors grow, and the distance after some seconds judges the whole model of the car.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.dynamics import CarDynamics
from sim.episode import STEP_S
from sim.native import _core
from sim.recorded_log import MOVING_STATUSES, RecordedLog

FRONT_POINT_M = 0.14
STANDING_M = 0.03
"""A car that moves further than this from its first row to its second was driving before the recording began."""
EVEN_WITHIN = 0.01
"""Share by which a log's own step may differ from 1/15 s and still be taken for it: its clock has milliseconds."""


@dataclass(frozen=True, eq=False)
class Drive:
    """One recorded episode from standing: rows (n,), the first of them `prepare`.

    pose: x, y, yaw (rad) of the base in the first row; front: (n, 2) the recorded front points in m; actions:
    (n - 1, 2) steering in degrees and speed in m/s, row k of them leading to row k + 1; clock_s: (n,) since the first
    row, NaN where the log has none.
    """

    number: int
    pose: tuple[float, float, float]
    front: NDArray[np.float64]
    yaw: NDArray[np.float64]
    actions: NDArray[np.float64]
    clock_s: NDArray[np.float64]


def drives_of(log: RecordedLog) -> Iterator[Drive]:
    """The episodes of a log that begin standing, each until it ends, pauses or is cut short."""
    for number, rows in enumerate(log.episodes()):
        stop = rows.start + 1
        while stop < rows.stop and (log.status[stop] in MOVING_STATUSES or "episode_status" not in log.columns):
            stop += 1
            if log.status[stop - 1] not in ("in_progress", ""):
                break
        kept = slice(rows.start, stop)
        front = np.column_stack([log.x[kept], log.y[kept]])
        begins = log.steps[rows.start] <= 1 and stop - rows.start >= 2
        if not begins or math.dist(front[0], front[1]) > STANDING_M:
            continue
        yaw = np.radians(log.yaw_deg[kept])
        pose = (front[0, 0] - FRONT_POINT_M * math.cos(yaw[0]), front[0, 1] - FRONT_POINT_M * math.sin(yaw[0]), yaw[0])
        actions = np.column_stack([log.steering_deg[kept], log.speed_mps[kept]])[1:]
        clock = log.time_s[kept] - log.time_s[rows.start]
        yield Drive(number, (float(pose[0]), float(pose[1]), float(pose[2])), front, np.unwrap(yaw), actions, clock)


def step_of(log: RecordedLog) -> float:
    """Seconds of a row by the log's own clock: 1/15 where it says so or has none."""
    if "tstamp" not in log.columns:
        return STEP_S
    steps = np.concatenate([[], *(np.diff(log.time_s[rows]) for rows in log.episodes())])
    steps = steps[steps > 0.0]
    if not len(steps):
        return STEP_S
    usual = float(np.median(steps))
    mean = float(steps[(steps > 0.5 * usual) & (steps < 1.5 * usual)].mean())
    return STEP_S if abs(mean / STEP_S - 1.0) < EVEN_WITHIN else mean


def durations_of(drive: Drive, step_s: float | None) -> NDArray[np.float64]:
    """How long each action was held: `step_s`, or without it as the clock of the log says."""
    if step_s is not None:
        return np.full(len(drive.actions), step_s)
    return np.maximum(np.diff(drive.clock_s), 1e-3)


def replayed(car: CarDynamics, drive: Drive, durations_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n - 1, 6) x, y of the front point, yaw, forward and sideways speed and yaw rate after each action."""
    out = np.empty((len(drive.actions), 6))
    _core.replay(car.to_list(), list(drive.pose), np.ascontiguousarray(drive.actions), durations_s, out)
    out[:, 0] += FRONT_POINT_M * np.cos(out[:, 2])
    out[:, 1] += FRONT_POINT_M * np.sin(out[:, 2])
    return out


def row_after(durations_s: NDArray[np.float64], seconds: float) -> int | None:
    """The row whose end is nearest to `seconds`; None where the drive ends more than half a row before."""
    ends = np.cumsum(durations_s)
    if not len(ends) or ends[-1] < seconds - 0.5 * float(durations_s[-1]) - 1e-9:
        return None
    return int(np.argmin(np.abs(ends - seconds)))


def errors_m(car: CarDynamics, drive: Drive, durations_s: NDArray[np.float64], at_s: tuple[float, ...]) -> list[float]:
    """Distance from the recorded front point after so many seconds; NaN where the drive is shorter."""
    path = replayed(car, drive, durations_s)
    apart = np.hypot(*(path[:, :2] - drive.front[1:]).T)
    rows = [row_after(durations_s, seconds) for seconds in at_s]
    return [math.nan if row is None else float(apart[row]) for row in rows]
