"""What a car may do: a list of actions, or a range of steering and speed.

Limits are the console's: steering within 30° of straight (positive is left), speed from 0.1 to 4 m/s, 2 to 30 actions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAXIMUM_STEERING_DEG = 30.0
MINIMUM_SPEED_MPS, MAXIMUM_SPEED_MPS = 0.1, 4.0
MINIMUM_ACTIONS, MAXIMUM_ACTIONS = 2, 30
STEERING_GRANULARITIES = range(1, 8)
SPEED_GRANULARITIES = range(1, 4)


class ActionSpaceError(ValueError):
    """A value that no action space may have; `field` names it as a form or file does."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Action:
    """One thing to do for a step: steering in degrees, positive to the left, and speed in m/s."""

    steering_deg: float
    speed_mps: float


@dataclass(frozen=True)
class DiscreteActionSpace:
    """A list of actions; a policy chooses one by its index. ActionSpaceError names the action that is out of range."""

    actions: tuple[Action, ...]

    def __post_init__(self) -> None:
        count = len(self.actions)
        if not MINIMUM_ACTIONS <= count <= MAXIMUM_ACTIONS:
            raise ActionSpaceError(
                "actions", f"{count} actions are given; between {MINIMUM_ACTIONS} and {MAXIMUM_ACTIONS} are possible"
            )
        for index, action in enumerate(self.actions):
            _check_steering(f"actions.{index}.steering_angle", action.steering_deg)
            _check_speed(f"actions.{index}.speed", action.speed_mps)

    @classmethod
    def grid(
        cls,
        steering_granularity: int,
        maximum_steering_deg: float,
        speed_granularity: int,
        maximum_speed_mps: float,
    ) -> DiscreteActionSpace:
        """The console's generator: steering evenly from -maximum to maximum, speeds at i/n of the maximum, i = 1..n.

        Ordered by steering from right to left, then by speed. One steering angle means straight ahead.
        """
        _check_choice("steering_granularity", steering_granularity, STEERING_GRANULARITIES)
        _check_choice("speed_granularity", speed_granularity, SPEED_GRANULARITIES)
        _check_range("maximum_steering_deg", maximum_steering_deg, 1.0, MAXIMUM_STEERING_DEG, "°")
        _check_speed("maximum_speed_mps", maximum_speed_mps)
        angles = [0.0] if steering_granularity == 1 else _even(maximum_steering_deg, steering_granularity)
        speeds = [round(i * maximum_speed_mps / speed_granularity, 4) for i in range(1, speed_granularity + 1)]
        if speeds[0] < MINIMUM_SPEED_MPS:
            raise ActionSpaceError(
                "maximum_speed_mps",
                f"the slowest of {speed_granularity} speeds would be {speeds[0]:g} m/s; the car needs "
                f"{MINIMUM_SPEED_MPS:g} m/s: raise the maximum or take fewer speeds",
            )
        if len(angles) * len(speeds) < MINIMUM_ACTIONS:
            raise ActionSpaceError("steering_granularity", "one angle and one speed leave nothing to choose; take more")
        return cls(tuple(Action(angle, speed) for angle in angles for speed in speeds))

    @classmethod
    def default(cls) -> DiscreteActionSpace:
        """The console's ten actions: -30, -15, 0, 15 and 30° at 0.4 and 0.8 m/s."""
        return cls.grid(5, 30.0, 2, 0.8)

    @property
    def size(self) -> int:
        """Number of actions, and of the policy's outputs."""
        return len(self.actions)

    def table(self) -> NDArray[np.float64]:
        """(size, 2): steering in degrees and speed in m/s of each action."""
        return np.array([(action.steering_deg, action.speed_mps) for action in self.actions], dtype=np.float64)

    def commands(self, chosen: ArrayLike) -> NDArray[np.float64]:
        """(n,) indices to (n, 2) [steering in degrees, speed in m/s]. IndexError where there is no such action."""
        indices = np.asarray(chosen, dtype=np.intp)
        if indices.size and (indices.min() < 0 or indices.max() >= self.size):
            raise IndexError(f"actions are numbered 0 to {self.size - 1}")
        return self.table()[indices]


@dataclass(frozen=True)
class ContinuousActionSpace:
    """A range of steering in degrees (low to the right) and of speed in m/s; a policy gives both within [-1, 1]."""

    steering_low_deg: float = -30.0
    steering_high_deg: float = 30.0
    speed_low_mps: float = 0.5
    speed_high_mps: float = 1.0

    def __post_init__(self) -> None:
        _check_range("steering_low_deg", self.steering_low_deg, -MAXIMUM_STEERING_DEG, 0.0, "°")
        _check_range("steering_high_deg", self.steering_high_deg, 0.0, MAXIMUM_STEERING_DEG, "°")
        if self.steering_low_deg >= self.steering_high_deg:
            raise ActionSpaceError("steering_high_deg", "the left limit of the steering must lie left of the right one")
        _check_speed("speed_low_mps", self.speed_low_mps)
        _check_speed("speed_high_mps", self.speed_high_mps)
        if self.speed_low_mps >= self.speed_high_mps:
            raise ActionSpaceError("speed_high_mps", "the highest speed must be more than the lowest")

    @property
    def size(self) -> int:
        """Number of the policy's outputs: steering and speed."""
        return 2

    def low(self) -> NDArray[np.float64]:
        """(2,) least steering in degrees and speed in m/s."""
        return np.array([self.steering_low_deg, self.speed_low_mps])

    def high(self) -> NDArray[np.float64]:
        """(2,) greatest steering in degrees and speed in m/s."""
        return np.array([self.steering_high_deg, self.speed_high_mps])

    def commands(self, chosen: ArrayLike) -> NDArray[np.float64]:
        """(n, 2) outputs [steering, speed], clipped to [-1, 1], to (n, 2) [steering in degrees, speed in m/s]."""
        share = (np.clip(np.asarray(chosen, dtype=np.float64), -1.0, 1.0) + 1.0) / 2.0
        scaled: NDArray[np.float64] = self.low() + share * (self.high() - self.low())
        return scaled

    def outputs(self, commands: ArrayLike) -> NDArray[np.float64]:
        """The other way: (n, 2) [steering in degrees, speed in m/s] to (n, 2) outputs in [-1, 1]."""
        share = (np.asarray(commands, dtype=np.float64) - self.low()) / (self.high() - self.low())
        return np.clip(2.0 * share - 1.0, -1.0, 1.0)


ActionSpace = DiscreteActionSpace | ContinuousActionSpace


def _even(maximum: float, count: int) -> list[float]:
    return [round(-maximum + 2.0 * maximum * i / (count - 1), 4) + 0.0 for i in range(count)]


def _check_choice(field: str, value: int, choices: range) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value not in choices:
        raise ActionSpaceError(field, f"{value} is not possible; choose from {choices[0]} to {choices[-1]}")


def _check_steering(field: str, value: float) -> None:
    _check_range(field, value, -MAXIMUM_STEERING_DEG, MAXIMUM_STEERING_DEG, "°")


def _check_speed(field: str, value: float) -> None:
    _check_range(field, value, MINIMUM_SPEED_MPS, MAXIMUM_SPEED_MPS, " m/s")


def _check_range(field: str, value: float, low: float, high: float, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ActionSpaceError(field, f"{value!r} is no number; it must be between {low:g} and {high:g}{unit}")
    if not low <= value <= high:
        raise ActionSpaceError(field, f"{value:g}{unit} is out of range; it must be between {low:g} and {high:g}{unit}")
