"""What a car sees on a real drive of the simulator, and networks with weights that tell such frames apart."""

from __future__ import annotations

from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray

from sim.camera import Camera
from sim.car import Car
from sim.driver import Observer, camera_of, needs_lidar
from sim.learning import policy_network
from sim.learning.policy_network import PolicyNetwork
from sim.network_layout import NetworkLayout, trained_layout
from sim.objects import Boxes
from sim.sector_lidar import sectors_of
from sim.sensors import NETWORKS, SensorKind
from sim.world import World
from tests.sim.ovals import oval

Array = NDArray[np.float32]
Rows = NDArray[np.float32] | NDArray[np.uint8]
CARS = 4


def driven_world(car: Car, camera: Camera | None = None) -> World:
    """Cars on an oval with boxes ahead of them, each having driven its own way for a second."""
    world = World(
        oval(),
        CARS,
        seed=3,
        lidar=needs_lidar(car),
        sectors=sectors_of(car),
        objects=Boxes(4),
        camera=camera_of(car) if camera is None else camera,
    )
    steering = np.linspace(-25.0, 25.0, CARS)
    for _ in range(15):
        world.step(np.column_stack([steering, np.full(CARS, 1.2)]))
    return world


def frames(car: Car, world: World) -> list[Rows]:
    """A copy of what each of the car's inputs shows, one row a car."""
    if not NETWORKS[car.neural_network].convolutions:
        return [Observer(world, car).look()]
    shown = {SensorKind.CAMERA: world.camera, SensorKind.LIDAR: world.lidar_input}
    return [shown[sensor.kind].copy() for sensor in car.sensors]


@dataclass(frozen=True)
class Trained:
    """A network as torch has it, with a last layer large enough that small differences would be seen."""

    car: Car
    layout: NetworkLayout
    network: PolicyNetwork
    arrays: dict[str, Array]

    def by_torch(self, rows: list[Rows]) -> Array:
        """Chances of the actions, or means."""
        with torch.no_grad():
            return self.chances(self.network([torch.from_numpy(row) for row in rows]).numpy())

    def by_core(self, rows: list[Rows]) -> Array:
        """The same from the native core."""
        return self.chances(self.layout.policy(self.arrays).forward(rows))

    def chances(self, outputs: Array) -> Array:
        """What a network gives, as a file's last node has it."""
        if self.layout.continuous:
            return outputs
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def trained(car: Car, seed: int = 0) -> Trained:
    """A network as a training begins, but for its last layer; biases are not zero."""
    random = np.random.default_rng(seed)
    layout = trained_layout(car, 1)
    with patch.object(policy_network, "LARGEST_ORTHOGONAL", 0):  # making large weights orthogonal takes seconds
        network = PolicyNetwork(layout, random)
    with torch.no_grad():
        for name in layout.arrays():
            parameter = network.weights[name.replace(".", "_")]
            if name.endswith("bias"):
                parameter.add_(torch.from_numpy(random.normal(0, 0.05, parameter.shape).astype(np.float32)))
        network.weights[f"policy_{len(layout.trunk)}_weight"].mul_(50.0)
    return Trained(car, layout, network, network.arrays())
