"""The layers of a car's network, with the names and shapes of their arrays: what files, learners and the core share.

policy.camera.0.weight  (32, 1, 8, 8)    layer 0 of the tower that sees the camera: a convolution, as torch keeps it
policy.lidar.1.bias     (256,)           a dense layer of the LIDAR's tower
policy.0.weight         (512, 11520)     the first layer behind all towers
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.action_space import ContinuousActionSpace
from sim.car import Car
from sim.layers import Convolution, Dense, Layer, Numbers, Picture, Shape, Tower, picture_behind
from sim.learning.shape import observed_columns
from sim.policy import Policy
from sim.sector_lidar import sectors_of
from sim.sensors import NETWORKS, STEREO_CAMERAS, Network, Sensor, SensorKind
from sim.world import BEAM_COUNT, FEATURE_COUNT

MEANS = "tanh"
KNOWN_MEANS = ("tanh", "linear")
SAC_HEAD = 256
"""The layer that the console's SAC has in its head (SimApp's sac_head.py), before the means."""


@dataclass(frozen=True)
class TowerLayout:
    """One input, the convolutions (filters, kernel, stride) over it and the dense layers behind those."""

    name: str
    sees: Numbers | Picture
    convolutions: tuple[tuple[int, int, int], ...] = ()
    dense: tuple[int, ...] = ()

    def picture(self) -> Shape:
        """Height, width and channels behind the convolutions. ValueError where the picture is too small for them."""
        shape: Shape = self.sees.grid
        for filters, kernel, stride in self.convolutions:
            shape = picture_behind(shape, (kernel, kernel), stride, filters)
        return shape

    def outputs(self) -> int:
        """Numbers that the tower gives."""
        return self.dense[-1] if self.dense else int(np.prod(self.picture()))

    def weights(self) -> list[tuple[int, ...]]:
        """Shape of each layer's weight."""
        channels = [self.sees.grid[2], *(filters for filters, _, _ in self.convolutions)]
        shapes: list[tuple[int, ...]] = [
            (filters, channels[index], kernel, kernel) for index, (filters, kernel, _) in enumerate(self.convolutions)
        ]
        sizes = [int(np.prod(self.picture())), *self.dense]
        return shapes + [(outputs, inputs) for inputs, outputs in pairwise(sizes)]


@dataclass(frozen=True)
class NetworkLayout:
    """Towers side by side, the trunk behind them and the last layer: logits, or means where `continuous`.

    `means` is what stands behind the means: "tanh" keeps them within [-1, 1]; "linear" leaves them, and the action
    space clips, as the console's PPO did (imported models have it).
    """

    towers: tuple[TowerLayout, ...]
    trunk: tuple[int, ...]
    outputs: int
    activation: str
    continuous: bool
    means: str = MEANS

    @property
    def last_activation(self) -> str:
        """What stands behind the last layer in the network itself; logits have nothing."""
        return self.means if self.continuous else "linear"

    def arrays(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all arrays, weights and biases, in the order of the layers."""
        shapes: dict[str, tuple[int, ...]] = {}
        for tower in self.towers:
            shapes.update(_named(f"policy.{tower.name}", tower.weights()))
        sizes = [sum(tower.outputs() for tower in self.towers), *self.trunk, self.outputs]
        shapes.update(_named("policy", [(outputs, inputs) for inputs, outputs in pairwise(sizes)]))
        return shapes

    @property
    def sees_pictures(self) -> bool:
        """Whether one of the inputs is a camera."""
        return any(isinstance(tower.sees, Picture) for tower in self.towers)

    def parameters(self) -> int:
        """How many numbers the arrays hold."""
        return sum(prod(shape) for shape in self.arrays().values())

    def network(self, arrays: Mapping[str, NDArray[np.float32]]) -> tuple[list[Tower], list[Dense]]:
        """Towers and trunk, as `Policy` takes them. ValueError for arrays that are not those of `arrays()`."""
        expected = self.arrays()
        found = {name: array.shape for name, array in arrays.items()}
        if found != expected:
            odd = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
            raise ValueError(f"these are not the arrays of this network: {', '.join(odd[:4])}")
        return [self._tower(tower, arrays) for tower in self.towers], self._trunk(arrays)

    def policy(self, arrays: Mapping[str, NDArray[np.float32]]) -> Policy:
        """The network in the native core. ValueError for arrays that are not those of `arrays()`."""
        return Policy(*self.network(arrays))

    def _tower(self, tower: TowerLayout, arrays: Mapping[str, NDArray[np.float32]]) -> Tower:
        layers: list[Layer] = []
        for index in range(len(tower.convolutions) + len(tower.dense)):
            weight, bias = (arrays[f"policy.{tower.name}.{index}.{part}"] for part in ("weight", "bias"))
            if index < len(tower.convolutions):
                layers.append(Convolution(weight, bias, tower.convolutions[index][2], activation=self.activation))
            else:
                layers.append(Dense(weight, bias, self.activation))
        return Tower(tower.sees, layers)

    def _trunk(self, arrays: Mapping[str, NDArray[np.float32]]) -> list[Dense]:
        activations = [self.activation] * len(self.trunk) + [self.last_activation]
        return [
            Dense(arrays[f"policy.{index}.weight"], arrays[f"policy.{index}.bias"], activation)
            for index, activation in enumerate(activations)
        ]


def network_layout(
    network: Network,
    sees: Sequence[tuple[Sensor, Numbers | Picture]],
    outputs: int,
    *,
    continuous: bool,
    means: str = MEANS,
    head: tuple[int, ...] = (),
) -> NetworkLayout:
    """The network behind these sensors, each with its row as the policy sees it (frames of a stack in it); `head` are
    layers between its own and the last one.

    ValueError for a picture that is too small for the network, or a network that cannot see pictures.
    """
    towers = tuple(_tower_of(network, sensor, seen) for sensor, seen in sees)
    return NetworkLayout(towers, network.dense + head, outputs, network.activation, continuous, means)


def layout_of(car: Car, stack_size: int = 1, means: str = MEANS) -> NetworkLayout:
    """The network of a car that sees so many frames at once. ValueError where it cannot see what the sensors give.

    A network with convolutions has a tower for each sensor; another one sees all numbers side by side.
    """
    network = NETWORKS[car.neural_network]
    continuous = isinstance(car.action_space, ContinuousActionSpace)
    sees: list[tuple[Sensor, Numbers | Picture]] = []
    if network.convolutions:
        sees = [(sensor, _row_of(car, sensor, stack_size)) for sensor in car.sensors]
    elif any(sensor.kind is SensorKind.CAMERA for sensor in car.sensors):
        raise ValueError(f"the network {network.title!r} cannot see pictures; choose one with convolutions")
    else:
        sees = [(car.sensors[0], Numbers(len(observed_columns(car)) * stack_size))]
    head = (SAC_HEAD,) if car.training_algorithm == "sac" else ()
    return network_layout(network, sees, car.action_space.size, continuous=continuous, means=means, head=head)


def trained_layout(car: Car, stack_size: int, means: str = MEANS) -> NetworkLayout:
    """The network of a car that is trained or driven by what was. CarError where this Paddock cannot drive the car."""
    car.check_drivable()
    return layout_of(car, stack_size, means)


def _row_of(car: Car, sensor: Sensor, stack_size: int) -> Numbers | Picture:
    if sensor.kind is SensorKind.CAMERA:
        height, width, channels = sensor.shape
        return Picture(height, width, channels * stack_size)
    if sensor.kind is SensorKind.VECTOR:
        return Numbers(FEATURE_COUNT * stack_size)
    sectors = sectors_of(car)
    return Numbers((BEAM_COUNT if sectors is None else sectors.width) * stack_size)


def _tower_of(network: Network, sensor: Sensor, seen: Numbers | Picture) -> TowerLayout:
    if isinstance(seen, Picture):
        if not network.convolutions:
            raise ValueError(f"the network {network.title!r} cannot see pictures; choose one with convolutions")
        both = sensor is STEREO_CAMERAS and bool(network.stereo_convolutions)
        convolutions = network.stereo_convolutions if both else network.convolutions
        return TowerLayout(str(sensor.kind), seen, convolutions, () if both else network.camera_dense)
    return TowerLayout(str(sensor.kind), seen, (), network.lidar_dense if sensor.kind is SensorKind.LIDAR else ())


def _named(prefix: str, weights: list[Any]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for index, weight in enumerate(weights):
        shapes[f"{prefix}.{index}.weight"] = weight
        shapes[f"{prefix}.{index}.bias"] = (weight[0],)
    return shapes
