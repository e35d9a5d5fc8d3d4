"""The rules of an episode, slow and obvious, from what a row shows; after SimApp's reset rules.

Rows are judged from the place along the track and the wheels alone, so a recorded drive can be judged too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sim.episode import EpisodeRules, EpisodeStatus

PATIENCE_STEPS = 15
STILL_M = 0.0003


def progress_after(fraction: float, start: float, previous: float) -> float:
    """Progress in percent (SimApp's compute_current_prog) from places as fractions of the lap."""
    progress = 100.0 * (fraction - start)
    if progress <= 0.0:
        progress += 100.0
    if previous > progress + 50.0:
        progress += 100.0
    if progress > previous + 50.0:
        progress -= 100.0
    return min(progress, 100.0)


@dataclass
class Episode:
    """Judges the rows of one episode in order; the first row is `prepare`."""

    rules: EpisodeRules
    start: float
    steps: int = 0
    laps: int = 0
    resets: int = 0
    lap_began: int = 0
    lap_steps: int = 0
    pausing: int = 0
    progress: float = 0.0
    done: bool = False
    _previous: float = 0.0
    _standing: int = 0
    _falling: int = 0
    _fronts: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0), (0.0, 0.0)])

    def row(self, fraction: float, any_wheel_on: bool, front: tuple[float, float]) -> EpisodeStatus:
        """The status of the next row; `progress`, `done`, `laps` and `lap_steps` are set for it."""
        self.steps += 1
        self.lap_steps = 0
        self.progress = progress_after(fraction, self.start, self._previous)
        if self.steps == 1:
            self._previous = self.progress
            return EpisodeStatus.PREPARE
        running = self.pausing == 0
        if running:
            self._count(front)
        else:
            self.pausing -= 1
        status = self._judge(running, any_wheel_on)
        self._fronts = [front, self._fronts[0]]
        self._previous = 0.0 if self.progress >= 100.0 else self.progress
        if running and not self.done and status is not EpisodeStatus.IN_PROGRESS:
            self.resets += 1
            self.pausing = self.rules.pause_steps
            self._standing = self._falling = 0
        return status

    def _count(self, front: tuple[float, float]) -> None:
        moved = min(math.dist(front, earlier) for earlier in self._fronts)
        self._standing = self._standing + 1 if moved <= STILL_M else 0
        self._falling = self._falling + 1 if self.progress < self._previous else 0

    def _judge(self, running: bool, any_wheel_on: bool) -> EpisodeStatus:
        if self.progress >= 100.0:
            self.laps += 1
            self.lap_steps, self.lap_began = self.steps - self.lap_began, self.steps
            self._standing = self._falling = 0
            if not self.rules.continuous or self.laps >= self.rules.laps:
                self.done = True
                return EpisodeStatus.LAP_COMPLETE
        holding = {
            EpisodeStatus.OFF_TRACK: running and not any_wheel_on,
            EpisodeStatus.IMMOBILIZED: running and self._standing >= PATIENCE_STEPS,
            EpisodeStatus.TIME_UP: self.steps >= self.rules.maximum_steps,
            EpisodeStatus.PAUSE: not running,
            EpisodeStatus.REVERSED: running and self._falling >= PATIENCE_STEPS,
        }
        found = next((status for status, holds in holding.items() if holds), EpisodeStatus.IN_PROGRESS)
        forgiven = self.resets < self.rules.maximum_resets
        ending = found not in (EpisodeStatus.IN_PROGRESS, EpisodeStatus.PAUSE)
        self.done = holding[EpisodeStatus.TIME_UP] or (ending and not forgiven)
        return found
