"""The simulator's logs of a training: one file per iteration, one car each, and never too many of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.action_space import ContinuousActionSpace
from sim.car import Car
from sim.episode import STATUS_CODE, EpisodeStatus
from sim.learning.rollouts import Rollout
from sim.trace import SimTrace, action_text
from sim.track import Track
from sim.weights import write_bytes

MOST_FILES = 256
_PREPARE = STATUS_CODE[EpisodeStatus.PREPARE]


class TraceShelf:
    """`N-iteration.csv` with what the first car drove in iteration N.

    Once there are more than `most_files`, every second one goes, and from then on only every second iteration is kept,
    then every fourth, and so on: a long training leaves 128 to 256 files, evenly spread.
    """

    def __init__(
        self, folder: Path, car: Car, track: Track, *, objects: bool = False, most_files: int = MOST_FILES
    ) -> None:
        self.folder = folder
        self.objects = objects
        self.most_files = most_files
        self.car = car
        self.track = track
        kept = sorted(self._numbers())
        self.stride = max(1, kept[1] - kept[0]) if len(kept) > 1 else 1

    def put(self, iteration: int, rollout: Rollout, rewards: NDArray[np.float64], episode: int) -> None:
        """Write the iteration's file, if it is one that is kept. `episode` numbers the first car's first episode."""
        if iteration % self.stride:
            return
        text = self._first_car(rollout, rewards, episode).to_csv()
        write_bytes(self.folder / f"{iteration}-iteration.csv", text.encode(), durable=False)
        numbers = self._numbers()
        if len(numbers) > self.most_files:
            self.stride *= 2
            for number in numbers:
                if number % self.stride:
                    (self.folder / f"{number}-iteration.csv").unlink(missing_ok=True)

    def _numbers(self) -> list[int]:
        names = (path.name.removesuffix("-iteration.csv") for path in self.folder.glob("*-iteration.csv"))
        return [int(name) for name in names if name.isdecimal()]

    def _first_car(self, rollout: Rollout, rewards: NDArray[np.float64], episode: int) -> SimTrace:
        trace = SimTrace(self.track, self.objects)
        commands = self.car.action_space.commands(rollout.actions[:, 0])
        indexed = not isinstance(self.car.action_space, ContinuousActionSpace)
        for step in range(len(rollout.done)):
            index = int(rollout.actions[step, 0]) if indexed else None
            action = action_text(index, *commands[step].tolist())
            if rollout.first_car_status[step] == _PREPARE:
                trace.add(episode, rollout.first_car_states[step], action, 0.0, False, _PREPARE)
            done, status = bool(rollout.done[step, 0]), int(rollout.status[step, 0])
            trace.add(episode, rollout.states[step, 0], action, float(rewards[step, 0]), done, status)
            episode += done
        return trace
