"""Adam over one flat vector of parameters.

torch.optim is not used: its first call imports torch's compiler, seconds on a busy machine, for nothing that is needed
here. Its fused step is: one pass over the memory, which with millions of weights is what a step costs.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
AdamState = tuple[int, Tensor, Tensor, Tensor]


class Adam:
    """Kingma and Ba 2015, algorithm 1. Parameters become views into `flat`, their gradients into `gradient`."""

    def __init__(self, parameters: Iterable[Tensor], *, lr: float, epsilon: float) -> None:
        learned = [parameter for parameter in parameters if parameter.requires_grad]
        self.lr = lr
        self.epsilon = epsilon
        self.steps = 0
        self.flat = torch.cat([_in_memory(parameter.detach()) for parameter in learned])
        self.gradient = torch.zeros_like(self.flat)
        self.mean = torch.zeros_like(self.flat)
        self.square = torch.zeros_like(self.flat)
        start = 0
        for parameter in learned:
            end = start + parameter.numel()
            parameter.data = _laid_out(self.flat[start:end], parameter)
            parameter.grad = _laid_out(self.gradient[start:end], parameter)
            start = end

    def state(self) -> AdamState:
        """Copies of everything that a step changes."""
        return self.steps, self.flat.clone(), self.mean.clone(), self.square.clone()

    @torch.no_grad()
    def restore(self, state: AdamState) -> None:
        """Back to what `state` gave."""
        self.steps = state[0]
        for mine, then in zip((self.flat, self.mean, self.square), state[1:], strict=True):
            mine.copy_(then)

    @torch.no_grad()
    def minimise(self, loss: Tensor, maximum_gradient: float) -> None:
        """One step down the loss, its gradient scaled down to the norm `maximum_gradient` where it is longer."""
        self.gradient.zero_()
        torch.autograd.backward(loss)
        length = float(self.gradient.norm())
        if length > maximum_gradient:
            self.gradient.mul_(maximum_gradient / (length + 1e-6))
        self.steps += 1
        torch._fused_adam_(
            [self.flat],
            [self.gradient],
            [self.mean],
            [self.square],
            [],
            [torch.tensor(float(self.steps))],
            lr=self.lr,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=0.0,
            eps=self.epsilon,
            amsgrad=False,
            maximize=False,
        )


def _is_channels_last(parameter: Tensor) -> bool:
    return parameter.ndim == 4 and parameter.is_contiguous(memory_format=torch.channels_last)


def _in_memory(parameter: Tensor) -> Tensor:
    """Its numbers in the order in which they lie in memory."""
    return (parameter.permute(0, 2, 3, 1) if _is_channels_last(parameter) else parameter).reshape(-1)


def _laid_out(numbers: Tensor, parameter: Tensor) -> Tensor:
    """The other way round: a view of these numbers that is laid out as the parameter is."""
    if not _is_channels_last(parameter):
        return numbers.view_as(parameter)
    filters, channels, height, width = parameter.shape
    return numbers.view(filters, height, width, channels).permute(0, 3, 1, 2)
