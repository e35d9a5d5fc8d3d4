"""Reading what a real simulator recorded: SimTrace CSV files, one row per step, or the same rows in its own log."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MOVING_STATUSES = frozenset({"in_progress", "lap_complete", "off_track", "crashed", "immobilized", "reversed"})
"""Statuses of rows in which the car was driven; the others are `prepare`, `pause`, `park`, `time_up`."""

COLUMNS = (
    *("episode", "steps", "X", "Y", "yaw", "steer", "throttle", "action", "reward", "done", "all_wheels_on_track"),
    *("progress", "closest_waypoint", "track_len", "tstamp", "episode_status", "pause_duration"),
)
"""The columns of a SimTrace in the order of its log lines; later simulators append more, which are not read."""

NEEDED = ("episode", "steps", "X", "Y", "yaw", "steer", "throttle")
_NUMBERS = (*NEEDED, "reward", "progress", "closest_waypoint", "track_len", "tstamp")
_TRUTHS = ("done", "all_wheels_on_track")
_OTHER_NAMES = {"heading": "yaw", "steering_angle": "steer", "speed": "throttle", "on_track": "all_wheels_on_track"}
_LOG_LINE = "SIM_TRACE_LOG:"


class RecordedLogError(ValueError):
    """A file that is no SimTrace; the message names file and line, and says the mend."""


@dataclass(frozen=True, eq=False)
class RecordedLog:
    """Rows of one or more SimTrace files in the order in which they were written; every array is (n,).

    x, y: the car's front point in m; yaw_deg; steering_deg and speed_mps as commanded; progress in per cent;
    closest_waypoint: the nearer of the two; time_s: the simulator's clock; file: which file, counted from 0. `columns`
    names what was recorded: a column that was not is NaN, -1, False or "" here.
    """

    columns: frozenset[str]
    file: NDArray[np.int64]
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
        """Each episode's rows, as a slice. A file's number that comes again in the next file is another episode, unless
        its steps go on."""
        changed = np.diff(self.episode, prepend=self.episode[:1] - 1) != 0
        restarted = np.diff(self.steps, prepend=self.steps[:1] - 1) <= 0
        other_file = np.diff(self.file, prepend=self.file[:1]) != 0
        jumped = np.diff(self.steps, prepend=self.steps[:1] - 1) != 1
        starts = np.flatnonzero(changed | restarted | (other_file & jumped))
        for start, stop in zip(starts, [*starts[1:], len(self)], strict=True):
            yield slice(int(start), int(stop))


def read_log(path: Path) -> RecordedLog:
    """Read one SimTrace CSV (or the simulator's log with its SIM_TRACE_LOG lines), or a folder of them: every
    N-iteration.csv below it in the order of N, or else every CSV. RecordedLogError names the line."""
    path = Path(path)
    files = _files(path)
    rows: list[tuple[int, dict[str, str]]] = []
    recorded: set[str] = set(COLUMNS)
    for number, file in enumerate(files):
        columns, found = _read_rows(file)
        recorded &= columns
        rows += [(number, row) for row in found]
    if not rows:
        raise RecordedLogError(f"{path} has no rows of a SimTrace; give a CSV file or a folder of N-iteration.csv")
    return _log_of(rows, frozenset(recorded))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = list(path.rglob("*-iteration.csv")) or list(path.rglob("*.csv"))
    return sorted(files, key=lambda file: (file.parent, _iteration(file), file.name))


def _iteration(file: Path) -> int:
    number = file.name.split("-")[0]
    return int(number) if number.isdigit() else -1


def _read_rows(file: Path) -> tuple[set[str], list[dict[str, str]]]:
    """Which columns a file has, and its rows."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            text = lines.read()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordedLogError(f"cannot read {file}: {error}") from None
    if _LOG_LINE in text and not text.startswith("episode"):
        numbered = [
            (number, line.split(_LOG_LINE, 1)[1])
            for number, line in enumerate(text.splitlines(), start=1)
            if _LOG_LINE in line
        ]
        header = list(COLUMNS)
    else:
        numbered = list(enumerate(text.splitlines(), start=1))
        header = [_name(cell) for cell in next(csv.reader([numbered[0][1]]), [])] if numbered else []
        numbered = numbered[1:]
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise RecordedLogError(
            f"{file} is no SimTrace: the column {missing[0]} is missing from its first line; give the simulator's "
            "sim-trace, with its header"
        )
    columns = set(header) & set(COLUMNS)
    return columns, [_row(file, number, header, line) for number, line in numbered if line.strip()]


def _name(cell: str) -> str:
    name = cell.strip()
    known = {column.lower(): column for column in COLUMNS}
    lower = name.lower()
    return known.get(_OTHER_NAMES.get(lower, lower), name)


def _row(file: Path, number: int, header: list[str], line: str) -> dict[str, str]:
    try:
        cells = next(csv.reader([line]))
    except csv.Error as error:
        raise RecordedLogError(f"{file}, line {number}: {error}") from None
    at = header.index("action") if "action" in header else -1
    while 0 <= at < len(cells) - 1 and cells[at].startswith("[") and "]" not in cells[at]:
        cells[at : at + 2] = [f"{cells[at]},{cells[at + 1]}"]  # a continuous action with a comma and without quotes
    row = dict(zip(header, cells, strict=False))
    for name in _NUMBERS:
        if name in header and not _is_number(row.get(name)):
            raise RecordedLogError(
                f"{file}, line {number}: {name} is no number; the file may be cut short: delete that line"
            )
    if "episode_status" in header and not row.get("episode_status", "").strip():
        raise RecordedLogError(f"{file}, line {number}: the line is cut short; delete it")
    return row


def _is_number(text: str | None) -> bool:
    try:
        return math.isfinite(float(text or ""))
    except ValueError:
        return False


def _log_of(rows: list[tuple[int, dict[str, str]]], columns: frozenset[str]) -> RecordedLog:
    def numbers(name: str, otherwise: float = math.nan) -> NDArray[np.float64]:
        if name not in columns:
            return np.full(len(rows), otherwise)
        return np.array([float(row[name]) for _, row in rows])

    def truths(name: str) -> NDArray[np.bool_]:
        return np.array([row.get(name, "").strip() in ("True", "true", "1", "1.0") for _, row in rows])

    return RecordedLog(
        columns=columns,
        file=np.array([number for number, _ in rows]),
        episode=numbers("episode").astype(np.int64),
        steps=numbers("steps").astype(np.int64),
        x=numbers("X"),
        y=numbers("Y"),
        yaw_deg=numbers("yaw"),
        steering_deg=numbers("steer"),
        speed_mps=numbers("throttle"),
        action=_texts(rows, "action"),
        reward=numbers("reward"),
        progress=numbers("progress"),
        closest_waypoint=numbers("closest_waypoint", -1.0).astype(np.int64),
        track_length_m=numbers("track_len"),
        time_s=numbers("tstamp"),
        done=truths("done"),
        all_wheels_on_track=truths("all_wheels_on_track"),
        status=_texts(rows, "episode_status"),
    )


def _texts(rows: Iterable[tuple[int, dict[str, str]]], name: str) -> tuple[str, ...]:
    return tuple(row.get(name, "").strip() for _, row in rows)
