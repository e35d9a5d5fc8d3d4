"""Networks with random weights for tests of the native policy, small ones and DeepRacer's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.layers import Convolution, Dense, Layer, Numbers, Picture, Pooling, Tower, shape_behind


@dataclass(frozen=True)
class Network:
    """Towers and trunk, as `Policy` and the reference take them."""

    towers: list[Tower]
    trunk: list[Dense]


class Weights:
    """Random layers of about the size that keeps numbers near 1."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)

    def dense(self, inputs: int, outputs: int, activation: str = "linear") -> Dense:
        return Dense(self._normal((outputs, inputs), inputs), self._normal((outputs,), 4), activation)

    def convolution(
        self,
        channels: int,
        filters: int,
        kernel: tuple[int, int],
        stride: int = 1,
        padding: str = "valid",
        activation: str = "relu",
    ) -> Convolution:
        weight = self._normal((filters, channels, *kernel), channels * kernel[0] * kernel[1])
        return Convolution(weight, self._normal((filters,), 4), stride, padding, activation)  # type: ignore[arg-type]

    def _normal(self, shape: tuple[int, ...], inputs: int) -> NDArray[np.float32]:
        return (self.random.normal(size=shape) / np.sqrt(inputs)).astype(np.float32)


def camera_network(
    picture: Picture,
    convolutions: list[tuple[int, int, int]],
    hidden: list[int],
    outputs: int,
    *,
    activation: str = "relu",
    padding: str = "valid",
    seed: int = 0,
) -> Network:
    """(filters, kernel, stride) each, then dense layers in the trunk."""
    weights, grid = Weights(seed), picture.grid
    layers: list[Layer] = []
    for filters, kernel, stride in convolutions:
        layer = weights.convolution(grid[2], filters, (kernel, kernel), stride, padding, activation)
        layers.append(layer)
        grid = shape_behind(layer, grid)
    sizes = [grid[0] * grid[1] * grid[2], *hidden]
    trunk = [weights.dense(a, b, activation) for a, b in zip(sizes, hidden, strict=False)]
    return Network([Tower(picture, layers)], [*trunk, weights.dense(sizes[-1], outputs)])


def mixed_network(seed: int = 0) -> Network:
    """Everything at once on small inputs: kernels that are no squares, both paddings, both poolings, three towers."""
    weights = Weights(seed)
    camera: list[Layer] = [
        weights.convolution(2, 11, (3, 2), 2, "same", "relu"),  # 9 x 7 -> 5 x 4
        Pooling("maximum", 2, 1),  # -> 4 x 3
        weights.convolution(11, 20, (2, 3), 1, "valid", "tanh"),  # -> 3 x 1
    ]
    small: list[Layer] = [Pooling("average", 2, 2), weights.convolution(1, 3, (3, 3), 1, "same", "linear")]
    lidar: list[Layer] = [weights.dense(6, 9, "tanh"), weights.dense(9, 5, "relu")]
    towers = [
        Tower(Picture(9, 7, 2), camera),
        Tower(Picture(4, 6, divisor=64.0), small),  # -> 2 x 3 x 3
        Tower(Numbers(6), lidar),
        Tower(Numbers(2)),
    ]
    inputs = 3 * 20 + 18 + 5 + 2
    return Network(towers, [weights.dense(inputs, 33, "tanh"), weights.dense(33, 7, "linear")])


def observations(network: Network, rows: int, seed: int = 1) -> list[NDArray[np.float32] | NDArray[np.uint8]]:
    """Random ones: an array for each input."""
    random = np.random.default_rng(seed)
    seen: list[NDArray[np.float32] | NDArray[np.uint8]] = []
    for tower in network.towers:
        if isinstance(tower.sees, Picture):
            seen.append(random.integers(0, 256, (rows, *tower.sees.grid), np.uint8))
        else:
            seen.append(random.normal(size=(rows, tower.sees.size)).astype(np.float32))
    return seen


SHALLOW = [(32, 8, 4), (64, 4, 2), (64, 3, 1)]
MIDDLE = [(32, 5, 2), (32, 3, 1), (64, 3, 2), (64, 3, 1)]
DEEP = [(32, 8, 4), (32, 4, 2), (64, 4, 2), (64, 3, 1)]
