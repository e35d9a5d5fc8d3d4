"""What a sector is beside the others: the best of the race, the racer's best, slower, or not completed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from portal.rules.lap_marks import LapMark
from portal.rules.ranking import LapTime

SECTORS = 3

Bests = tuple[int | None, ...]
"""The shortest time of each sector, ms; None where nobody completed it."""


@dataclass(frozen=True, slots=True)
class Sector:
    """One sector of a lap as it is shown."""

    number: int
    time_ms: int | None
    mark: LapMark


def bests(laps: Iterable[LapTime]) -> Bests:
    """The shortest time of each sector over these laps. A sector counts where the rest of the lap was not completed."""
    best: list[int | None] = [None] * SECTORS
    for lap in laps:
        for index, time_ms in enumerate(lap.sectors_ms):
            shortest = best[index]
            if time_ms is not None and (shortest is None or time_ms < shortest):
                best[index] = time_ms
    return tuple(best)


def marked(lap: LapTime | None, personal: Bests, overall: Bests) -> tuple[Sector, ...]:
    """The sectors of a lap with their marks; nothing for a lap that was measured without sectors."""
    if lap is None or not any(time_ms is not None for time_ms in lap.sectors_ms):
        return ()
    return tuple(
        Sector(number, time_ms, _mark(time_ms, personal[number - 1], overall[number - 1]))
        for number, time_ms in enumerate(lap.sectors_ms, start=1)
    )


def _mark(time_ms: int | None, personal_ms: int | None, overall_ms: int | None) -> LapMark:
    if time_ms is None:
        return LapMark.INVALID
    if time_ms == overall_ms:
        return LapMark.BEST
    return LapMark.PERSONAL if time_ms == personal_ms else LapMark.SLOWER
