"""Trainings that went on until three clean laps from each start, as rows of figures."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from bench.processor_time import spent_s
from bench.rows import Row


@dataclass(frozen=True)
class Run:
    """One training: seconds on the wall and of the processor, steps, and whether it reached the goal."""

    wall_s: float
    processor_s: float
    steps: int
    success: bool


@dataclass(frozen=True)
class Stopwatch:
    """Since when a training runs, by the clock on the wall and that of the processor."""

    wall_s: float = field(default_factory=time.perf_counter)
    processor_s: float = field(default_factory=spent_s)

    def stop(self, steps: int, success: bool) -> Run:
        """The training is over, and so are its processes."""
        return Run(time.perf_counter() - self.wall_s, spent_s() - self.processor_s, steps, success)


def rows_of(what: str, runs: list[Run], goals_s: tuple[float, float] | None = None) -> list[Row]:
    """A run that failed counts with the time that it took. `goals_s` are the most for median and 95th percentile."""
    beside, (goal_s, latest_s) = ("goal: at most", goals_s) if goals_s else ("", (None, None))
    wall = [run.wall_s for run in runs]
    failed = sum(not run.success for run in runs)
    processor_s = float(np.median([run.processor_s for run in runs]))
    return [
        Row(f"{what}: median", float(np.median(wall)), "s", beside, goal_s, clock="wall"),
        Row(f"{what}: 95th percentile", float(np.percentile(wall, 95)), "s", beside, latest_s, clock="wall"),
        Row(f"{what}: slowest", max(wall), "s", clock="wall"),
        Row(f"{what}: median, processor time", processor_s, "s", clock="processor"),
        Row(f"{what}: failures", float(failed), f"of {len(runs)} runs", beside, 0.0 if beside else None),
        Row(f"{what}: median steps", float(np.median([run.steps for run in runs])), "steps"),
    ]
