"""Dense layers that learn: one node of autograd for all of them, computed by the native core where they are small.

On a few hundred rows of a few dozen numbers torch spends several times as long on each product and tanh as the
arithmetic takes. The core has the kernels that drive such networks anyway; derivatives, loss and optimiser stay torch's
to put together. Both ways give the same numbers but for the order of sums; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sim.native import _core

MOST_NATIVE = 1 << 17
"""Numbers of all weights from which on torch is faster: the core packs them anew for each product."""

Layer = tuple[Tensor, Tensor]


def is_small(layers: Sequence[Layer]) -> bool:
    """Whether the core computes them, on a processor."""
    return layers[0][0].device.type == "cpu" and sum(weight.numel() for weight, _ in layers) <= MOST_NATIVE


def dense_layers(values: Tensor, layers: Sequence[Layer], activation: str, *, last_activated: bool = False) -> Tensor:
    """What (n, inputs) `values` are behind layers of (weight (outputs, inputs), bias (outputs,)), with relu or tanh
    behind each but the last one, or behind that too."""
    if is_small(layers):
        flat = [parameter for layer in layers for parameter in layer]
        outputs: Tensor = _Native.apply(values, activation, last_activated, *flat)  # type: ignore[no-untyped-call]
        return outputs
    return by_torch(values, layers, activation, last_activated=last_activated)


def by_torch(values: Tensor, layers: Sequence[Layer], activation: str, *, last_activated: bool = False) -> Tensor:
    """The same, layer by layer."""
    for index, (weight, bias) in enumerate(layers):
        values = functional.linear(values, weight, bias)
        if last_activated or index + 1 < len(layers):
            values = torch.tanh(values) if activation == "tanh" else torch.relu(values)
    return values


class Chain:
    """Small layers on the processor with derivatives that go where the optimiser has the parameters' gradients, for a
    loss that is simple enough to do without autograd, whose nodes take longer than such layers."""

    def __init__(self, layers: Sequence[Layer], activation: str, *, last_activated: bool = False) -> None:
        self.activation, self.last_activated = activation, last_activated
        self.weights, self.biases = (_all([layer[part] for layer in layers]) for part in (0, 1))
        self.weight_gradients, self.bias_gradients = (
            [_numbers(_gradient_of(layer[part])) for layer in layers] for part in (0, 1)
        )
        self.values: NDArray[np.float32] = np.empty((0, 0), np.float32)
        self.given: list[NDArray[np.float32]] = []

    def forward(self, values: Tensor) -> Tensor:
        """What (n, inputs) values are behind the layers, (n, outputs)."""
        self.values = _numbers(values.contiguous())
        self.given = [np.empty((len(values), len(bias)), np.float32) for bias in self.biases]
        _core.chain_forward(self.values, self.weights, self.biases, self.activation, self.last_activated, self.given)
        return torch.from_numpy(self.given[-1])

    def backward(self, slope: Tensor) -> None:
        """From the slope (n, outputs) of a loss at what `forward` gave to the parameters' gradients, replacing them."""
        _core.chain_backward(
            self.values,
            self.weights,
            self.biases,
            self.activation,
            self.last_activated,
            self.given,
            _numbers(slope.contiguous()),
            self.weight_gradients,
            self.bias_gradients,
            None,
        )


def _gradient_of(parameter: Tensor) -> Tensor:
    if parameter.grad is None:
        raise ValueError("these parameters belong to no optimiser")
    return parameter.grad


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, activation: str, last_activated: bool, *flat: Tensor) -> Tensor:
        values = values.contiguous()
        weights, biases = flat[::2], flat[1::2]
        given = [torch.empty(len(values), len(bias)) for bias in biases]
        _core.chain_forward(
            _numbers(values), _all(weights), _all(biases), activation, last_activated, [_numbers(one) for one in given]
        )
        ctx.activation, ctx.last_activated = activation, last_activated
        ctx.save_for_backward(values, *given, *flat)
        return given[-1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        values, *saved = ctx.saved_tensors
        layers = len(saved) // 3
        given, weights, biases = saved[:layers], saved[layers::2], saved[layers + 1 :: 2]
        found = [torch.empty_like(one) for one in (*weights, *biases)]
        before = torch.empty_like(values) if ctx.needs_input_grad[0] else None
        _core.chain_backward(
            _numbers(values),
            _all(weights),
            _all(biases),
            ctx.activation,
            ctx.last_activated,
            _all(given),
            _numbers(gradients[0].contiguous()),
            _all(found[:layers]),
            _all(found[layers:]),
            None if before is None else _numbers(before),
        )
        by_layer = zip(found[:layers], found[layers:], strict=True)
        return before, None, None, *(gradient for layer in by_layer for gradient in layer)


def _numbers(tensor: Tensor) -> NDArray[np.float32]:
    """The tensor's own memory."""
    numbers: NDArray[np.float32] = tensor.detach().numpy()
    return numbers


def _all(tensors: Sequence[Tensor]) -> list[NDArray[np.float32]]:
    return [_numbers(tensor) for tensor in tensors]
