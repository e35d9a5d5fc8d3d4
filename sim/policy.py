"""A network's forward pass by the native core: the same bits on every machine of one architecture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.native import _core

ACTIVATIONS: tuple[str, ...] = ("linear", "relu", "tanh")


class Policy:
    """Dense layers in float32. Sums run in the order of inputs, whatever the batch and the vector registers."""

    def __init__(self, core: _core.Policy) -> None:
        self._core = core
        self.inputs: int = core.inputs
        self.outputs: int = core.outputs

    @classmethod
    def from_arrays(cls, layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32], str]]) -> Policy:
        """From (weight (out, in), bias (out,), activation) per layer, as torch's Linear keeps them.

        Activations are "linear", "relu" and "tanh". ValueError for layers that do not fit together.
        """
        return cls(_core.Policy([(_float32(weight, 2), _float32(bias, 1), name) for weight, bias, name in layers]))

    def forward(self, observations: NDArray[np.float32], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Outputs (n, out) of observations (n, in), float32 and C-contiguous; into `out` where given.

        TypeError for another kind of array, ValueError for another size. Holds no interpreter lock.
        """
        if out is None:
            out = np.empty((len(observations), self.outputs), np.float32)
        self._core.forward(observations, out)
        return out


def _float32(values: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    array = np.ascontiguousarray(values, dtype=np.float32)
    if array.ndim != dimensions:
        raise ValueError(f"a layer's array has {array.ndim} dimensions, not {dimensions}")
    if not np.isfinite(array).all():
        raise ValueError("a layer's array holds a value that is no finite number")
    return array
