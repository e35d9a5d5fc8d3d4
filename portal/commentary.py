"""What a commentator would say of a drive: lines at the moments at which they happen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flask_babel import gettext as _

from portal import formats
from portal.rules.lap_marks import LapMark
from portal.rules.ranking import LapTime
from portal.rules.sectors import SECTORS, Bests
from sim.episode import STATUSES, EpisodeStatus
from sim.metrics import STEP_MS
from sim.trace import DriveTrace

MISHAPS = (EpisodeStatus.OFF_TRACK, EpisodeStatus.CRASHED, EpisodeStatus.REVERSED, EpisodeStatus.IMMOBILIZED)


@dataclass(frozen=True, slots=True)
class Line:
    """One line, `ms` into the drive. `mark`, `number` and `time_ms` are for the tiles of sectors and laps."""

    ms: int
    kind: str
    """start, sector, lap, mishap or end."""
    text: str
    mark: str = ""
    number: int = 0
    time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Rivals:
    """What the car is measured by: the best lap and sectors of the race before it started."""

    best_lap_ms: int | None
    sectors: Bests


def lines_of(trace: DriveTrace, laps: Sequence[LapTime], name: str, rivals: Rivals) -> list[Line]:
    """The lines of a drive in their order. `laps` with their sectors."""
    lines = [Line(0, "start", _("%(name)s is on the track.", name=name)), *_mishaps(trace, name)]
    own_ms: int | None = None
    own: list[int | None] = [None] * SECTORS
    begin = 0
    for number, lap in enumerate(laps, start=1):
        lines += _sectors(lap, begin, own, rivals.sectors)
        end = begin + lap.time_ms
        if lap.complete:
            lines.append(_lap(number, lap.time_ms, end, own_ms, rivals.best_lap_ms))
            own_ms = lap.time_ms if own_ms is None else min(own_ms, lap.time_ms)
        begin = end
    best = _("Best lap: %(time)s.", time=formats.lap_time(own_ms)) if own_ms else _("No lap was completed.")
    lines.append(
        Line(max(begin, round(len(trace.rows) * STEP_MS)), "end", _("The time is up.") + " " + best, time_ms=own_ms)
    )
    return sorted(lines, key=lambda line: line.ms)


def _sectors(lap: LapTime, begin: int, own: list[int | None], overall: Bests) -> list[Line]:
    """The sectors of one lap; `own` is brought up to date."""
    lines = []
    passed = begin
    for index, time_ms in enumerate(lap.sectors_ms):
        if time_ms is None:
            break
        passed += time_ms
        mark = _mark(time_ms, own[index], overall[index])
        words = {LapMark.BEST: _("best of the race"), LapMark.PERSONAL: _("personal best")}.get(mark)
        text = _("Sector %(number)s: %(time)s", number=index + 1, time=formats.lap_time(time_ms))
        lines.append(Line(passed, "sector", f"{text}, {words}" if words else text, mark.value, index + 1, time_ms))
        best = own[index]
        own[index] = time_ms if best is None else min(best, time_ms)
    return lines


def _mark(time_ms: int, own_ms: int | None, overall_ms: int | None) -> LapMark:
    if own_ms is not None and time_ms >= own_ms:
        return LapMark.SLOWER
    return LapMark.BEST if overall_ms is None or time_ms < overall_ms else LapMark.PERSONAL


def _lap(number: int, time_ms: int, end: int, own_ms: int | None, overall_ms: int | None) -> Line:
    mark = _mark(time_ms, own_ms, overall_ms)
    text = _("Lap %(number)s: %(time)s.", number=number, time=formats.lap_time(time_ms))
    if mark is LapMark.BEST:
        text += " " + _("The fastest lap of the race!")
    elif mark is LapMark.PERSONAL and overall_ms is not None:
        text += " " + _("Its best lap, %(gap)s to the leader.", gap=formats.gap(time_ms - overall_ms))
    return Line(end, "lap", text, mark.value, number, time_ms)


def _mishaps(trace: DriveTrace, name: str) -> list[Line]:
    words = {
        EpisodeStatus.OFF_TRACK: _("%(name)s leaves the track.", name=name),
        EpisodeStatus.CRASHED: _("%(name)s hits an obstacle.", name=name),
        EpisodeStatus.REVERSED: _("%(name)s drives the wrong way.", name=name),
        EpisodeStatus.IMMOBILIZED: _("%(name)s stands still.", name=name),
    }
    status = trace.column("status").astype(int)
    lines = []
    for kind in MISHAPS:
        code = STATUSES.index(kind)
        rows = np.flatnonzero((status == code) & (np.concatenate([[-1], status[:-1]]) != code))
        lines += [Line(round((int(row) + 1) * STEP_MS), "mishap", words[kind]) for row in rows]
    return lines
