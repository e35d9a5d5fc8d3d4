"""One figure of a benchmark, and how it is printed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """A figure: its name, value and unit, and what stands beside it to judge it by.

    `beside` says what that is (a goal, another program, the same figure before); `beside_value` is its value in the
    same unit, where it is one number. Where the figure is the best of several, `median` is their median. `clock` says
    what its seconds are: "processor" is the processor time of all threads together, "wall" the clock on the wall; and
    `by_wall_clock` is the figure of the same best window by that one. `count` and `of` are what the figure was counted
    from, e.g. 3 of 4 rows.
    """

    name: str
    value: float
    unit: str
    beside: str = ""
    beside_value: float | None = None
    median: float | None = None
    clock: str = ""
    by_wall_clock: float | None = None
    count: int | None = None
    of: int | None = None


def as_dict(row: Row) -> dict[str, Any]:
    """For JSON; without what is not set."""
    return {key: value for key, value in asdict(row).items() if value not in ("", None)}


def as_line(row: Row) -> str:
    """For people: one line."""
    beside = f"{row.beside} {row.beside_value:g}" if row.beside_value is not None else row.beside
    counted = f"({row.of})" if row.count is None else f"({row.count} of {row.of})"
    shown = f"{row.unit} {counted}" if row.of is not None else row.unit
    median = f"median {row.median:.6g}" if row.median is not None else ""
    wall = f"by the clock on the wall {row.by_wall_clock:.6g}" if row.by_wall_clock is not None else ""
    said = "; ".join(part for part in (median, wall, beside) if part)
    return f"{row.name:<58} {row.value:>12.6g} {shown:<14} {said}".rstrip()
