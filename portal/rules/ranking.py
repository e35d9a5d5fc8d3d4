"""Who is ahead of whom: one pure function over measured laps. It knows no database, no clock and no page.

Three ways to rank, each in whole milliseconds, smaller is better:

- **total**: more complete laps first, then the shorter time of all complete laps of the run;
- **average**: the mean of the best window of `minimum_laps` complete laps in a row (as DeepRacer on AWS ranks);
- **best**: the best complete lap.

A run is eligible when it has `minimum_laps` complete laps in a row. One run per racer counts: the best, or where the
race says so the latest, whether it is better or not; who is not eligible in that one is not ranked. Equal results
are decided by fewer resets in the run, then by the better best lap, then by the earlier submission; the retired console
had no such rule, and equal times stood there in an order that nobody could explain.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.tables import Counting, Lap, Ranking

TIE_BREAK = "fewer resets, then the better best lap, then the earlier submission"

Key = tuple[int, int, int, int, datetime, str]
"""Sorts runs: laps (negative, total only), time to compare, resets, best lap, moment and name of the submission."""


@dataclass(frozen=True, slots=True)
class LapTime:
    """One measured lap: its time with the penalties inside, its resets, and whether it reached the line.

    `sectors_ms` are for the page; nothing is ranked by them.
    """

    time_ms: int
    resets: int = 0
    complete: bool = True
    sectors_ms: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One finished run of a racer, its laps in the order driven.

    `submitted_at` decides between equals; `finished_at` says which result is the newest (None: as submitted).
    `submission` names the run and is different for each.
    """

    submission: str
    racer: Hashable
    submitted_at: datetime
    laps: tuple[LapTime, ...]
    finished_at: datetime | None = None

    @property
    def newness(self) -> tuple[datetime, datetime, str]:
        return (self.finished_at or self.submitted_at, self.submitted_at, self.submission)


@dataclass(frozen=True, slots=True)
class Standing:
    """One row: a racer's place and what is shown with it. Times in ms; None where there is nothing to compare with."""

    place: int
    racer: Hashable
    submission: str
    """The run that counts."""
    result_ms: int
    best_lap_ms: int
    """The best complete lap of all the racer's runs."""
    last_lap: LapTime | None
    """The last lap of the racer's newest run."""
    gap_ms: int | None
    """Behind the leader; None for the leader, and where laps differ (see `gap_laps`)."""
    gap_laps: int
    interval_ms: int | None
    """Behind the car ahead."""
    interval_laps: int
    laps: int
    """Complete laps of the run that counts."""
    resets: int
    submissions: int
    """Finished runs of the racer, eligible or not."""
    delta: int | None
    """Places won (positive) or lost by the newest result; None for a racer who was not ranked before it."""


@dataclass(frozen=True, slots=True)
class _Run:
    entry: Entry
    key: Key
    result_ms: int
    best_lap_ms: int
    laps: int
    resets: int


def rank(
    entries: Sequence[Entry], *, ranking: Ranking | str, minimum_laps: int, counts: Counting | str = Counting.BEST
) -> list[Standing]:
    """The standings, the leader first: one row per racer with an eligible run.

    The order of `entries` does not matter. Raises ValueError for a ranking that is none of the three, a counting that
    is none of the two, for fewer than one minimum lap, and for two entries with one name.
    """
    ranking, counts = Ranking(ranking), Counting(counts)
    if minimum_laps < 1:
        raise ValueError(f"minimum_laps is {minimum_laps}; it must be at least 1")
    names = {entry.submission for entry in entries}
    if len(names) != len(entries):
        raise ValueError("two entries have the same submission; give each its own")
    runs = {run.entry.submission: run for entry in entries if (run := _run(entry, ranking, minimum_laps))}
    order = _order(entries, runs, counts)
    before = _places_before_the_newest(entries, runs, counts)
    by_racer = _by_racer(entries)
    rows: list[Standing] = []
    for place, run in enumerate(order, start=1):
        racer = run.entry.racer
        ahead = order[place - 2] if place > 1 else None
        gap_ms, gap_laps = _behind(run, order[0] if ahead else None, ranking)
        interval_ms, interval_laps = _behind(run, ahead, ranking)
        newest = max(by_racer[racer], key=lambda entry: entry.newness)
        rows.append(
            Standing(
                place=place,
                racer=racer,
                submission=run.entry.submission,
                result_ms=run.result_ms,
                best_lap_ms=min(lap.time_ms for entry in by_racer[racer] for lap in entry.laps if lap.complete),
                last_lap=newest.laps[-1] if newest.laps else None,
                gap_ms=gap_ms,
                gap_laps=gap_laps,
                interval_ms=interval_ms,
                interval_laps=interval_laps,
                laps=run.laps,
                resets=run.resets,
                submissions=len(by_racer[racer]),
                delta=before[racer] - place if racer in before else None,
            )
        )
    return rows


def best_lap_ms(laps: Iterable[LapTime | Lap]) -> int | None:
    """The time of the best complete lap; None where there is none."""
    return min((lap.time_ms for lap in laps if lap.complete), default=None)


def longest_run_of_laps(laps: Iterable[LapTime]) -> int:
    """The most complete laps in a row."""
    longest = current = 0
    for lap in laps:
        current = current + 1 if lap.complete else 0
        longest = max(longest, current)
    return longest


def _run(entry: Entry, ranking: Ranking, minimum_laps: int) -> _Run | None:
    """The entry as a run that can be compared; None where it is not eligible."""
    if longest_run_of_laps(entry.laps) < minimum_laps:
        return None
    times = [lap.time_ms for lap in entry.laps if lap.complete]
    best_lap_ms, resets = min(times), sum(lap.resets for lap in entry.laps)
    ahead = -len(times) if ranking is Ranking.TOTAL else 0
    if ranking is Ranking.TOTAL:
        compared = result_ms = sum(times)
    elif ranking is Ranking.AVERAGE:
        compared = _best_window_ms(entry.laps, minimum_laps)
        result_ms = (2 * compared + minimum_laps) // (2 * minimum_laps)  # the mean, halves up
    else:
        compared = result_ms = best_lap_ms
    key = (ahead, compared, resets, best_lap_ms, entry.submitted_at, entry.submission)
    return _Run(entry, key, result_ms, best_lap_ms, len(times), resets)


def _best_window_ms(laps: Sequence[LapTime], length: int) -> int:
    """The smallest sum of `length` complete laps in a row; there is at least one such window."""
    windows = (laps[first : first + length] for first in range(len(laps) - length + 1))
    return min(sum(lap.time_ms for lap in window) for window in windows if all(lap.complete for lap in window))


def _order(entries: Iterable[Entry], runs: Mapping[str, _Run], counts: Counting) -> list[_Run]:
    """One run per racer, sorted. Another rule for which run counts belongs here and nowhere else."""
    counting: list[_Run] = []
    for own in _by_racer(entries).values():
        candidates = [max(own, key=lambda entry: entry.newness)] if counts is Counting.LATEST else own
        eligible = [runs[entry.submission] for entry in candidates if entry.submission in runs]
        if eligible:
            counting.append(min(eligible, key=lambda run: run.key))
    return sorted(counting, key=lambda run: run.key)


def _by_racer(entries: Iterable[Entry]) -> dict[Hashable, list[Entry]]:
    grouped: dict[Hashable, list[Entry]] = {}
    for entry in entries:
        grouped.setdefault(entry.racer, []).append(entry)
    return grouped


def _places_before_the_newest(
    entries: Sequence[Entry], runs: Mapping[str, _Run], counts: Counting
) -> dict[Hashable, int]:
    """Each racer's place as it was before the newest result came in."""
    if not entries:
        return {}
    newest = max(entries, key=lambda entry: entry.newness).submission
    older = _order((entry for entry in entries if entry.submission != newest), runs, counts)
    return {run.entry.racer: place for place, run in enumerate(older, start=1)}


def _behind(run: _Run, other: _Run | None, ranking: Ranking) -> tuple[int | None, int]:
    """How far behind another run: (ms, 0), or (None, laps) where a total has fewer laps; (None, 0) without another."""
    if other is None:
        return None, 0
    if ranking is Ranking.TOTAL and run.laps != other.laps:
        return None, other.laps - run.laps
    return run.result_ms - other.result_ms, 0
