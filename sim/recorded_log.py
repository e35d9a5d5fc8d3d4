"""Reading what a real simulator recorded: SimTrace CSV files, one row per step of 1/15 s."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MOVING_STATUSES = frozenset({"in_progress", "lap_complete", "off_track", "crashed", "immobilized", "reversed"})
_COLUMNS = (
    "episode",
    "steps",
    "X",
    "Y",
    "yaw",
    "steer",
    "throttle",
    "reward",
    "progress",
    "closest_waypoint",
    "track_len",
    "tstamp",
)
_TRUTHS = ("done", "all_wheels_on_track")


class RecordedLogError(ValueError):
    """A file that is no SimTrace CSV; the message names file and line."""


@dataclass(frozen=True, eq=False)
class RecordedLog:
    """Rows of one or more SimTrace files in the order in which they were written; every array is (n,).

    x, y: the car's front point in m; yaw_deg; steering_deg and speed_mps as commanded; progress in per cent;
    closest_waypoint: the nearer of the two; time_s: the simulator's clock.
    """

    episode: NDArray[np.int64]
    steps: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    yaw_deg: NDArray[np.float64]
    steering_deg: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    action: tuple[str, ...]
    reward: NDArray[np.float64]
    progress: NDArray[np.float64]
    closest_waypoint: NDArray[np.int64]
    track_length_m: NDArray[np.float64]
    time_s: NDArray[np.float64]
    done: NDArray[np.bool_]
    all_wheels_on_track: NDArray[np.bool_]
    status: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.x)

    def episodes(self) -> Iterator[slice]:
        """Each episode's rows, as a slice."""
        starts = np.flatnonzero(np.diff(self.episode, prepend=self.episode[:1] - 1))
        for start, stop in zip(starts, [*starts[1:], len(self)], strict=True):
            yield slice(int(start), int(stop))


def read_log(path: Path) -> RecordedLog:
    """Read one SimTrace CSV, or a folder of N-iteration.csv in the order of N. RecordedLogError names the line."""
    path = Path(path)
    files = sorted(path.glob("*-iteration.csv"), key=_iteration) if path.is_dir() else [path]
    rows: list[dict[str, str]] = []
    for file in files:
        rows += _rows(file)
    if not rows:
        raise RecordedLogError(f"{path} has no rows of a SimTrace; give a CSV file or a folder of N-iteration.csv")
    columns = {name: np.array([float(row[name]) for row in rows]) for name in _COLUMNS}
    truths = {name: np.array([row[name] == "True" for row in rows]) for name in _TRUTHS}
    return RecordedLog(
        episode=columns["episode"].astype(np.int64),
        steps=columns["steps"].astype(np.int64),
        x=columns["X"],
        y=columns["Y"],
        yaw_deg=columns["yaw"],
        steering_deg=columns["steer"],
        speed_mps=columns["throttle"],
        action=tuple(row["action"] for row in rows),
        reward=columns["reward"],
        progress=columns["progress"],
        closest_waypoint=columns["closest_waypoint"].astype(np.int64),
        track_length_m=columns["track_len"],
        time_s=columns["tstamp"],
        done=truths["done"],
        all_wheels_on_track=truths["all_wheels_on_track"],
        status=tuple(row["episode_status"] for row in rows),
    )


def _iteration(file: Path) -> int:
    number = file.name.split("-")[0]
    return int(number) if number.isdigit() else -1


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            reader = csv.DictReader(lines)
            missing = {*_COLUMNS, *_TRUTHS, "action", "episode_status"} - set(reader.fieldnames or ())
            if missing:
                raise RecordedLogError(f"{file} is no SimTrace: the column {sorted(missing)[0]} is missing")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordedLogError(f"cannot read {file}: {error}") from None
    for number, row in enumerate(rows, start=2):
        if not all(_is_number(row[name]) for name in _COLUMNS) or row["episode_status"] is None:
            raise RecordedLogError(f"{file}, line {number}: a number is missing; the file may be cut short")
    return rows


def _is_number(text: str | None) -> bool:
    try:
        float(text or "")
    except ValueError:
        return False
    return True
