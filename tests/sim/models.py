"""Model folders for tests, without training: a policy that steers towards the centre line ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sim.action_space import ContinuousActionSpace
from sim.car import Car
from sim.driver import Layers
from sim.hyperparameters import Hyperparameters
from sim.learning.shape import observed_columns, policy_shape
from sim.model_folder import about_model, write_best, write_model_facts
from sim.sensors import TRACK_FEATURES
from sim.track import Direction, Track

STEERING_CAR = Car((TRACK_FEATURES,), "PADDOCK_SMALL", ContinuousActionSpace(-30.0, 30.0, 0.5, 2.0))


def steering_layers(car: Car = STEERING_CAR, *, gain: float = 2.0, speed: float = -0.8) -> Layers:
    """Steering proportional to how far left the centre line lies ahead; `speed` in [-1, 1] before tanh."""
    shape = policy_shape(car, 1)
    layers = [(np.zeros((out, into), np.float32), np.zeros(out, np.float32)) for into, out in shape.layer_sizes()]
    if "ahead_y_0.6m" in observed_columns(car):
        layers[0][0][0, observed_columns(car).index("ahead_y_0.6m")] = 1.0
        layers[1][0][0, 0] = 1.0
        layers[2][0][0, 0] = gain
    layers[-1][1][1] = speed
    return layers


def write_model(path: Path, track: Track, car: Car = STEERING_CAR, layers: Layers | None = None) -> Path:
    """A whole folder, as a training leaves it."""
    write_model_facts(path, car, Hyperparameters(), "def reward_function(params):\n    return 1.0\n")
    about = about_model(car, track, Direction.COUNTERCLOCKWISE, 0)
    write_best(path, about, steering_layers(car) if layers is None else layers)
    return path
