"""What a policy takes in and gives out: facts that training, the model folder and evaluation share. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from sim.action_space import ContinuousActionSpace
from sim.car import Car
from sim.sector_lidar import Sectors, sectors_of
from sim.sensors import NETWORKS, SensorKind
from sim.world import BEAM_COUNT, FEATURES

Activation = Literal["tanh", "relu"]

LOG_STD_RANGE = (-3.0, 0.5)
"""Bounds of the spread of continuous actions, in units of half the action's range: it never dies out nor runs away."""

OWN_MOTION: tuple[str, ...] = ("forward_speed", "yaw_rate", "last_steering", "last_speed")
"""What a car with LIDAR knows besides: its speed, how fast it turns, and its last command."""


@dataclass(frozen=True)
class PolicyShape:
    """The policy's layers: `inputs` observations, `outputs` logits (discrete) or means in [-1, 1] (continuous)."""

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: Activation
    continuous: bool

    def layer_sizes(self) -> tuple[tuple[int, int], ...]:
        """(in, out) of each layer in order."""
        sizes = (self.inputs, *self.hidden, self.outputs)
        return tuple(pairwise(sizes))

    def activations(self) -> tuple[str, ...]:
        """Name of the function behind each layer; the means of a continuous policy go through tanh."""
        return (*(self.activation for _ in self.hidden), "tanh" if self.continuous else "linear")


def observed_columns(car: Car) -> tuple[str, ...]:
    """Names of the numbers that the car's policy sees, in order (without the stack of earlier ones).

    The track vector is all of `World.features`. LIDAR is its 64 beams in metres, or its sectors, and, unless the track
    vector tells them already, the car's own motion.
    """
    kinds = [sensor.kind for sensor in car.sensors]
    columns: list[str] = []
    for kind in kinds:
        if kind is SensorKind.VECTOR:
            columns += FEATURES
        elif kind is SensorKind.LIDAR:
            sectors = sectors_of(car)
            columns += [f"beam_{i}" for i in range(BEAM_COUNT)] if sectors is None else _sector_columns(sectors)
    if SensorKind.VECTOR not in kinds:
        columns += OWN_MOTION
    return tuple(columns)


def _sector_columns(sectors: Sectors) -> list[str]:
    if not sectors.steps:
        return [f"sector_{index}" for index in range(sectors.count)]
    return [f"sector_{index}_step_{step}" for index in range(sectors.count) for step in range(sectors.steps)]


def policy_shape(car: Car, stack_size: int) -> PolicyShape:
    """The layers of the policy that drives this car. CarError where this Paddock cannot train it."""
    car.check_trainable()
    network = NETWORKS[car.neural_network]
    return PolicyShape(
        inputs=len(observed_columns(car)) * stack_size,
        hidden=network.dense,
        outputs=car.action_space.size,
        activation="relu" if network.activation == "relu" else "tanh",
        continuous=isinstance(car.action_space, ContinuousActionSpace),
    )
