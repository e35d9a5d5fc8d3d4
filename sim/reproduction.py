"""What this simulator says about rows that a real one recorded: each reward parameter, and each ending.

A row gives the front point and the heading; everything else is computed anew by the native core, as for a car of ours
that stands there, and by the rules of episodes, and compared with what was recorded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.episode import EpisodeRules
from sim.recorded_log import RecordedLog
from sim.reference.episode import Episode
from sim.replay import FRONT_POINT_M
from sim.reward_state import COLUMN
from sim.track import Track
from sim.world import World

PROGRESS_TOLERANCE = 1e-3
"""Per cent of a lap; logs of 4 decimals are off by up to a tenth of it."""
LENGTH_TOLERANCE_M = 0.006
"""Track lengths are equal within it: some logs have two decimals."""
START_GRID = 0.05
START_TOLERANCE = 2e-5
"""Episodes start on multiples of 5 % of the lap; a start found this near to one, as a fraction, is taken to be it."""
CARS_AT_ONCE = 4096
MOST_REPEATED = 8
ENDINGS = ("lap_complete", "off_track", "immobilized", "reversed")
"""What can be judged from a row's place. A crash needs the objects, time_up the event's clock; no log has either."""


@dataclass(frozen=True, eq=False)
class Compared:
    """One parameter or status: which of the rows that say it agree, as a mask, and to which episode each belongs."""

    agrees: NDArray[np.bool_]
    episode: NDArray[np.int64]

    @property
    def rows(self) -> tuple[int, int]:
        """How many rows agree, and of how many."""
        return int(self.agrees.sum()), len(self.agrees)

    @property
    def episodes(self) -> tuple[int, int]:
        """How many episodes agree in every row, and of how many."""
        wrong = np.unique(self.episode[~self.agrees])
        return len(np.unique(self.episode)) - len(wrong), len(np.unique(self.episode))


@dataclass(frozen=True, eq=False)
class Reproduction:
    """How a log compares with a track: by parameter, by kind of ending, and what could not be judged.

    `reversed_order`: the track was driven against its stored rows. `not_judged` counts endings of other kinds.
    """

    parameters: dict[str, Compared]
    endings: dict[str, Compared]
    not_judged: dict[str, int]
    reversed_order: bool
    repeated_rows: int


def reproduce(log: RecordedLog, track: Track) -> Reproduction:
    """Compare every row of `log` with what this simulator makes of it on `track`, driven the way that agrees better."""
    backwards = replace(track, centre=track.centre[::-1], inner=track.inner[::-1], outer=track.outer[::-1])
    found = [_compare(log, way) for way in (track, backwards)]
    reversed_order = _agreeing(found[1]) > _agreeing(found[0])
    parameters, endings, not_judged, repeated = found[reversed_order]
    return Reproduction(parameters, endings, not_judged, bool(reversed_order), repeated)


_Found = tuple[dict[str, Compared], dict[str, Compared], dict[str, int], int]


def _agreeing(found: _Found) -> int:
    parameters = found[0]
    return sum(parameters[name].rows[0] for name in ("progress", "closest_waypoint") if name in parameters)


def _compare(log: RecordedLog, track: Track) -> _Found:
    states = _states(log, track)
    episode = np.zeros(len(log), dtype=np.int64)
    for number, rows in enumerate(log.episodes()):
        episode[rows] = number
    parameters: dict[str, Compared] = {}

    def compare(name: str, column: str, agrees: NDArray[np.bool_]) -> None:
        if column in log.columns:
            parameters[name] = Compared(agrees, episode)

    wheels = states[:, COLUMN["all_wheels_on_track"]] > 0.5
    judged = _judge(log, states)
    compare("progress", "progress", np.abs(judged.progress - log.progress) <= PROGRESS_TOLERANCE)
    waypoint, repeated = _waypoints(log, track, states)
    compare("closest_waypoint", "closest_waypoint", waypoint == log.closest_waypoint)
    compare("all_wheels_on_track", "all_wheels_on_track", wheels == log.all_wheels_on_track)
    lengths = np.abs(track.length_m - log.track_length_m)
    compare("track_length", "track_len", lengths <= LENGTH_TOLERANCE_M)
    compare("steps", "steps", judged.steps == log.steps)
    driven = judged.is_judged  # others ignore their command
    parameters["steering_angle"] = Compared((np.abs(log.steering_deg) <= 30.0 + 1e-6)[driven], episode[driven])
    taken = (log.speed_mps >= 0.1 - 1e-6) & (log.speed_mps <= 4.0 + 1e-6)
    parameters["speed"] = Compared(taken[driven], episode[driven])
    if "episode_status" in log.columns:
        statuses = np.array(log.status)
        off = states[:, COLUMN["is_offtrack"]] > 0.5
        seen = np.isin(statuses, ["in_progress", "off_track"])
        parameters["is_offtrack"] = Compared((off == (statuses == "off_track"))[seen], episode[seen])
        told = judged.is_judged & np.isin(statuses, ["in_progress", *ENDINGS])
        parameters["episode_status"] = Compared((judged.status == statuses)[told], episode[told])
    return parameters, *_endings(log, judged), repeated


def _states(log: RecordedLog, track: Track) -> NDArray[np.float64]:
    """Reward states (n, ...) of a car of ours standing in the place of each row."""
    yaw = np.radians(log.yaw_deg)
    poses = np.column_stack([log.x - FRONT_POINT_M * np.cos(yaw), log.y - FRONT_POINT_M * np.sin(yaw), yaw])
    cars = min(CARS_AT_ONCE, len(log))
    world = World(track, cars, seed=0)
    found = []
    for first in range(0, len(log), cars):
        batch = poses[first : first + cars]
        filled = np.vstack([batch, np.repeat(poses[:1], cars - len(batch), axis=0)])
        world.place(np.ascontiguousarray(filled))
        found.append(world.reward_states[: len(batch)].copy())
    return np.vstack(found)


def _waypoints(log: RecordedLog, track: Track, states: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
    """The nearer of the two closest waypoints, as the recorded track counts them, and how many rows it repeats.

    Many real route files repeat a row, which importing drops, and then the log counts on from there by one more. Where
    that is shows in the log: the first waypoint from which on most rows are ahead by one.
    """
    front = np.column_stack([log.x, log.y])
    passed, coming = (states[:, COLUMN[f"closest_waypoint_{which}"]].astype(np.int64) for which in ("prev", "next"))
    apart = [np.hypot(*(track.centre[waypoint] - front).T) for waypoint in (passed, coming)]
    is_coming = apart[1] < apart[0]
    # The row after a repeated one is the one passed; the first of the two is the one that comes.
    ahead_by = log.closest_waypoint - passed - is_coming
    ahead = np.full(len(track.centre), -1)
    for waypoint in np.unique(passed[coming > passed]):
        ahead[waypoint] = round(float(np.median(ahead_by[(passed == waypoint) & (coming > passed)])))
    visited = np.flatnonzero(ahead >= 0)
    steady = len(visited) and (np.diff(ahead[visited]) >= 0).all() and ahead[visited].max() <= MOST_REPEATED
    if not steady:
        return np.where(is_coming, coming, passed), 0
    shift = np.interp(np.arange(len(ahead)), visited, ahead[visited]).astype(np.int64)
    following = np.where(coming > passed, passed + shift[passed] + 1, coming)
    return np.where(is_coming, following, passed + shift[passed]), int(ahead[visited].max())


@dataclass(frozen=True, eq=False)
class _Judged:
    progress: NDArray[np.float64]
    steps: NDArray[np.int64]
    status: NDArray[np.str_]
    is_judged: NDArray[np.bool_]


def _judge(log: RecordedLog, states: NDArray[np.float64]) -> _Judged:
    """The rules of episodes over every row. A drive is judged anew after each pause, as the car was put elsewhere."""
    fraction = states[:, COLUMN["projection_distance"]] / states[:, COLUMN["track_length"]]
    off = states[:, COLUMN["is_offtrack"]] > 0.5
    progress = np.full(len(log), math.nan)
    steps = np.zeros(len(log), dtype=np.int64)
    status = np.full(len(log), "", dtype="U16")
    is_judged = np.ones(len(log), dtype=np.bool_)
    rules = EpisodeRules(maximum_steps=100_000_000)
    start, flying = 0.0, False
    for rows in log.episodes():
        first = rows.start
        if not flying:
            start = _start(float(fraction[first]), float(log.progress[first]))
        before = 0.0 if flying or log.steps[first] <= 1 else float(log.progress[first])
        judge = Episode(rules, start, steps=int(log.steps[first]) - 1, _previous=0.0 if math.isnan(before) else before)
        for row in range(rows.start, rows.stop):
            waits = log.status[row] in ("pause", "park", "prepare")
            if waits and row > first:
                judge = Episode(rules, start, steps=judge.steps, _previous=judge.progress)
            place = (float(log.x[row]), float(log.y[row]))
            found = judge.row(float(fraction[row]), waits or not off[row], place)
            progress[row], steps[row], status[row] = judge.progress, judge.steps, str(found)
            is_judged[row] = not waits and steps[row] > 1
        flying = _goes_on(log, rows.stop)
        if flying and status[rows.stop - 1] == "lap_complete":
            status[rows.stop - 1] = "in_progress"  # of a race's laps only the last is told to be complete
    return _Judged(progress, steps, status, is_judged)


def _goes_on(log: RecordedLog, row: int) -> bool:
    """True where the episode that begins in a row is the next lap of one flying run: its steps run on."""
    return row < len(log) and log.file[row] == log.file[row - 1] and log.steps[row] == log.steps[row - 1] + 1


def _start(fraction: float, progress: float) -> float:
    """Where on the lap an episode began, from its first row: the nearest multiple of 5 % where it is one."""
    if math.isnan(progress):
        return 0.0
    start = (fraction - progress / 100.0) % 1.0
    grid = round(start / START_GRID) * START_GRID
    return grid % 1.0 if abs(start - grid) <= START_TOLERANCE else start


def _endings(log: RecordedLog, judged: _Judged) -> tuple[dict[str, Compared], dict[str, int]]:
    """By kind: for each recorded ending whether the rules see the same in its row. Where they saw one in an earlier row
    too, `episode_status` of that row disagrees."""
    agreeing: dict[str, list[tuple[bool, int]]] = {}
    others: dict[str, int] = {}
    for number, rows in enumerate(log.episodes()):
        for row in range(rows.start, rows.stop):
            kind = log.status[row]
            if kind in ENDINGS:
                same = bool(judged.is_judged[row]) and str(judged.status[row]) == kind
                agreeing.setdefault(kind, []).append((same, number))
            elif kind in ("crashed", "time_up"):
                others[kind] = others.get(kind, 0) + 1
        if log.status[rows.stop - 1] == "in_progress":
            others["cut short"] = others.get("cut short", 0) + 1
    return {
        kind: Compared(np.array([same for same, _ in found]), np.array([number for _, number in found]))
        for kind, found in sorted(agreeing.items())
    }, others
