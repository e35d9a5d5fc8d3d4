"""The slope of PPO's loss in closed form, for networks so small that autograd's nodes take longer than they do.

What `sim.learning.ppo` writes down as a loss, differentiated by hand: a test holds the two together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.learning.shape import LOG_STD_RANGE

LOG_TWO_PI = math.log(2.0 * math.pi)

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Rows:
    """Rows of a batch: actions, their log-probabilities (n,) when they were driven, and advantages (n,)."""

    actions: NDArray[np.int64] | Array
    log_probabilities: Array
    advantages: Array
    epsilon: float
    log_even: float
    """Log-probability of an action that is drawn evenly, which happens with probability `epsilon`."""


@dataclass(frozen=True)
class Slopes:
    """How the mean loss changes with the network's outputs (n, outputs) and the log of the spread (outputs,), None for
    discrete actions. `figures`: policy loss, entropy and movement (nats)."""

    outputs: Array
    log_std: Array | None
    figures: NDArray[np.float64]


def discrete_slopes(logits: Array, rows: Rows, clip: float, beta_entropy: float) -> Slopes:
    """Of logits (n, actions): d log p(a) / d logits = onehot(a) - p, d entropy / d logits = -p (log p + entropy)."""
    log_all = logits - logits.max(-1, keepdims=True)
    log_all -= np.log(np.exp(log_all).sum(-1, keepdims=True))
    shares = np.exp(log_all)
    entropies = -(shares * log_all).sum(-1)
    every = np.arange(len(logits))
    by_log_probability, loss, movement = _by_log_probability(log_all[every, rows.actions], rows, clip)
    slope = shares * ((log_all + entropies[:, np.newaxis]) * np.float32(beta_entropy / len(logits)))
    slope -= shares * by_log_probability[:, np.newaxis]
    slope[every, rows.actions] += by_log_probability
    return Slopes(slope, None, np.array([loss, float(entropies.mean()), movement]))


def continuous_slopes(means: Array, log_std: Array, rows: Rows, clip: float, beta_entropy: float) -> Slopes:
    """Of means (n, k) and a spread: with z = (a - mean) / std, d log p / d mean = z / std, and
    d log p / d log std = z^2 - 1; the entropy grows by 1 with the log of each spread."""
    kept = log_std.clip(*LOG_STD_RANGE)
    narrowness = np.exp(-kept)
    scaled = (rows.actions - means) * narrowness
    squares = scaled * scaled
    constant = float(kept.sum()) + 0.5 * LOG_TWO_PI * len(kept)
    log_probability = np.float32(-0.5) * squares.sum(-1) - np.float32(constant)
    by_log_probability, loss, movement = _by_log_probability(log_probability, rows, clip)
    weighted = by_log_probability[:, np.newaxis]
    spread = (weighted * (squares - np.float32(1.0))).sum(0) - np.float32(beta_entropy)
    spread *= kept == log_std
    return Slopes(weighted * scaled * narrowness, spread, np.array([loss, constant + 0.5 * len(kept), movement]))


def _by_log_probability(log_probability: Array, rows: Rows, clip: float) -> tuple[Array, float, float]:
    """How the mean clipped surrogate changes with the policy's log-probabilities (n,); the surrogate and the movement.

    A row counts where its ratio is within the clip, or left it in the direction in which the loss grows.
    """
    share: Array | np.float32 = np.float32(1.0)
    if rows.epsilon >= 1.0:
        log_probability, share = np.full_like(log_probability, rows.log_even), np.float32(0.0)
    elif rows.epsilon > 0.0:
        own = log_probability + np.float32(math.log1p(-rows.epsilon))
        log_probability = np.logaddexp(own, np.float32(math.log(rows.epsilon) + rows.log_even))
        share = np.exp(own - log_probability)
    log_ratio = log_probability - rows.log_probabilities
    ratio = np.exp(log_ratio)
    gain = ratio * rows.advantages
    clipped = ratio.clip(1.0 - clip, 1.0 + clip) * rows.advantages
    loss = -float(np.minimum(gain, clipped).mean())
    movement = float((ratio - np.float32(1.0) - log_ratio).mean())
    slope: Array = np.where(gain <= clipped, gain, np.float32(0.0)) * share
    return slope * np.float32(-1.0 / len(ratio)), loss, movement
