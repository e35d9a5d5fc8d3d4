"""The slope of PPO's loss in closed form, for networks so small that autograd's nodes take longer than they do.

What `sim.learning.ppo` writes down as a loss, differentiated by hand: a test holds the two together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.learning.shape import LOG_STD_RANGE

LOG_TWO_PI = math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Rows:
    """Rows of a batch: actions, their log-probabilities (n,) when they were driven, and advantages (n,)."""

    actions: Tensor
    log_probabilities: Tensor
    advantages: Tensor
    epsilon: float
    log_even: float
    """Log-probability of an action that is drawn evenly, which happens with probability `epsilon`."""


@dataclass(frozen=True)
class Slopes:
    """How the mean loss changes with the network's outputs (n, outputs) and the log of the spread (outputs,), None for
    discrete actions. `figures`: policy loss, entropy and movement (nats)."""

    outputs: Tensor
    log_std: Tensor | None
    figures: NDArray[np.float64]


@torch.no_grad()
def discrete_slopes(logits: Tensor, rows: Rows, clip: float, beta_entropy: float) -> Slopes:
    """Of logits (n, actions): d log p(a) / d logits = onehot(a) - p, d entropy / d logits = -p (log p + entropy)."""
    log_all = torch.log_softmax(logits, -1)
    shares = log_all.exp()
    entropies = -(shares * log_all).sum(-1)
    chosen = rows.actions.unsqueeze(-1)
    by_log_probability, figures = _by_log_probability(log_all.gather(-1, chosen).squeeze(-1), rows, clip)
    slope = shares * (log_all + entropies.unsqueeze(-1)).mul_(beta_entropy / len(logits))
    slope -= shares * by_log_probability.unsqueeze(-1)
    slope.scatter_add_(-1, chosen, by_log_probability.unsqueeze(-1))
    return Slopes(slope, None, np.array([figures[0], float(entropies.mean()), figures[1]]))


@torch.no_grad()
def continuous_slopes(means: Tensor, log_std: Tensor, rows: Rows, clip: float, beta_entropy: float) -> Slopes:
    """Of means (n, k) and a spread: with z = (a - mean) / std, d log p / d mean = z / std, and
    d log p / d log std = z^2 - 1; the entropy grows by 1 with the log of each spread."""
    kept = log_std.clamp(*LOG_STD_RANGE)
    narrowness = torch.exp(-kept)
    scaled = (rows.actions - means) * narrowness
    squares = scaled * scaled
    log_probability = -0.5 * squares.sum(-1) - (kept.sum() + 0.5 * LOG_TWO_PI * len(kept))
    by_log_probability, figures = _by_log_probability(log_probability, rows, clip)
    weighted = by_log_probability.unsqueeze(-1)
    spread = (weighted * (squares - 1.0)).sum(0) - beta_entropy
    spread *= (log_std >= LOG_STD_RANGE[0]) & (log_std <= LOG_STD_RANGE[1])
    entropy = float(kept.sum()) + len(kept) * 0.5 * (1.0 + LOG_TWO_PI)
    return Slopes(weighted * scaled * narrowness, spread, np.array([figures[0], entropy, figures[1]]))


def _by_log_probability(log_probability: Tensor, rows: Rows, clip: float) -> tuple[Tensor, tuple[float, float]]:
    """How the mean clipped surrogate changes with the policy's log-probabilities (n,); the surrogate and the movement.

    A row counts where its ratio is within the clip, or left it in the direction in which the loss grows.
    """
    share: Tensor | float = 1.0
    if rows.epsilon >= 1.0:
        log_probability, share = torch.full_like(log_probability, rows.log_even), 0.0
    elif rows.epsilon > 0.0:
        own = log_probability + math.log1p(-rows.epsilon)
        even = torch.full_like(own, math.log(rows.epsilon) + rows.log_even)
        log_probability = torch.logaddexp(own, even)
        share = torch.exp(own - log_probability)
    log_ratio = log_probability - rows.log_probabilities
    ratio = torch.exp(log_ratio)
    gain = ratio * rows.advantages
    clipped = ratio.clamp(1.0 - clip, 1.0 + clip) * rows.advantages
    loss = -float(torch.minimum(gain, clipped).mean())
    movement = float((ratio - 1.0 - log_ratio).mean())
    return torch.where(gain <= clipped, gain, 0.0) * share * (-1.0 / len(ratio)), (loss, movement)
