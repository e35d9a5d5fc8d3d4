"""A car's network as torch learns it: the layers and arrays of `sim.network_layout`, so that the core drives what torch
learned. Only the order of sums differs between the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from sim.layers import Picture
from sim.learning.dense_layers import Chain, dense_layers, is_small
from sim.network_layout import NetworkLayout, TowerLayout

HIDDEN_GAIN = float(np.sqrt(2.0))
POLICY_GAIN = 0.01
"""A small last layer: the first policy prefers no action, so exploration starts even (Andrychowicz et al. 2020)."""
LARGEST_ORTHOGONAL = 1 << 20
"""Numbers of a weight beyond which it is drawn from a normal distribution: making it orthogonal would take seconds, and
so many long rows are nearly orthogonal to each other anyway."""


class PolicyNetwork(nn.Module):
    """Towers side by side and the trunk behind them. Convolutions keep their weights channels last, which on a
    processor is up to twice as fast as torch's first choice."""

    def __init__(self, layout: NetworkLayout, rng: np.random.Generator) -> None:
        super().__init__()
        self.layout = layout
        self.weights = nn.ParameterDict()
        names = list(layout.arrays())
        for name, shape in layout.arrays().items():
            array = np.zeros(shape)
            if len(shape) > 1:
                array = _weight(shape, rng) * (POLICY_GAIN if name == names[-2] else HIDDEN_GAIN)
            weight = torch.from_numpy(array.astype(np.float32))
            if weight.ndim == 4:
                weight = weight.contiguous(memory_format=torch.channels_last)
            self.weights[_key(name)] = nn.Parameter(weight)

    def forward(self, seen: Sequence[Tensor]) -> Tensor:
        """Logits or means (n, outputs) of what each input shows: float32 (n, size) numbers, or uint8 pictures
        (n, height, width, channels)."""
        values = self.before_squashing(seen)
        return torch.tanh(values) if self.layout.last_activation == "tanh" else values

    def before_squashing(self, seen: Sequence[Tensor]) -> Tensor:
        """The last layer's numbers (n, outputs), before the tanh that keeps means within [-1, 1]."""
        parts = [self._tower(tower, rows) for tower, rows in zip(self.layout.towers, seen, strict=True)]
        values = parts[0] if len(parts) == 1 else torch.cat(parts, 1)
        trunk = [self._layer("policy", index) for index in range(len(self.layout.trunk) + 1)]
        return dense_layers(values, trunk, self.layout.activation)

    def chain(self) -> Chain | None:
        """The network as small layers that learn without autograd; None for one that sees pictures or is no such chain.
        Its parameters belong to an optimiser."""
        layout = self.layout
        lone = len(layout.towers) == 1 and not layout.towers[0].convolutions and not layout.towers[0].dense
        layers = [self._layer("policy", index) for index in range(len(layout.trunk) + 1)]
        if not lone or layout.last_activation not in ("linear", layout.activation) or not is_small(layers):
            return None
        return Chain(layers, layout.activation, last_activated=layout.last_activation != "linear")

    @torch.no_grad()
    def load(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Take these weights over. ValueError for arrays that are not the layout's."""
        self.layout.network(arrays)  # raises for arrays that do not belong to it
        for name in self.layout.arrays():
            self.weights[_key(name)].copy_(torch.from_numpy(np.ascontiguousarray(arrays[name], np.float32)))

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Copies of the weights under the layout's names, for the native policy and the model's file."""
        return {name: self.weights[_key(name)].detach().cpu().numpy().copy(order="C") for name in self.layout.arrays()}

    def _tower(self, tower: TowerLayout, values: Tensor) -> Tensor:
        prefix = f"policy.{tower.name}"
        if isinstance(tower.sees, Picture):
            values = values.permute(0, 3, 1, 2).float() / tower.sees.divisor
        for index, (_, _, stride) in enumerate(tower.convolutions):
            weight, bias = self._layer(prefix, index)
            values = self._activated(functional.conv2d(values, weight, bias, stride))
        values = values.flatten(1)
        if not tower.dense:
            return values
        first = len(tower.convolutions)
        dense = [self._layer(prefix, index) for index in range(first, first + len(tower.dense))]
        return dense_layers(values, dense, self.layout.activation, last_activated=True)

    def _activated(self, values: Tensor) -> Tensor:
        return torch.tanh(values) if self.layout.activation == "tanh" else torch.relu(values)

    def _layer(self, prefix: str, index: int) -> tuple[Tensor, Tensor]:
        return self.weights[_key(f"{prefix}.{index}.weight")], self.weights[_key(f"{prefix}.{index}.bias")]


def orthogonal(rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A (rows, columns) matrix with orthonormal rows or columns, whichever are fewer (Saxe et al. 2013)."""
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return np.ascontiguousarray(q if rows >= columns else q.T)


def _weight(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    rows, columns = shape[0], int(np.prod(shape[1:]))
    if rows * columns > LARGEST_ORTHOGONAL:
        drawn: NDArray[np.float64] = rng.standard_normal(shape) / np.sqrt(max(rows, columns))
        return drawn
    return orthogonal(rows, columns, rng).reshape(shape)


def _key(name: str) -> str:
    return name.replace(".", "_")  # torch keeps dots for modules within modules
