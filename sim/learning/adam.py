"""Adam over one flat vector of parameters.

torch.optim is not used: its first call imports torch's compiler, seconds on a busy machine, for nothing that is needed
here; and one vector takes a handful of operations where a list of small layers takes a hundred.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

BETAS = (0.9, 0.999)


class Adam:
    """Kingma and Ba 2015, algorithm 1. Parameters become views into `flat`, their gradients into `gradient`."""

    def __init__(self, model: nn.Module, *, lr: float, epsilon: float) -> None:
        learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.lr = lr
        self.epsilon = epsilon
        self.steps = 0
        self.flat = torch.cat([parameter.detach().reshape(-1) for parameter in learned])
        self.gradient = torch.zeros_like(self.flat)
        self.mean = torch.zeros_like(self.flat)
        self.square = torch.zeros_like(self.flat)
        start = 0
        for parameter in learned:
            end = start + parameter.numel()
            parameter.data = self.flat[start:end].view_as(parameter)
            parameter.grad = self.gradient[start:end].view_as(parameter)
            start = end

    def state(self) -> tuple[int, Tensor, Tensor, Tensor]:
        """Copies of everything that a step changes."""
        return self.steps, self.flat.clone(), self.mean.clone(), self.square.clone()

    @torch.no_grad()
    def restore(self, state: tuple[int, Tensor, Tensor, Tensor]) -> None:
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
        first, second = BETAS
        self.mean.mul_(first).add_(self.gradient, alpha=1.0 - first)
        self.square.mul_(second).addcmul_(self.gradient, self.gradient, value=1.0 - second)
        divisor = (self.square.sqrt() / math.sqrt(1.0 - second**self.steps)).add_(self.epsilon)
        self.flat.addcdiv_(self.mean, divisor, value=-self.lr / (1.0 - first**self.steps))
