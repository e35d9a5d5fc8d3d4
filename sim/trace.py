"""What a drive leaves behind: the log that DeepRacer's tools read, and a compact trace that a browser replays."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.episode import STATUSES
from sim.object_trace import ObjectTrace, ObjectTraceError
from sim.reward_state import COLUMN, REWARD_STATE
from sim.track import Track

STEPS_PER_SECOND = 15.0
TRACE_COLUMNS: tuple[str, ...] = ("x", "y", "heading_deg", "speed", "steering", "progress", "lap", "status")
MAGIC = b"PDT1"
HEADER = struct.Struct("<4sI4f")
ROW_BYTES = 14
MAXIMUM_ROWS = 1_000_000
UNITS: dict[str, float] = {"heading_deg": 0.01, "speed": 0.001, "steering": 0.01, "progress": 0.01}
"""Unit of one count of the whole-number columns: hundredths of a degree and of a per cent, mm/s."""

SIMTRACE_HEADER = (
    "episode,steps,X,Y,yaw,steer,throttle,action,reward,done,all_wheels_on_track,progress,closest_waypoint,track_len,"
    "tstamp,episode_status,pause_duration"
)
CRASH_COUNTER = ",obstacle_crash_counter"
"""A column that later simulators append; ours is there where there are objects."""


class TraceError(ValueError):
    """Bytes that are no drive trace; the message says why."""


@dataclass
class SimTrace:
    """Rows of the simulator's log, in the layout of the console's `N-iteration.csv`.

    Numbers are written with at most six decimals; booleans, the bracketed continuous action and everything else as
    the console wrote them, so that its analysis tools read the file unchanged.
    """

    track: Track
    """As it was driven."""
    objects: bool = False
    """Whether there are any, so that the last column counts how often in a row the car was put back at one box."""
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._waypoints: list[list[float]] = self.track.centre.tolist()

    def add(
        self,
        episode: int,
        state: NDArray[np.float64],
        action: str,
        reward: float,
        done: bool,
        status: int,
        box_resets: int = 0,
        pause_s: float = 0.0,
    ) -> None:
        """One step: `state` is a row of reward states, `action` the index or "[steer speed]", `status` a code.

        `pause_s` is how long the car still waits behind this row (`sim.episode.pauses_s`).
        """
        value = dict(zip(REWARD_STATE, state.tolist(), strict=False))  # objects' columns follow
        numbers = (value["steps"], value["x"], value["y"], value["heading"], value["steering_angle"], value["speed"])
        waits = f"{_number(pause_s)},{box_resets}" if self.objects else _number(pause_s)
        self.lines.append(
            f"{episode},{','.join(_number(number) for number in numbers)},{action},{_number(reward)},{done},"
            f"{bool(value['all_wheels_on_track'])},{_number(value['progress'])},{self._closest(value)},"
            f"{_number(self.track.length_m)},{round(value['sim_time'], 3)},{STATUSES[status]},{waits}"
        )

    def _closest(self, value: dict[str, float]) -> int:
        """The nearer of the waypoints before and after the car: the log has room for one."""
        before, after = int(value["closest_waypoint_prev"]), int(value["closest_waypoint_next"])
        here = value["x"], value["y"]
        nearer = math.dist(self._waypoints[before], here) <= math.dist(self._waypoints[after], here)
        return before if nearer else after

    def to_csv(self) -> str:
        """The whole file, header first."""
        return "\n".join((SIMTRACE_HEADER + (CRASH_COUNTER if self.objects else ""), *self.lines)) + "\n"


@dataclass(frozen=True, eq=False)
class DriveTrace:
    """One car's drive, one row per step of 1/15 s: (n, 8) float32 in the order of TRACE_COLUMNS.

    x and y in metres (the car's front, as reward functions see it), heading and steering in degrees, speed commanded
    in m/s, progress of the lap in per cent, laps completed before this step, status as an index into STATUSES.

    The bytes, little-endian, columns one after another so that a browser can lay typed arrays over them:

        0   4 x char    "PDT1"
        4   uint32      n, rows
        8   float32     x of the origin, m
        12  float32     y of the origin, m
        16  float32     metres per count of x and y (0.001, doubled as often as a large track needs)
        20  float32     rows per second (15)
        24  int16[n]    x     int16[n] y     int16[n] heading (0.01 deg)    int16[n] speed (mm/s)
            int16[n]    steering (0.01 deg)  int16[n] progress (0.01 %)
            uint8[n]    lap   uint8[n] status
        then, where there were boxes, bots or other cars, what `sim.object_trace.ObjectTrace` says
    """

    rows: NDArray[np.float32]
    log: SimTrace | None = None
    """The full log of the same drive; not part of the bytes."""
    objects: ObjectTrace | None = None
    """Where everything else on the track was, row by row."""

    def column(self, name: str) -> NDArray[np.float32]:
        """(n,) one column by its name."""
        return self.rows[:, TRACE_COLUMNS.index(name)]

    def to_bytes(self) -> bytes:
        """14 bytes a row and 24 for the header: a minute of driving takes 13 KB, and 5 for each bot."""
        count = len(self.rows)
        positions = self.rows[:, :2].astype(np.float64)
        if self.objects is not None:
            positions = np.concatenate([positions, self.objects.poses[:, :, :2].reshape(-1, 2)])
        low, high = (positions.min(0), positions.max(0)) if count else (np.zeros(2), np.zeros(2))
        origin = np.round((low + high) / 2.0)
        metres = 0.001
        while count and np.abs(positions - origin).max() / metres > 32_000:
            metres *= 2.0
        header = HEADER.pack(MAGIC, count, origin[0], origin[1], metres, STEPS_PER_SECOND)
        whole = [_int16((positions[:count, axis] - origin[axis]) / metres) for axis in (0, 1)]
        whole += [_int16(self.column(name).astype(np.float64) / unit) for name, unit in UNITS.items()]
        small = [np.clip(self.column(name), 0, 255).astype(np.uint8) for name in ("lap", "status")]
        objects = b"" if self.objects is None or not count else self.objects.to_bytes(origin, metres)
        columns = [column.tobytes() for column in whole] + [column.tobytes() for column in small]
        return b"".join([header, *columns, objects])

    @classmethod
    def from_bytes(cls, data: bytes) -> DriveTrace:
        """Read what `to_bytes` wrote, to the units above. Raises TraceError."""
        if len(data) < HEADER.size or data[:4] != MAGIC:
            raise TraceError("not a drive trace: it does not begin with PDT1")
        _, count, origin_x, origin_y, metres, _rate = HEADER.unpack_from(data)
        end = HEADER.size + ROW_BYTES * count
        if count > MAXIMUM_ROWS or len(data) < end:
            raise TraceError(f"a drive trace of {count} rows does not have {len(data)} bytes; fetch it again")
        whole = np.frombuffer(data, "<i2", 6 * count, HEADER.size).reshape(6, count).astype(np.float64)
        small = np.frombuffer(data, "u1", 2 * count, HEADER.size + 12 * count).reshape(2, count)
        rows = np.empty((count, len(TRACE_COLUMNS)), np.float32)
        rows[:, 0] = origin_x + whole[0] * metres
        rows[:, 1] = origin_y + whole[1] * metres
        for index, (name, unit) in enumerate(UNITS.items()):
            rows[:, TRACE_COLUMNS.index(name)] = whole[2 + index] * unit
        rows[:, 6:] = small.T
        if len(data) == end:
            return cls(rows)
        try:
            return cls(rows, None, ObjectTrace.from_bytes(data[end:], count, np.array([origin_x, origin_y]), metres))
        except ObjectTraceError as error:
            raise TraceError(str(error)) from None

    def to_simtrace_csv(self) -> str:
        """The drive in the simulator's log format. TraceError for a trace that was read from bytes."""
        if self.log is None:
            raise TraceError("a compact trace holds no log; evaluate the model again")
        return self.log.to_csv()

    def points(self, maximum: int = 400) -> list[list[float]]:
        """[x, y, heading_deg, speed] of at most `maximum` evenly spaced rows, for a live map."""
        stride = max(1, -(-len(self.rows) // maximum))
        return [[round(float(value), 3) for value in row[:4]] for row in self.rows[::stride]]


def _int16(values: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.clip(np.round(values), -32_768, 32_767).astype("<i2")


def _number(value: float) -> str:
    return repr(round(float(value), 6))


def prepare_state(state: NDArray[np.float64], led_to: NDArray[np.float64]) -> NDArray[np.float64]:
    """The reward state of a `prepare` row as the log has it: with a command, though the car stands and takes none.

    The real simulator writes one that its policy chose there and never drove; ours drives its first from this row on,
    which leads to the row `led_to`.
    """
    logged = state.copy()
    for name in ("steering_angle", "speed"):
        logged[COLUMN[name]] = led_to[COLUMN[name]]
    return logged


def action_text(index: int | None, steering_deg: float, speed_mps: float) -> str:
    """An action as the log prints it: the index of a discrete one, "[steer speed]" of a continuous one."""
    return str(index) if index is not None else f"[{steering_deg:.4f} {speed_mps:.4f}]"
