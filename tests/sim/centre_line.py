"""Reward sources for the learner's tests, in this process: the default function's rule, and one that fails."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.action_space import ContinuousActionSpace
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.learning.reports import TrainingConfig
from sim.reward_state import COLUMN, RewardFailed
from sim.sensors import LIDAR, TRACK_FEATURES
from sim.track import Direction, Track
from tests.sim.ovals import oval

CODE = "def reward_function(params):\n    return 1.0\n"
FAST_CAR = Car((TRACK_FEATURES,), "PADDOCK_SMALL", ContinuousActionSpace(-30.0, 30.0, 0.5, 2.0))
LIDAR_CAR = Car((LIDAR,), "PADDOCK_SMALL", ContinuousActionSpace(-30.0, 30.0, 0.5, 1.5))


class CentreLine:
    """1, 0.5, 0.1 or 0.001 by the distance from the centre line, times `scale`; fails in batch number `fails_in`."""

    def __init__(self, scale: float = 1.0, fails_in: int | None = None) -> None:
        self.scale = scale
        self.fails_in = fails_in
        self.batches = 0
        self.started_with: tuple[Track, int] | None = None

    def start(self, track: Track, cars: int, objects: int = 0) -> None:
        self.started_with = track, cars

    def rewards(self, states: NDArray[np.float64], cars: NDArray[np.int32]) -> NDArray[np.float64]:
        self.batches += 1
        if self.batches == self.fails_in:
            raise RewardFailed("division by zero", line=2)
        share = states[:, COLUMN["distance_from_center"]] / states[:, COLUMN["track_width"]]
        return self.scale * np.select([share <= 0.1, share <= 0.25, share <= 0.5], [1.0, 0.5, 0.1], 1e-3)

    def close(self) -> None:
        pass


def configuration(
    car: Car = FAST_CAR,
    *,
    track: Track | None = None,
    direction: Direction = Direction.COUNTERCLOCKWISE,
    seed: int = 0,
    limit_ms: int = 60_000,
    **hyperparameters: float,
) -> TrainingConfig:
    """A training on a small oval."""
    return TrainingConfig(
        track=track or oval(),
        direction=direction,
        car=car,
        hyperparameters=Hyperparameters(**hyperparameters),  # type: ignore[arg-type]
        reward_code=CODE,
        seed=seed,
        limit_ms=limit_ms,
    )
