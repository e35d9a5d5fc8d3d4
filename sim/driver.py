"""A policy at the wheel: what it sees of a world, and its commands. No torch here: the native core acts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.camera import Camera
from sim.car import Car
from sim.episode import STATUS_CODE, EpisodeStatus
from sim.learning.shape import OWN_MOTION, observed_columns
from sim.looks import USUAL_LOOK, look_named
from sim.policy import Policy
from sim.rollout import Drawing, Rollout, Shown
from sim.sensors import NETWORKS, SensorKind
from sim.world import FEATURES, World

LIDAR_NOISE_M = 0.01
"""Spread of the real sensor's measurements; drawn from the world's seed."""

_PREPARE = STATUS_CODE[EpisodeStatus.PREPARE]
_OWN_MOTION = [FEATURES.index(name) for name in OWN_MOTION]


class Observer:
    """What a policy without convolutions sees of each car in a world: its sensors' numbers, and `stack_size` - 1
    rows of earlier ones.

    After a car's `prepare` row the earlier ones are copies of it.
    """

    def __init__(self, world: World, car: Car, stack_size: int = 1) -> None:
        self.world = world
        self.kinds = tuple(sensor.kind for sensor in car.sensors)
        self.width = len(observed_columns(car))
        self.stacked = np.zeros((world.cars, stack_size, self.width), np.float32)

    def look(self) -> NDArray[np.float32]:
        """(n, inputs) float32 of the world as it is now, newest numbers last; call it once per step."""
        now = self._now()
        if self.stacked.shape[1] == 1:
            return now
        fresh = self.world.status == _PREPARE
        self.stacked[:, :-1] = self.stacked[:, 1:].copy()
        self.stacked[:, -1] = now
        self.stacked[fresh] = now[fresh, None, :]
        return self.stacked.reshape(self.world.cars, -1).copy()

    def _now(self) -> NDArray[np.float32]:
        parts = [self.world.features if kind is SensorKind.VECTOR else self.world.lidar_input for kind in self.kinds]
        if SensorKind.VECTOR not in self.kinds:
            parts.append(self.world.features[:, _OWN_MOTION])
        return np.ascontiguousarray(np.concatenate(parts, axis=1)) if len(parts) > 1 else parts[0].copy()


def needs_lidar(car: Car) -> bool:
    """True where a world has to cast beams for this car."""
    return any(sensor.kind is SensorKind.LIDAR for sensor in car.sensors)


def camera_of(car: Car, look: str = USUAL_LOOK) -> Camera | None:
    """The camera that a world has to have for this car, if any. ValueError for a look that there is not."""
    look_named(look)
    cameras = [Camera(sensor.name, look) for sensor in car.sensors if sensor.kind is SensorKind.CAMERA]
    return cameras[0] if cameras else None


def shown(world: World, car: Car) -> list[list[Shown]]:
    """What a rollout shows of the world to the car's policy, read in place.

    A network with convolutions sees each sensor by itself; another one all numbers side by side, as `Observer.look` has
    them.
    """
    arrays: dict[SensorKind, NDArray[Any]] = {
        SensorKind.VECTOR: world.features,
        SensorKind.LIDAR: world.lidar_input,
        SensorKind.CAMERA: world.camera,
    }
    parts = [Shown(arrays[sensor.kind], 0, arrays[sensor.kind][0].size) for sensor in car.sensors]
    if NETWORKS[car.neural_network].convolutions:
        return [[part] for part in parts]
    if not any(sensor.kind is SensorKind.VECTOR for sensor in car.sensors):
        parts += [Shown(world.features, column, 1) for column in _OWN_MOTION]
    return [parts]


def rollout_of(
    policy: Policy, car: Car, world: World, stack_size: int = 1, *, drawing: Drawing | None = None, threads: int = 1
) -> Rollout:
    """The policy as it will race: always its most likely action, or the mean of continuous ones. With a `drawing`
    actions are drawn, as in training."""
    seen = shown(world, car)
    return Rollout(world, policy, car.action_space, seen, stack_size=stack_size, drawing=drawing, threads=threads)
