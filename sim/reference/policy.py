"""Dense layers in double precision by NumPy; the native forward pass is held close to this by tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ACTIVATE: dict[str, Callable[[Array], Array]] = {
    "linear": lambda values: values,
    "relu": lambda values: np.maximum(values, 0.0),
    "tanh": np.tanh,
}


def forward(layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32], str]], observations: Array) -> Array:
    """Outputs (n, out) of observations (n, in) through (weight (out, in), bias (out,), activation) layers."""
    values = observations.astype(np.float64)
    for weight, bias, activation in layers:
        values = ACTIVATE[activation](values @ weight.astype(np.float64).T + bias)
    return values
