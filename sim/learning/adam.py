"""Adam over one flat vector of parameters.

torch.optim is not used: its first call imports torch's compiler, seconds on a busy machine, for nothing that is needed
here. Its fused step is: one pass over the memory, which with millions of weights is what a step costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from sim.learning.crew import Crew

BETAS = (0.9, 0.999)
AdamState = tuple[int, Tensor, Tensor, Tensor]


class Adam:
    """Kingma and Ba 2015, algorithm 1. Parameters become views into `flat`, their gradients into `gradient`."""

    def __init__(self, parameters: Iterable[Tensor], *, lr: float, epsilon: float) -> None:
        self.learned = learned = [parameter for parameter in parameters if parameter.requires_grad]
        self.lr = lr
        self.epsilon = epsilon
        self.steps = 0
        self._count = torch.zeros((), device=learned[0].device)
        """`steps` for torch, which wants a tensor."""
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
        self.step(maximum_gradient)

    def step(self, maximum_gradient: float) -> None:
        """One step down what lies in `gradient`, scaled down to the norm `maximum_gradient` where it is longer."""
        self._step(slice(None), self._scale(_length(self.gradient), maximum_gradient), self.steps + 1)
        self.steps += 1

    @torch.no_grad()
    def minimise_sum(self, losses: Sequence[Callable[[], Tensor]], maximum_gradient: float, crew: Crew) -> None:
        """One step down the sum of these losses, each computed and differentiated by one of the crew.

        Each gradient is whole, and they are added in the order of the losses. The numbers are cut into as many ranges
        as there are losses, so that adding and stepping are shared too.
        """
        gradients = crew.share([partial(self._gradient_of, loss) for loss in losses])
        bounds = [len(self.flat) * part // len(losses) for part in range(len(losses) + 1)]
        ranges = [slice(begin, end) for begin, end in pairwise(bounds)]
        lengths = crew.share([partial(self._add, gradients, part) for part in ranges])
        scale = self._scale(math.hypot(*lengths), maximum_gradient)
        crew.share([partial(self._step, part, scale, self.steps + 1) for part in ranges])
        self.steps += 1

    def _gradient_of(self, loss: Callable[[], Tensor]) -> list[Tensor]:
        """Of each parameter, in the order in which its numbers lie in `flat`."""
        with torch.enable_grad():
            gradients = torch.autograd.grad(loss(), self.learned)
        return [_in_memory(gradient) for gradient in gradients]

    def _add(self, gradients: Sequence[Sequence[Tensor]], part: slice) -> float:
        """Put the sum of the gradients into this range of `gradient`; gives its length."""
        start = 0
        for numbers in zip(*gradients, strict=True):
            begin, end = max(part.start, start), min(part.stop, start + len(numbers[0]))
            if begin < end:
                total = self.gradient[begin:end]
                total.copy_(numbers[0][begin - start : end - start])
                for more in numbers[1:]:
                    total.add_(more[begin - start : end - start])
            start += len(numbers[0])
        return _length(self.gradient[part])

    def _scale(self, length: float, maximum_gradient: float) -> float:
        """What to multiply a gradient of this length by."""
        return maximum_gradient / (length + 1e-6) if length > maximum_gradient else 1.0

    def _step(self, part: slice, scale: float, steps: int) -> None:
        """The step number `steps` of a range of the numbers."""
        gradient = self.gradient[part]
        if scale != 1.0:
            gradient.mul_(scale)
        torch._fused_adam_(
            [self.flat[part]],
            [gradient],
            [self.mean[part]],
            [self.square[part]],
            [],
            [self._count.fill_(steps)],
            lr=self.lr,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=0.0,
            eps=self.epsilon,
            amsgrad=False,
            maximize=False,
        )


def _length(numbers: Tensor) -> float:
    return float(torch.linalg.vector_norm(numbers))


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
