"""Stacked columns as numbers for an SVG that stretches: places across are percentages, and words keep their size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HEIGHT = 200
TOP = 12
BASE = 176
"""Where the columns stand: below it are the labels."""
GAP = 0.28
"""The share of a column's room that stays empty."""
LINES = 4
MOST_LABELS = 12


@dataclass(frozen=True, slots=True)
class Part:
    """One kind's piece of a column, from the top `y`, in units of the picture."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its left edge, width and middle in percent, its pieces from the base up, and what it says in words."""

    x: float
    width: float
    middle: float
    parts: tuple[Part, ...]
    words: str
    label: str
    """What stands below; empty where there is no room for every label."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line across at a round value."""

    y: float
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A whole picture of `HEIGHT`."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    height: int = HEIGHT
    base: int = BASE


@dataclass(frozen=True, slots=True)
class Values:
    """What a column shows: amounts by kind, from the base up."""

    label: str
    words: str
    amounts: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        return sum(amount for _, amount in self.amounts)


def stacked(columns: Sequence[Values]) -> Chart:
    """Columns of stacked amounts with lines at round values."""
    highest = max((values.total for values in columns), default=0)
    step = _round_step(highest)
    top = max(step, -(-highest // step) * step)
    lines = tuple(Line(_y(value, top), value) for value in range(0, top + 1, step))
    every = -(-len(columns) // MOST_LABELS)
    room = 100 / max(1, len(columns))
    drawn = (_column(values, number, room, top, every) for number, values in enumerate(columns))
    return Chart(tuple(drawn), lines)


def _column(values: Values, number: int, room: float, top: int, every: int) -> Column:
    return Column(
        x=round(room * (number + GAP / 2), 3),
        width=round(room * (1 - GAP), 3),
        middle=round(room * (number + 0.5), 3),
        parts=tuple(_parts(values, top)),
        words=values.words,
        label=values.label if number % every == 0 else "",
    )


def _parts(values: Values, top: int) -> Iterator[Part]:
    below = 0
    for kind, amount in values.amounts:
        if amount > 0:
            upper, lower = _y(below + amount, top), _y(below, top)
            yield Part(kind, upper, round(lower - upper, 2))
        below += amount


def _y(value: int, top: int) -> float:
    return round(BASE - (BASE - TOP) * value / top, 2)


def _round_step(highest: int) -> int:
    """1, 2 or 5 times a power of ten, a cent at least, so that at most `LINES` of them reach the highest value."""
    step = 10_000
    for factor in _factors():
        step = 10_000 * factor
        if step * LINES >= highest:
            break
    return step


def _factors() -> Iterator[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10
