"""Open-loop replay: what a car of ours does under recorded commands, against where the recorded one went.

An episode is driven from its first row, standing, through the recorded commands of the rows that follow; nothing of
what happened is fed back. So small errors grow, and the distance after some seconds judges the whole model of the car.

The real simulator puts the body of the car back at the start and leaves its joints as they are: an episode that begins
two rows after another one begins with front wheels that still point where the last commands turned them. So the
commands of the episode before, and how long ago they were, belong to a recorded drive.
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
SOON_S = 1.0
"""An episode that begins later than this after the one before begins with straight wheels: nobody knows which commands
the car had meanwhile, while the real simulator waited for the next policy."""
EVEN_WITHIN = 0.01
"""Share by which a log's own step may differ from 1/15 s and still be taken for it: its clock has milliseconds."""


@dataclass(frozen=True, eq=False)
class Drive:
    """One recorded episode from standing: rows (n,), the first of them `prepare`.

    pose: x, y, yaw (rad) of the base in the first row; front: (n, 2) the recorded front points in m; actions:
    (n - 1, 2) steering in degrees and speed in m/s, row k of them leading to row k + 1; clock_s: (n,) since the first
    row, NaN where the log has none. steering_before_deg: (m,) commands of the episode before, `gap_s` from its last row
    to the first of this one; none where the log's clock says of no episode that it had just ended. `start_known` is
    false where one had ended long before: then nobody knows where the front wheels pointed.
    """

    number: int
    pose: tuple[float, float, float]
    front: NDArray[np.float64]
    yaw: NDArray[np.float64]
    actions: NDArray[np.float64]
    clock_s: NDArray[np.float64]
    steering_before_deg: NDArray[np.float64]
    gap_s: float
    start_known: bool


def drives_of(log: RecordedLog) -> Iterator[Drive]:
    """The episodes of a log that begin standing, each until it ends, pauses or is cut short."""
    before = slice(0, 0)
    for number, rows in enumerate(log.episodes()):
        just_ended, before = before, rows
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
        gap_s = _gap_s(log, just_ended, rows)
        soon = 0.0 < gap_s <= SOON_S
        yield Drive(
            number,
            (float(pose[0]), float(pose[1]), float(pose[2])),
            front,
            np.unwrap(yaw),
            actions,
            clock,
            steering_before_deg=log.steering_deg[just_ended][1:] if soon else np.empty(0),
            gap_s=gap_s if soon else 0.0,
            start_known=gap_s <= SOON_S,
        )


def _gap_s(log: RecordedLog, before: slice, rows: slice) -> float:
    """How long before these `rows` the episode `before` ended; 0 where there was none, or the clock cannot say.

    A clock that begins anew with each episode, as that of our own logs, says nothing: our cars begin with straight
    wheels.
    """
    if before.stop == before.start:
        return 0.0
    gap_s = float(log.time_s[rows.start] - log.time_s[before.stop - 1])
    return gap_s if gap_s > 0.0 else 0.0


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


def hinge_at_start_rad(car: CarDynamics, drive: Drive) -> float:
    """Where the front wheels point in the first row, still from the commands of the episode before.

    Each command held them for a step from `command_delay_s` after its row on, the last one until the car was put back
    and commanded straight on; what a command made of the angle decays with the hinge's time constant.
    """
    if not len(drive.steering_before_deg):
        return 0.0
    steps_ago = np.arange(len(drive.steering_before_deg) - 1, -1, -1.0)
    ended_s = drive.gap_s - car.command_delay_s + steps_ago * STEP_S
    lag_s = max(car.steering_lag_s, 1e-6)
    shares = np.exp(-np.maximum(0.0, ended_s) / lag_s) - np.exp(-np.maximum(0.0, ended_s + STEP_S) / lag_s)
    return car.steering_pull_rad + car.steering_gain * float(shares @ np.radians(drive.steering_before_deg))


def replayed(car: CarDynamics, drive: Drive, durations_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n - 1, 6) x, y of the front point, yaw, forward and sideways speed and yaw rate after each action."""
    out = np.empty((len(drive.actions), 6))
    hinge_rad = hinge_at_start_rad(car, drive)
    _core.replay(car.to_list(), list(drive.pose), hinge_rad, np.ascontiguousarray(drive.actions), durations_s, out)
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
