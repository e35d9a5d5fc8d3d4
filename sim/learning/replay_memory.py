"""What was driven lately, for an algorithm that learns from each step many times.

One ring of plain arrays by time, (steps, cars, ...): what a step led to is the same car's next row, so that no picture
is kept twice. A row whose next one is another episode's, or not driven yet, is not learned from, unless nothing comes
after it anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.learning.rollouts import Rollout


@dataclass(frozen=True)
class Transitions:
    """Rows for one gradient step."""

    observations: tuple[Tensor, ...]
    """What the policy saw, for each of its inputs."""
    features: Tensor
    """(n, features) what the critics saw."""
    actions: Tensor
    """(n, 2) float32 within [-1, 1]: what the car was given."""
    rewards: Tensor
    """(n,) float32, in the unit in which they were put in, divided by the scale that was asked for."""
    terminal: Tensor
    """(n,) float32, 1 where nothing comes after the step."""
    next_observations: tuple[Tensor, ...]
    next_features: Tensor

    def to(self, device: torch.device) -> Transitions:
        """The same rows on the device that learns."""
        return Transitions(
            observations=tuple(seen.to(device) for seen in self.observations),
            features=self.features.to(device),
            actions=self.actions.to(device),
            rewards=self.rewards.to(device),
            terminal=self.terminal.to(device),
            next_observations=tuple(seen.to(device) for seen in self.next_observations),
            next_features=self.next_features.to(device),
        )


class ReplayMemory:
    """The last `rows` steps of all cars together, or as many as fit into `most_bytes`; the oldest go first."""

    def __init__(self, rows: int, most_bytes: int) -> None:
        self.rows, self.most_bytes = rows, most_bytes
        self.steps = self.filled = self.place = self.cars = 0
        self.arrays: list[NDArray[Any]] = []
        self.followed = np.zeros((0, 0), np.bool_)

    def __len__(self) -> int:
        return self.filled * self.cars

    def add(self, rollout: Rollout, rewards: NDArray[np.float64]) -> None:
        """Take over a rollout with its rewards (steps, cars); it goes on where the one before ended."""
        parts = _parts(rollout, rewards)
        if not self.arrays:
            self._make_room(parts)
        followed = ~rollout.done | rollout.terminal
        for first in range(0, len(rewards), self.steps):
            self._add([part[first : first + self.steps] for part in parts], followed[first : first + self.steps])

    def learnable(self) -> NDArray[np.int64]:
        """Numbers of the rows that `transitions` can give."""
        followed = self.followed[: self.filled].copy()
        if self.filled:
            newest = (self.place - 1) % self.steps
            followed[newest] &= self._terminal()[newest] > 0.0
        return np.flatnonzero(followed.reshape(-1))

    def reward_size(self) -> float:
        """Root of the mean square of the rewards that it holds; 0 where it holds none."""
        rewards = self._rewards()[: self.filled]
        return float(np.sqrt(np.mean(np.square(rewards)))) if rewards.size else 0.0

    def transitions(self, rows: NDArray[np.int64], reward_scale: float) -> Transitions:
        """These rows with what they led to, rewards divided by `reward_scale`; what stands behind a terminal one says
        nothing."""
        following = (rows + self.cars) % (self.filled * self.cars)
        now = [torch.from_numpy(_flat(array)[rows]) for array in self.arrays[:-1]]
        features, actions, terminal, *observations = now
        next_features, *next_observations = (
            torch.from_numpy(_flat(array)[following]) for array in [self.arrays[0], *self.arrays[3:-1]]
        )
        rewards = (_flat(self._rewards())[rows] / reward_scale).astype(np.float32)
        return Transitions(
            observations=tuple(observations),
            features=features,
            actions=actions,
            rewards=torch.from_numpy(rewards),
            terminal=terminal,
            next_observations=tuple(next_observations),
            next_features=next_features,
        )

    def _terminal(self) -> NDArray[np.float32]:
        return self.arrays[2]

    def _rewards(self) -> NDArray[np.float64]:
        return self.arrays[-1] if self.arrays else np.zeros((0, 0))

    def _make_room(self, parts: list[NDArray[Any]]) -> None:
        self.cars = parts[0].shape[1]
        step_bytes = sum(part[0].nbytes for part in parts)
        self.steps = max(2, min(self.rows // self.cars, self.most_bytes // step_bytes))
        self.arrays = [np.empty((self.steps, *part.shape[1:]), part.dtype) for part in parts]
        self.followed = np.zeros((self.steps, self.cars), np.bool_)

    def _add(self, parts: list[NDArray[Any]], followed: NDArray[np.bool_]) -> None:
        places = (self.place + np.arange(len(followed))) % self.steps
        for array, part in zip(self.arrays, parts, strict=True):
            array[places] = part
        self.followed[places] = followed
        self.place = int(places[-1] + 1) % self.steps
        self.filled = min(self.steps, self.filled + len(places))


def _parts(rollout: Rollout, rewards: NDArray[np.float64]) -> list[NDArray[Any]]:
    """Features, actions as the car got them, terminal, what each input saw, rewards; each (steps, cars, ...)."""
    actions = np.clip(rollout.actions, -1.0, 1.0).astype(np.float32)
    return [rollout.features, actions, rollout.terminal.astype(np.float32), *rollout.observations, rewards]


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    return array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])
