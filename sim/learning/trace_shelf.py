"""The simulator's logs of a training: one file per iteration, one car each, and never too many of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.action_space import ContinuousActionSpace
from sim.car import Car
from sim.episode import STATUS_CODE, EpisodeStatus
from sim.learning.rollouts import Rollout
from sim.trace import SimTrace, action_text, prepare_state
from sim.track import Track
from sim.weights import write_bytes

MOST_FILES = 256
_PREPARE = STATUS_CODE[EpisodeStatus.PREPARE]


@dataclass(frozen=True)
class _Stretch:
    """Steps of the first car that follow each other in one rollout, copied: the rollout's memory can go."""

    actions: NDArray[np.int64] | NDArray[np.float32]
    before: NDArray[np.float64]
    before_status: NDArray[np.uint8]
    states: NDArray[np.float64]
    status: NDArray[np.uint8]
    rewards: NDArray[np.float64]

    @classmethod
    def of(cls, rollout: Rollout, rewards: NDArray[np.float64], begin: int, end: int) -> _Stretch:
        return cls(
            actions=rollout.actions[begin:end, 0].copy(),
            before=rollout.first_car_states[begin:end].copy(),
            before_status=rollout.first_car_status[begin:end].copy(),
            states=rollout.states[begin:end, 0].copy(),
            status=rollout.status[begin:end, 0].copy(),
            rewards=rewards[begin:end, 0].copy(),
        )


class TraceShelf:
    """`N-iteration.csv` with the episodes of the first car that ended in iteration N, whole.

    An episode that began in an earlier iteration stands in the file of the one in which it ended, as in the console's
    logs; where none ended there is no file. Episodes are numbered from 0 as the metrics number them from 1.

    Once there are more than `most_files`, every second iteration's goes, and from then on only every second iteration
    is kept, then every fourth, and so on: a long training leaves 128 to 256 files, evenly spread.
    """

    def __init__(
        self, folder: Path, car: Car, track: Track, *, objects: bool = False, most_files: int = MOST_FILES
    ) -> None:
        self.folder = folder
        self.objects = objects
        self.most_files = most_files
        self.car = car
        self.track = track
        self.stride = self._stride_of(self._numbers())
        self._running: list[_Stretch] = []

    def put(self, iteration: int, rollout: Rollout, rewards: NDArray[np.float64], episodes: int) -> None:
        """Write the iteration's file, if it is one that is kept. `episodes` of all cars ended before this rollout."""
        kept = iteration % self.stride == 0
        trace, begin = SimTrace(self.track, self.objects), 0
        for end in (np.flatnonzero(rollout.done[:, 0]) + 1).tolist():
            self._running.append(_Stretch.of(rollout, rewards, begin, end))
            if kept:
                self._add(trace, episodes + int(rollout.done[: end - 1].sum()))
            self._running, begin = [], end
        self._running.append(_Stretch.of(rollout, rewards, begin, len(rollout.done)))
        if trace.lines:
            write_bytes(self.folder / f"{iteration}-iteration.csv", trace.to_csv().encode(), durable=False)
            self._thin_out()

    def _add(self, trace: SimTrace, episode: int) -> None:
        """The episode that runs, which has ended."""
        indexed = not isinstance(self.car.action_space, ContinuousActionSpace)
        for stretch in self._running:
            commands = self.car.action_space.commands(stretch.actions)
            last = len(commands) - 1 if stretch is self._running[-1] else -1
            for step, command in enumerate(commands.tolist()):
                action = action_text(int(stretch.actions[step]) if indexed else None, *command)
                state = stretch.states[step]
                if stretch.before_status[step] == _PREPARE:
                    trace.add(episode, prepare_state(stretch.before[step], state), action, 0.0, False, _PREPARE)
                reward, status = float(stretch.rewards[step]), int(stretch.status[step])
                trace.add(episode, state, action, reward, step == last, status)

    def _thin_out(self) -> None:
        numbers = self._numbers()
        if len(numbers) > self.most_files:
            self.stride *= 2
            for number in numbers:
                if number % self.stride:
                    (self.folder / f"{number}-iteration.csv").unlink(missing_ok=True)

    def _stride_of(self, numbers: list[int]) -> int:
        """Which iterations are kept, from the files of a training that goes on: 1 where there are few of them."""
        if len(numbers) <= self.most_files // 4:
            return 1
        common = math.gcd(*numbers)
        return common & -common

    def _numbers(self) -> list[int]:
        names = (path.name.removesuffix("-iteration.csv") for path in self.folder.glob("*-iteration.csv"))
        return [int(name) for name in names if name.isdecimal()]
