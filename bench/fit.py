"""The fit of the car's few free numbers to recorded logs: one value of each for all logs together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from bench.fidelity import SECONDS, drives_among, step_seconds
from bench.recorded import recorded
from bench.rows import Row
from sim.dynamics import PRESETS, UNLOADED_HINGE_LAG_S, CarDynamics
from sim.replay import Drive, durations_of, errors_m, replayed, row_after

FREE: dict[str, tuple[float, float]] = {
    "speed_gain": (0.8, 1.2),
    "steering_gain": (0.4, 1.2),
    "steering_pull_rad": (-0.15, 0.15),
    "command_delay_s": (0.0, 0.13),
    "front_grip_mps2": (0.5, 20.0),
    "rear_grip_mps2": (0.5, 20.0),
    "slip_mps": (0.01, 1.0),
}
"""What is fitted, and within which limits. All else of a car is from its description and its controllers' gains."""
FOLLOWING = ("steering_lag_s",)
"""What follows from the fitted numbers: see sim/dynamics.py."""
AT_S = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
USUAL_SHARE = 0.15
"""Distances are judged in this share of what cars of the log drove by then, so that slow and fast logs weigh the same;
well below it squared, well above it as they are, so that a few lost episodes do not lead."""
YAW_WEIGHT_M = 0.1
"""A heading that is off by a radian counts like this distance."""


@dataclass(frozen=True, eq=False)
class Recording:
    """The episodes of one log that are fitted to, and the even step of its rows."""

    name: str
    drives: list[Drive]
    step_s: float
    usual_m: NDArray[np.float64]

    @classmethod
    def of(cls, name: str, drives: list[Drive], step_s: float) -> Recording:
        """Measures what cars of the log usually drive until each of AT_S."""
        ways = np.full((len(drives), len(AT_S)), np.nan)
        for drive, way in zip(drives, ways, strict=True):
            length = np.cumsum(np.hypot(*np.diff(drive.front, axis=0).T))
            for index, row in enumerate(_rows(drive, step_s)):
                way[index] = np.nan if row is None else length[row]
        return cls(name, drives, step_s, USUAL_SHARE * np.nanmedian(ways, axis=0))


def _rows(drive: Drive, step_s: float) -> list[int | None]:
    durations = durations_of(drive, step_s)
    return [row_after(durations, seconds) for seconds in AT_S]


@click.command()
@click.option(
    "--log",
    "logs",
    required=True,
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A SimTrace CSV, or a folder of them; give it once for each log.",
)
@click.option("--track", "tracks", required=True, multiple=True, help="The track of each log, in the same order.")
@click.option("--car", default="deepracer", show_default=True, type=click.Choice(list(PRESETS)), help="Where to begin.")
@click.option(
    "--folds",
    default=2,
    show_default=True,
    type=click.IntRange(2, 20),
    help="Fit so often more, each time without every so many-th episode, and judge by those left out.",
)
def measure(logs: tuple[Path, ...], tracks: tuple[str, ...], car: str, folds: int) -> list[Row]:
    """Fit the free numbers of the car to logs, and print what cars fitted to some episodes say of the others.

    Least squares of the distances from the recorded place half a second to three seconds after the start, over all logs
    with the same weight. The numbers printed are fitted to all episodes and belong into sim/dynamics.py; the distances
    are of episodes that the car in question was not fitted to.
    """
    if len(logs) != len(tracks):
        raise click.BadParameter(f"{len(logs)} logs and {len(tracks)} tracks; give one --track for each --log")
    recordings = []
    for log_path, track in zip(logs, tracks, strict=True):
        log, found = recorded(log_path, track)
        step_s = step_seconds(log, "even")
        assert step_s is not None  # noqa: S101  "even" is a number
        drives = [drive for drive in drives_among(log, "all") if drive.start_known]
        recordings.append(Recording.of(found.name, drives, step_s))
    begin = PRESETS[car]
    fitted = fit(begin, recordings)
    held_out = _held_out(fitted, recordings, folds)
    rows = [
        Row(name, float(getattr(fitted, name)), _unit(name), f"in {car}:", float(getattr(begin, name)))
        for name in (*FREE, *FOLLOWING)
    ]
    for recording, errors in zip(recordings, held_out, strict=True):
        before = np.array(_errors(begin, recording, recording.drives))
        for index, seconds in enumerate(SECONDS):
            long_enough = ~np.isnan(errors[:, index])
            if long_enough.any():
                rows.append(
                    Row(
                        f"{recording.name}, held-out episodes, after {seconds:g} s: median",
                        float(np.median(errors[long_enough, index])),
                        "m",
                        f"with {car}:",
                        float(np.median(before[long_enough, index])),
                        of=int(long_enough.sum()),
                    )
                )
    return rows


def _held_out(begin: CarDynamics, recordings: list[Recording], folds: int) -> list[NDArray[np.float64]]:
    """(episodes, SECONDS) distances for each log, each episode's by a car that was fitted without it."""
    errors = [np.full((len(recording.drives), len(SECONDS)), np.nan) for recording in recordings]
    for fold in range(folds):
        others = [
            replace(recording, drives=[drive for k, drive in enumerate(recording.drives) if k % folds != fold])
            for recording in recordings
        ]
        car = fit(begin, others)
        for recording, of_log in zip(recordings, errors, strict=True):
            of_log[fold::folds] = _errors(car, recording, recording.drives[fold::folds])
    return errors


def _errors(car: CarDynamics, recording: Recording, drives: list[Drive]) -> list[list[float]]:
    return [errors_m(car, drive, durations_of(drive, recording.step_s), SECONDS) for drive in drives]


def _unit(name: str) -> str:
    return {"rad": "rad", "s": "s", "mps2": "m/s2", "mps": "m/s"}.get(name.rsplit("_", 1)[1], "")


def fit(begin: CarDynamics, recordings: list[Recording]) -> CarDynamics:
    """The car with the free numbers that lead nearest to the recorded places."""
    from scipy.optimize import least_squares  # type: ignore[import-untyped]  # half a second to import

    low, high = (np.array(limits) for limits in zip(*FREE.values(), strict=True))

    def car_of(values: NDArray[np.float64]) -> CarDynamics:
        free = dict(zip(FREE, map(float, values), strict=True))
        return replace(begin, **free, steering_lag_s=UNLOADED_HINGE_LAG_S * free["steering_gain"])

    def residuals(values: NDArray[np.float64]) -> NDArray[np.float64]:
        car = car_of(values)
        return np.concatenate([_residuals(car, recording) for recording in recordings])

    start = np.clip([getattr(begin, name) for name in FREE], low + 1e-3 * (high - low), high - 1e-3 * (high - low))
    scale = np.maximum(np.abs(start), 0.02)
    found = least_squares(residuals, start, bounds=(low, high), x_scale=scale, diff_step=1e-3, max_nfev=40)
    return car_of(found.x)


def _residuals(car: CarDynamics, recording: Recording) -> NDArray[np.float64]:
    """x, y and heading of each episode at each of AT_S, in units of what is usual; the mean square of each is alike."""
    found: list[list[float]] = [[] for _ in AT_S]
    for drive in recording.drives:
        durations = durations_of(drive, recording.step_s)
        rows = _rows(drive, recording.step_s)
        last = max((row for row in rows if row is not None), default=-1)
        if last < 0:
            continue
        shorter = replace(drive, actions=drive.actions[: last + 1])
        path = replayed(car, shorter, durations[: last + 1])
        for index, row in enumerate(rows):
            if row is not None:
                apart = (path[row, :2] - drive.front[row + 1]) / recording.usual_m[index]
                far = float(np.hypot(*apart))
                bent = np.sqrt(2.0 * (np.sqrt(1.0 + far * far) - 1.0)) / max(far, 1e-9)
                turned = (path[row, 2] - drive.yaw[row + 1]) * YAW_WEIGHT_M / recording.usual_m[index]
                found[index] += [*(apart * bent), float(np.clip(turned, -1.0, 1.0))]
    return np.concatenate([np.array(values) / np.sqrt(max(1, len(values) // 3)) for values in found])
