"""Cars and hyperparameters that go well together: where to begin, and what `paddock bench learn --preset` measures."""

from __future__ import annotations

from dataclasses import dataclass

from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.sensors import (
    FRONT_FACING_CAMERA,
    PADDOCK_CAMERA,
    PADDOCK_CAMERA_40X30,
    PADDOCK_SMALL,
    SHALLOW_CNN,
    TRACK_FEATURES,
)


@dataclass(frozen=True)
class Preset:
    """A car, how it learns, and one sentence for whoever chooses."""

    car: Car
    hyperparameters: Hyperparameters
    description: str
    title: str = ""
    """For people, where it is offered to them."""


PRESETS: dict[str, Preset] = {
    "fast": Preset(
        Car((TRACK_FEATURES,), PADDOCK_SMALL.name, ContinuousActionSpace(-30.0, 30.0, 0.5, 4.0)),
        Hyperparameters(batch_size=256, lr=1e-3, discount_factor=0.98),
        "The track vector, continuous actions up to 4 m/s: laps within seconds.",
        title="Fast",
    ),
    "sac": Preset(
        Car((TRACK_FEATURES,), PADDOCK_SMALL.name, ContinuousActionSpace(-30.0, 30.0, 0.5, 4.0), "sac"),
        Hyperparameters(batch_size=256, lr=1e-3, discount_factor=0.97),
        "The track vector and actions of fast, learned by soft actor-critic: from fewer steps, each looked at longer.",
        title="Fast, by SAC",
    ),
    "camera": Preset(
        Car((PADDOCK_CAMERA_40X30,), PADDOCK_CAMERA.name, DiscreteActionSpace.grid(5, 30.0, 2, 2.0)),
        Hyperparameters(batch_size=256, lr=1e-3, discount_factor=0.97, num_episodes_between_training=40, stack_size=2),
        "The camera's last two pictures at 40 by 30, ten actions at 1 and 2 m/s, a small network.",
        title="Camera",
    ),
    "deepracer": Preset(
        Car((FRONT_FACING_CAMERA,), SHALLOW_CNN.name, DiscreteActionSpace.default()),
        Hyperparameters(),
        "What the console begins with: 160 by 120, the 3-layer CNN, ten actions at 0.4 and 0.8 m/s, its defaults.",
        title="DeepRacer",
    ),
}
