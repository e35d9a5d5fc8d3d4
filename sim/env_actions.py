"""From what an agent says to what the car is told: an environment's action space and the commands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from sim.action_space import ContinuousActionSpace, DiscreteActionSpace

ActionChoice = Sequence[tuple[float, float]] | DiscreteActionSpace | ContinuousActionSpace | None
EVERYTHING = ContinuousActionSpace(-30.0, 30.0, 0.1, 4.0)
"""The real car's whole range."""


class Listed:
    """A list of (steering_deg, speed_mps), chosen from by number."""

    def __init__(self, actions: Sequence[tuple[float, float]]) -> None:
        try:
            table = np.array(actions, np.float64)
        except (TypeError, ValueError):
            table = np.empty(0)
        if table.ndim != 2 or table.shape[1] != 2 or not np.isfinite(table).all():
            raise ValueError("actions must be a list of (steering_deg, speed_mps)")
        self.table = table
        self.space: gym.Space[Any] = gym.spaces.Discrete(len(table))

    def commands(self, actions: NDArray[Any], out: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Write (n, 2) commands for (n,) numbers; none is out of range. ValueError where there is no such action."""
        chosen = np.asarray(actions)
        if chosen.dtype.kind not in "iu" or chosen.size != len(out):
            raise ValueError(f"actions must be {len(out)} whole numbers")
        chosen = chosen.reshape(len(out))
        if chosen.min() < 0 or chosen.max() >= len(self.table):
            raise ValueError(f"actions are numbered 0 to {len(self.table) - 1}")
        np.take(self.table, chosen, axis=0, out=out)
        return np.zeros(len(out), np.bool_)


class Ranged:
    """Two numbers in [-1, 1], steering and speed, spread over a range."""

    def __init__(self, reach: ContinuousActionSpace) -> None:
        self.reach = reach
        self.space: gym.Space[Any] = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def commands(self, actions: NDArray[Any], out: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Write (n, 2) commands for (n, 2) numbers; (n,) true where one had to be clipped. NaN stays NaN."""
        try:
            given = np.asarray(actions, np.float64).reshape(len(out), 2)
        except (TypeError, ValueError):
            raise ValueError(f"actions must be {len(out)} times steering and speed, each -1 to 1") from None
        out[:] = self.reach.commands(given)
        return np.asarray((np.abs(given) > 1.0).any(axis=1))


def action_kind(actions: ActionChoice) -> Listed | Ranged:
    """The kind of actions that a setting asks for; ValueError where it is none."""
    if actions is None:
        return Ranged(EVERYTHING)
    if isinstance(actions, ContinuousActionSpace):
        return Ranged(actions)
    if isinstance(actions, DiscreteActionSpace):
        return Listed([(action.steering_deg, action.speed_mps) for action in actions.actions])
    return Listed(actions)
