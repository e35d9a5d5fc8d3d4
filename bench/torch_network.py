"""A network of `sim.network_layout` by torch: what the native core is measured against, and what imitates a driver."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from sim.layers import Picture
from sim.network_layout import NetworkLayout, TowerLayout


class TorchNetwork(nn.Module):
    """Random weights, rectifiers behind each layer but the last; channels last, which is torch's fastest on a CPU."""

    def __init__(self, layout: NetworkLayout, seed: int = 0) -> None:
        super().__init__()
        self.layout = layout
        random = np.random.default_rng(seed)
        self.weights = nn.ParameterDict()
        for name, shape in layout.arrays().items():
            spread = np.sqrt(2.0 / np.prod(shape[1:])) if len(shape) > 1 else 0.0
            array = (spread * random.normal(size=shape)).astype(np.float32)
            self.weights[_key(name)] = nn.Parameter(torch.from_numpy(array))
        self.to(memory_format=torch.channels_last)

    def forward(self, pictures: Tensor) -> Tensor:
        """Outputs (n, outputs) of pictures (n, height, width, channels) uint8, for a layout of one camera."""
        (tower,) = self.layout.towers
        values = self._tower(tower, pictures)
        count = len(self.layout.trunk) + 1
        for index in range(count):
            values = self._dense("policy", index, values)
            if index + 1 < count:
                values = torch.relu(values)
        return torch.tanh(values) if self.layout.continuous else values

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The weights under the layout's names."""
        return {name: np.ascontiguousarray(self.weights[_key(name)].detach().numpy()) for name in self.layout.arrays()}

    def _tower(self, tower: TowerLayout, pictures: Tensor) -> Tensor:
        assert isinstance(tower.sees, Picture)  # noqa: S101  a camera's tower
        values = pictures.permute(0, 3, 1, 2).float() / tower.sees.divisor
        for index, (_, _, stride) in enumerate(tower.convolutions):
            weight, bias = self._layer(f"policy.{tower.name}", index)
            values = torch.relu(functional.conv2d(values, weight, bias, stride))
        values = values.flatten(1)
        for index in range(len(tower.dense)):
            values = torch.relu(self._dense(f"policy.{tower.name}", len(tower.convolutions) + index, values))
        return values

    def _dense(self, prefix: str, index: int, values: Tensor) -> Tensor:
        weight, bias = self._layer(prefix, index)
        return functional.linear(values, weight, bias)

    def _layer(self, prefix: str, index: int) -> tuple[Tensor, Tensor]:
        return self.weights[_key(f"{prefix}.{index}.weight")], self.weights[_key(f"{prefix}.{index}.bias")]


def _key(name: str) -> str:
    return name.replace(".", "_")
