"""The time to the ghost in a race's replay, as the browser works it out from two drives."""

from __future__ import annotations

from itertools import pairwise

from tests.browser.conftest import Visitors

GAPS = """async ([own, ghost]) => {
  const charts = await import("/static/js/replay-charts.js");
  const ways = [own, ghost].map((progress) =>
    charts.waysForGood({ lap: () => 0, progress: (row) => progress[row] }, [0, progress.length]));
  const chart = Array.from({ length: 199 }, (_, half) => charts.gapAt(...ways, 1 + half / 2));
  const now = own.map((_, row) => charts.gapNow(...ways, row));
  return { chart, now };
}"""
PAUSE_ROWS = 75
"""Five seconds, as for a collision."""


def drive(crash_at: int | None = None) -> list[float]:
    """A lap of 1 % a step; with a crash it is put back to 30 % and stands there."""
    if crash_at is None:
        return [float(way) for way in range(1, 101)]
    before = [float(way) for way in range(1, crash_at)]
    return [*before, crash_at - 0.5, *[30.0] * PAUSE_ROWS, *[float(way) for way in range(31, 101)]]


CASES = {
    "neither": (drive(), drive(), {0}, 0),
    "the car": (drive(40), drive(), {0, 85}, 85),
    "the ghost": (drive(), drive(40), {0, -85}, -85),
    "both at one box": (drive(40), drive(37), {0, 3}, 3),
}
"""Who crashes: both drives, what the chart shows, and the time at the end (rows)."""


def test_a_car_that_is_put_back_changes_the_time_to_the_ghost_once(visitors: Visitors) -> None:
    page = visitors.page()
    page.goto("/workshop")
    for who, (own, ghost, chart, last) in CASES.items():
        found = page.evaluate(GAPS, [own, ghost])
        assert set(found["chart"]) == chart, f"{who}: a step, no spike, for both were put back to one place"
        assert found["now"][-1] == last, who
        steps = [after - before for before, after in pairwise(found["now"])]
        assert all(step >= 0 for step in steps) or all(step <= 0 for step in steps), (who, found["now"])
