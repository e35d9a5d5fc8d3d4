"""What a replay's page shows: one drive, perhaps a ghost beside it, and their laps and sectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portal import drawing, evaluation_parts, garage_parts, scope
from portal.rules import drives, replays
from portal.rules.ranking import Entry, LapTime
from portal.rules.replays import ReplayedLap
from portal.rules.submissions import Entered
from portal.tables import Model, Race, Racer
from sim.episode import STATUSES, EpisodeStatus
from sim.sectors import sectors_of
from sim.trace import DriveTrace


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two cars: whose it is, its laps, and its drive where the file is still there."""

    entered: Entered
    racer: Racer
    model: Model
    laps: list[ReplayedLap]
    trace: DriveTrace | None

    @property
    def best(self) -> ReplayedLap | None:
        complete = [one for one in self.laps if one.lap.complete]
        return min(complete, key=lambda one: one.lap.time_ms, default=None)


def page(race: Race, entered: Entered, ghost: Entered | None) -> dict[str, Any]:
    """The context of the page."""
    session = scope.reading()
    entries = replays.entries_of(session, race)
    own = _side(entered, entries)
    return {
        "race": race,
        "own": own,
        "ghost": _side(ghost, entries) if ghost else None,
        "ghosts": replays.ghosts(session, race, entered.submission),
        "picture": garage_parts.picture_of(race.track, race.direction),
        "track_title": garage_parts.track_title(race.track),
        "driven": drawing.driven_lines(own.trace) if own.trace else [],
        "status_words": ["" if status is EpisodeStatus.IN_PROGRESS else status.label for status in STATUSES],
    }


def _side(entered: Entered, entries: Sequence[Entry]) -> Side:
    session = scope.reading()
    trace = evaluation_parts.trace_of(entered.evaluation)
    laps = replays.marked_laps(entries, entered, timed_laps(entered, trace))
    return Side(entered, drives.racer_of(session, entered.evaluation), entered.model, laps, trace)


def timed_laps(entered: Entered, trace: DriveTrace | None) -> list[LapTime]:
    """The laps with their sectors; those of before sectors were stored are timed from the drive."""
    laps = [LapTime(lap.time_ms, lap.resets, lap.complete, lap.sectors_ms) for lap in entered.laps]
    if trace is None or any(time_ms is not None for lap in laps for time_ms in lap.sectors_ms):
        return laps
    timed = sectors_of(trace, [(lap.time_ms, lap.complete) for lap in laps])
    return [
        LapTime(lap.time_ms, lap.resets, lap.complete, sectors_ms) for lap, sectors_ms in zip(laps, timed, strict=True)
    ]
