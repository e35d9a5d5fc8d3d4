"""A network's forward pass by the native core: the same bits on every machine of one architecture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.layers import ACTIVATIONS, Dense, Layer, Numbers, Picture, Pooling, Shape, Tower, kernel_of, shape_behind
from sim.native import _core

__all__ = ["ACTIVATIONS", "Policy"]

Observations = NDArray[np.float32] | NDArray[np.uint8]


class Policy:
    """Layers in float32. A sum begins with the bias and adds products in the order of inputs, which in pictures and
    kernels is by rows, columns and channels, whatever the batch, the threads and the vector registers.

    `sees` are its inputs in order; `inputs` is how many numbers a row of the first one has, `outputs` how many come
    out.
    """

    def __init__(self, towers: Sequence[Tower], trunk: Sequence[Dense] = ()) -> None:
        """Each tower sees one input; what they give, side by side in their order, goes through the trunk.

        ValueError for layers that do not fit together and for numbers that are not finite.
        """
        if not any(tower.layers for tower in towers) and not trunk:
            raise ValueError("a policy needs at least one layer")
        self.sees: tuple[Numbers | Picture, ...] = tuple(tower.sees for tower in towers)
        grids: list[Shape] = []
        packed = []
        for tower in towers:
            layers, grid = _packed(tower)
            packed.append((tower.sees.grid, _divisor(tower.sees), layers))
            grids.append(grid)
        self.core = _core.make_policy(packed, _packed_trunk(trunk, grids))
        self.inputs: int = self.core.sizes[0]
        self.outputs: int = self.core.outputs

    @classmethod
    def from_arrays(cls, layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32], str]]) -> Policy:
        """Dense layers only: (weight (out, in), bias (out,), activation) per layer, as torch's Linear keeps them.

        Activations are "linear", "relu" and "tanh". ValueError for layers that do not fit together.
        """
        if not layers:
            raise ValueError("a policy needs at least one layer")
        dense = [Dense(_float32(weight, 2), _float32(bias, 1), name) for weight, bias, name in layers]
        return cls([Tower(Numbers(dense[0].weight.shape[1]), dense)])

    def forward(
        self,
        observations: Observations | Sequence[Observations],
        out: NDArray[np.float32] | None = None,
        *,
        threads: int = 1,
    ) -> NDArray[np.float32]:
        """Outputs (n, out) of observations, C-contiguous; into `out` where given.

        Observations are an array for each input (or just the array where there is one input): float32 (n, size) for
        numbers; uint8 (n, height, width, channels) for pictures, the last axis left out where there is one channel.
        TypeError for another kind of array, ValueError for another size. Holds no interpreter lock.
        """
        arrays = [observations] if isinstance(observations, np.ndarray) else list(observations)
        if out is None:
            out = np.empty((len(arrays[0]) if arrays else 0, self.outputs), np.float32)
        self.core.forward(arrays, out, threads)
        return out


def _divisor(sees: Numbers | Picture) -> float:
    if isinstance(sees, Numbers):
        return 0.0
    if not 0.0 < sees.divisor < 1e30:
        raise ValueError(f"a picture's bytes cannot be divided by {sees.divisor}")
    return float(sees.divisor)


def _packed(tower: Tower) -> tuple[list[tuple[Any, ...]], Shape]:
    """A tower's layers as the core takes them, and the shape behind the last one (1, 1, n behind a dense one)."""
    grid: Shape = tower.sees.grid
    if min(grid) < 1:
        raise ValueError(f"an input of {' x '.join(map(str, grid))} numbers has nothing to see")
    packed = []
    for layer in tower.layers:
        packed.append(_packed_layer(layer, grid))
        grid = (1, 1, len(layer.bias)) if isinstance(layer, Dense) else shape_behind(layer, grid)
    return packed, grid


def _packed_layer(layer: Layer, grid: Shape) -> tuple[Any, ...]:
    if isinstance(layer, Dense):
        return _packed_dense(layer, [grid])
    if isinstance(layer, Pooling):
        if layer.kind not in ("maximum", "average"):
            raise ValueError(f"there is no pooling {layer.kind!r}; known: maximum and average")
        return layer.kind, layer.size, layer.stride
    if layer.padding not in ("valid", "same"):
        raise ValueError(f"there is no padding {layer.padding!r}; known: valid and same")
    weight = np.ascontiguousarray(_float32(layer.weight, 4).transpose(2, 3, 1, 0))
    return "convolution", weight, _float32(layer.bias, 1), layer.stride, layer.padding == "same", layer.activation


def _packed_trunk(trunk: Sequence[Dense], grids: list[Shape]) -> list[tuple[Any, ...]]:
    packed = []
    for layer in trunk:
        packed.append(_packed_dense(layer, grids))
        grids = [(1, 1, len(layer.bias))]
    return packed


def _packed_dense(layer: Dense, grids: list[Shape]) -> tuple[Any, ...]:
    """Inputs that go by channel, row and column are brought into the core's order: row, column, channel."""
    weight = kernel_of(_float32(layer.weight, 2), grids)
    return "dense", weight, _float32(layer.bias, 1), layer.activation


def _float32(values: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    array = np.ascontiguousarray(values, dtype=np.float32)
    if array.ndim != dimensions:
        raise ValueError(f"a layer's array has {array.ndim} dimensions, not {dimensions}")
    if not np.isfinite(array).all():
        raise ValueError("a layer's array holds a value that is no finite number")
    return array
