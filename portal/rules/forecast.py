"""What a month will have cost at its end: a simple method that says how sure it is.

What was spent so far, plus the mean of the last seven whole days for the time that is left, plus the storage of what is
kept now for the days that are still to be charged. The range is the one in which four of five months end if days go on
to vary as those seven did, independently of each other: a prediction interval of a sum, by Student's t.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

DAYS = 7
DAY = timedelta(days=1)
FEWEST_FOR_A_RANGE = 3
T_80_PERCENT = {2: 1.886, 3: 1.638, 4: 1.533, 5: 1.476, 6: 1.440}
"""The two-sided 80 % quantile of Student's t by degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A month's end in millionths of a dollar, and how many days it was told from."""

    microusd: int
    low_microusd: int | None
    """With `high_microusd` the range; None where fewer than three days are known."""
    high_microusd: int | None
    days: int


def until(end: date, now: datetime) -> timedelta:
    """The time from a moment to the first moment of a day, in UTC; never negative."""
    return max(timedelta(0), datetime.combine(end, time(), UTC) - now)


def month_end(
    spent_microusd: int, recent: Sequence[int], *, left: timedelta, storage_microusd: int = 0
) -> Forecast | None:
    """The forecast from what was spent so far and what jobs cost on each of the last whole days.

    `storage_microusd` is what storage will still cost. None where no whole day is known: it is too early to say.
    """
    if not recent:
        return None
    days_left = left / DAY
    sure = spent_microusd + storage_microusd
    expected = sure + round(statistics.fmean(recent) * days_left)
    if len(recent) < FEWEST_FOR_A_RANGE:
        return Forecast(expected, None, None, len(recent))
    spread = T_80_PERCENT[len(recent) - 1] * statistics.stdev(recent)
    half = round(spread * math.sqrt(days_left * (1 + days_left / len(recent))))
    return Forecast(expected, max(sure, expected - half), expected + half, len(recent))
