"""Model folders for tests, without training: a policy that steers towards the centre line ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.action_space import ContinuousActionSpace
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.learning.shape import observed_columns
from sim.model_folder import PolicyArrays, about_model, write_best, write_model_facts
from sim.network_layout import trained_layout
from sim.sensors import TRACK_FEATURES
from sim.track import Direction, Track

Array = NDArray[np.float32]

STEERING_CAR = Car((TRACK_FEATURES,), "PADDOCK_SMALL", ContinuousActionSpace(-30.0, 30.0, 0.5, 2.0))


def steering_arrays(car: Car = STEERING_CAR, *, gain: float = 2.0, speed: float = -0.8) -> dict[str, Array]:
    """Steering proportional to how far left the centre line lies ahead; `speed` in [-1, 1] before tanh."""
    arrays = {name: np.zeros(shape, np.float32) for name, shape in trained_layout(car, 1).arrays().items()}
    if "ahead_y_0.6m" in observed_columns(car):
        arrays["policy.0.weight"][0, observed_columns(car).index("ahead_y_0.6m")] = 1.0
        arrays["policy.1.weight"][0, 0] = 1.0
        arrays["policy.2.weight"][0, 0] = gain
    arrays["policy.2.bias"][1] = speed
    return arrays


def shaken(arrays: dict[str, Array], random: np.random.Generator, spread: float, kept: float = 0.0) -> dict[str, Array]:
    """Weights with noise added to `kept` of what they were; biases as they are."""
    return {
        name: (kept * array + random.normal(0, spread, array.shape)).astype(np.float32) if array.ndim > 1 else array
        for name, array in arrays.items()
    }


def write_model(path: Path, track: Track, car: Car = STEERING_CAR, arrays: PolicyArrays | None = None) -> Path:
    """A whole folder, as a training leaves it."""
    write_model_facts(path, car, Hyperparameters(), "def reward_function(params):\n    return 1.0\n")
    about = about_model(car, track, Direction.COUNTERCLOCKWISE, 0)
    write_best(path, about, steering_arrays(car) if arrays is None else arrays)
    return path
