"""What a lap is beside the racer's best and the race's best."""

from __future__ import annotations

from enum import StrEnum

from portal.rules.ranking import LapTime


class LapMark(StrEnum):
    """What a lap is beside the others; the value is what the page calls it."""

    BEST = "best of the race"
    PERSONAL = "personal best"
    SLOWER = "slower"
    INVALID = "not completed"


def lap_mark(lap: LapTime | None, personal_ms: int | None, overall_ms: int | None) -> LapMark | None:
    """What a lap is beside the racer's best and the race's best; None without a lap."""
    if lap is None:
        return None
    if not lap.complete:
        return LapMark.INVALID
    if lap.time_ms == overall_ms:
        return LapMark.BEST
    return LapMark.PERSONAL if lap.time_ms == personal_ms else LapMark.SLOWER
