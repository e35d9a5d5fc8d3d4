"""Which episodes ended in a rollout, and how they went."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from sim.episode import STATUS_CODE, EpisodeStatus
from sim.learning.rollouts import Rollout
from sim.metrics import EpisodeRecord
from sim.reward_state import COLUMN

_LAP_COMPLETE = STATUS_CODE[EpisodeStatus.LAP_COMPLETE]


class EpisodeBook:
    """Adds up rewards over the episodes of parallel cars, whose ends lie in different rollouts.

    `recent` keeps the last `window` ended episodes for the averages on the graph.
    """

    def __init__(self, cars: int, window: int, episodes: int = 0) -> None:
        self.running = np.zeros(cars)
        self.progress = np.zeros(cars)
        self.ended = episodes
        self.recent: deque[EpisodeRecord] = deque(maxlen=window)

    def add(self, rollout: Rollout, rewards: NDArray[np.float64]) -> tuple[EpisodeRecord, ...]:
        """Records of the episodes that ended, in the order in which they did; `rewards` (T, n)."""
        found: list[EpisodeRecord] = []
        start = np.zeros(len(self.running), np.int64)
        sums = np.concatenate([np.zeros((1, len(self.running))), rewards.cumsum(0)])
        for step, car in np.argwhere(rollout.done):
            total = self.running[car] + sums[step + 1, car] - sums[start[car], car]
            self.running[car], start[car] = 0.0, step + 1
            found.append(self._record(rollout, int(step), int(car), float(total), len(found) + 1))
        self.running += sums[-1] - sums[start, np.arange(len(start))]
        self.progress = rollout.states[-1, :, COLUMN["progress"]]
        self.recent.extend(found)
        return tuple(found)

    def averages(self) -> tuple[float, float]:
        """Mean reward and mean completion (per cent) of recent episodes, or of the running ones before any ended."""
        if not self.recent:
            return float(self.running.mean()), float(self.progress.mean())
        rewards = [record.reward for record in self.recent]
        return float(np.mean(rewards)), float(np.mean([record.progress for record in self.recent]))

    def _record(self, rollout: Rollout, step: int, car: int, total: float, trial: int) -> EpisodeRecord:
        state, status = rollout.states[step, car], int(rollout.status[step, car])
        self.ended += 1
        return EpisodeRecord(
            episode=self.ended,
            trial=trial,
            phase="training",
            reward=total,
            steps=int(state[COLUMN["steps"]]),
            progress=100.0 if status == _LAP_COMPLETE else float(state[COLUMN["progress"]]),
            status=status,
        )
