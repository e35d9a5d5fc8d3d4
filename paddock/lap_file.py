"""Laps of a race from a CSV file: one row a lap, as other timing systems export them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from portal.rules.ranking import Entry, LapTime

COLUMNS = ("racer", "submission", "lap", "time_ms", "resets")
NEEDED = ("racer", "lap", "time_ms")
MOST_LAPS = 1_000_000
LONGEST_LAP_MS = 86_400_000

DELIMITERS = (",", ";", "\t")
"""The first is taken where a title line has none."""
NOT_FINISHED = frozenset({"", "dnf", "dns", "dsq", "n/a", "null", "none", "-"})
"""What stands for the time of a lap that was not completed."""
YES, NO = frozenset({"1", "true", "yes", "y"}), frozenset({"0", "false", "no", "n"})


class LapFileError(ValueError):
    """A file that is no list of laps: which line, what is wrong, and what to write there."""


@dataclass
class _Driven:
    """One submission: its laps by number, as the rows come."""

    racer: str
    name: str
    laps: dict[int, LapTime] = field(default_factory=dict)

    def in_order(self) -> tuple[LapTime, ...]:
        """The laps as they were driven. A number that is missing is a lap that was not completed."""
        laps: list[LapTime] = []
        before: int | None = None
        for number in sorted(self.laps):
            if before is not None and number > before + 1:
                laps.append(LapTime(0, complete=False))
            laps.append(self.laps[number])
            before = number
        return tuple(laps)


def read_laps(path: Path) -> list[Entry]:
    """The submissions of a file with the columns racer, submission, lap, time_ms, resets, in any order.

    `submission` may be missing (each racer drove once), `resets` too (none). `complete` (true or false) may say that a
    lap was not finished; so does an empty time or a word such as DNF. Submissions were made in the order of their
    numbers, or where their names are no numbers in that of their first rows. Cells are divided by commas, semicolons or
    tabs. LapFileError, with the line, for anything else.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            driven = _submissions(file)
    except OSError as error:
        raise LapFileError(f"{path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise LapFileError(f"{path} is no UTF-8 text; save it as “CSV UTF-8”") from error
    except csv.Error as error:
        raise LapFileError(f"{path} is no CSV file ({error})") from error
    return [
        Entry(
            submission=f"{one.racer}\n{one.name}",
            racer=one.racer,
            submitted_at=datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=moment),
            laps=one.in_order(),
        )
        for moment, one in enumerate(_by_time(driven))
    ]


def _by_time(driven: list[_Driven]) -> list[_Driven]:
    if all(one.name.isascii() and one.name.isdigit() for one in driven):
        return sorted(driven, key=lambda one: int(one.name))
    return driven


def _submissions(lines: Iterator[str]) -> list[_Driven]:
    skipped = 0
    while not (title := next(lines, "")).strip() and title:
        skipped += 1
    reader = csv.DictReader(chain([title], lines), strict=True, delimiter=max(DELIMITERS, key=title.count))
    names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        found = ", ".join(filter(None, names)) or "nothing"
        raise LapFileError(
            f"line {skipped + 1}: {', '.join(missing)} is missing; it has to name {', '.join(COLUMNS)}, found: {found}"
        )
    reader.fieldnames = names
    driven: dict[tuple[str, str], _Driven] = {}
    for line, row in _rows(reader, skipped):
        racer, name = _cell(row, "racer"), _cell(row, "submission") or "1"
        if not racer:
            raise LapFileError(f"line {line}: racer is empty; write who drove the lap")
        one = driven.setdefault((racer, name), _Driven(racer, name))
        number = _whole(row, "lap", line, 0, MOST_LAPS)
        if number in one.laps:
            raise LapFileError(
                f"line {line}: lap {number} of {racer}'s submission {name} is there twice; take one of them out"
            )
        one.laps[number] = _lap(row, line)
    return list(driven.values())


def _rows(reader: csv.DictReader[str], skipped: int) -> Iterator[tuple[int, Mapping[str, str | None]]]:
    for count, row in enumerate(reader, 1):
        if count > MOST_LAPS:
            raise LapFileError(f"there are more than {MOST_LAPS:,} laps in this file; split it")
        if any(isinstance(value, str) and value.strip() for value in row.values()):
            yield reader.line_num + skipped, row


def _cell(row: Mapping[str, str | None], name: str) -> str:
    return (row.get(name) or "").strip()


def _lap(row: Mapping[str, str | None], line: int) -> LapTime:
    said = _cell(row, "complete").lower()
    if said and said not in YES | NO:
        raise LapFileError(f"line {line}: complete is {said!r}; write true or false")
    resets = _whole(row, "resets", line, 0, 1_000_000) if _cell(row, "resets") else 0
    if _cell(row, "time_ms").lower() in NOT_FINISHED and said not in YES:
        return LapTime(0, resets, complete=False)
    return LapTime(_whole(row, "time_ms", line, 1, LONGEST_LAP_MS), resets, complete=said not in NO)


def _whole(row: Mapping[str, str | None], name: str, line: int, least: int, most: int) -> int:
    """A whole number from `least` to `most`; times with a fraction are rounded, halves up."""
    text = _cell(row, name)
    try:
        value = float(text)
        whole = math.floor(value + 0.5)
    except (ValueError, OverflowError):
        whole, value = least - 1, 0.0
    if not least <= whole <= most or (name != "time_ms" and whole != value):
        raise LapFileError(f"line {line}: {name} is {text!r}; write a whole number from {least:,} to {most:,}")
    return whole
