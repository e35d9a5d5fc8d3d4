"""What a policy sees, column by column, and how far its exploration may go: facts that training, the model folder and
evaluation share. No torch here."""

from __future__ import annotations

from sim.car import Car
from sim.sector_lidar import Sectors, sectors_of
from sim.sensors import NETWORKS, Sensor, SensorKind
from sim.world import BEAM_COUNT, FEATURES

LOG_STD_RANGE = (-3.0, 0.5)
"""Bounds of the spread of continuous actions, in units of half the action's range: it never dies out nor runs away."""

OWN_MOTION: tuple[str, ...] = ("forward_speed", "yaw_rate", "last_steering", "last_speed")
"""What a car with LIDAR knows besides: its speed, how fast it turns, and its last command."""


def observed_columns(car: Car) -> tuple[str, ...]:
    """Names of what the car's policy sees, in order (without the stack of earlier ones).

    The track vector is all of `World.features`. LIDAR is its 64 beams in metres, or its sectors. A network without
    convolutions gets, unless the track vector tells them already, the car's own motion besides; one with convolutions
    sees the sensors alone, as the real car's does. A camera is one name with the height, width and channels of a frame.
    """
    columns: list[str] = []
    for sensor in car.sensors:
        columns += _columns_of(car, sensor)
    kinds = [sensor.kind for sensor in car.sensors]
    if SensorKind.VECTOR not in kinds and not NETWORKS[car.neural_network].convolutions:
        columns += OWN_MOTION
    return tuple(columns)


def _columns_of(car: Car, sensor: Sensor) -> list[str]:
    if sensor.kind is SensorKind.CAMERA:
        return [f"{sensor.name} {'x'.join(map(str, sensor.shape))}"]
    if sensor.kind is SensorKind.VECTOR:
        return list(FEATURES)
    sectors = sectors_of(car)
    return [f"beam_{i}" for i in range(BEAM_COUNT)] if sectors is None else _sector_columns(sectors)


def _sector_columns(sectors: Sectors) -> list[str]:
    if not sectors.steps:
        return [f"sector_{index}" for index in range(sectors.count)]
    return [f"sector_{index}_step_{step}" for index in range(sectors.count) for step in range(sectors.steps)]
