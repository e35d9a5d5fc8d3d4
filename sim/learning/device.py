"""Where torch learns: on a GPU where there is one and the network is large enough for it to help, else on a processor.

Driving, drawing and evaluating stay with the native core on the processor in any case; only the gradient steps move.
Ask in the process that trains, never in a worker's parent: a process that asked CUDA for its devices and then forks has
children that cannot use them.
"""

from __future__ import annotations

from math import prod
from typing import Literal, get_args

import torch

from sim.layers import picture_behind
from sim.network_layout import NetworkLayout, TowerLayout
from sim.weights import ModelError

DeviceChoice = Literal["auto", "cpu", "cuda"]
DEVICES: tuple[DeviceChoice, ...] = get_args(DeviceChoice)
CPU = torch.device("cpu")
LARGE_MULTIPLY_ADDS = 2_000_000
"""Of one row of one forward pass, from which on a GPU is taken. A gradient step is some forty kernels, whose starts
alone take a GPU about as long as a processor core needs for a mini-batch of a small network; networks that see
160 x 120 have 3 to 511 million, the one for two pictures of 40 x 30 0.2."""


class NoGpu(ModelError):
    """A GPU was asked for where torch sees none; the message says the mend."""


def chosen_device(asked: DeviceChoice, layout: NetworkLayout) -> torch.device:
    """The device on which a policy of this layout learns. NoGpu for "cuda" where there is none."""
    if asked == "cpu" or (asked == "auto" and multiply_adds(layout) < LARGE_MULTIPLY_ADDS):
        return CPU
    if torch.cuda.is_available():
        return torch.device("cuda")
    if asked == "cuda":
        raise NoGpu(
            "torch sees no GPU here; leave the device to `auto`, which learns on the processor then, or install a "
            "torch with CUDA and its driver"
        )
    return CPU


def prepare_device(device: torch.device) -> None:
    """One thread on a processor: more only wait for each other on small networks, and one gives the same bits every
    time. On a GPU full float32, as the native core drives with, and convolutions that give the same sums each time."""
    torch.set_num_threads(1)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False


def multiply_adds(layout: NetworkLayout) -> int:
    """Of one row of a forward pass through the layers, convolutions included."""
    trunk = [shape for name, shape in layout.arrays().items() if name.split(".")[1].isdigit() and len(shape) > 1]
    return sum(_of_tower(tower) for tower in layout.towers) + sum(prod(shape) for shape in trunk)


def _of_tower(tower: TowerLayout) -> int:
    weights, grid, total = tower.weights(), tower.sees.grid, 0
    for (filters, kernel, stride), weight in zip(tower.convolutions, weights, strict=False):
        grid = picture_behind(grid, (kernel, kernel), stride, filters)
        total += grid[0] * grid[1] * prod(weight)
    return total + sum(prod(weight) for weight in weights[len(tower.convolutions) :])
