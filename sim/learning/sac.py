"""Soft actor-critic: an actor that is paid for what two critics expect and for staying random. Read from top to bottom.

    transitions -> targets() -> both critics -> actor by the more doubtful critic -> temperature -> targets follow

It is off-policy: each step is learned from many times, whoever drove it. The cars drive with a normal distribution
around tanh(mean), clipped to the box, since only the update needs the probability of an action, and it draws its own:
a = tanh(mean + spread * noise). The spread is learned and does not depend on the state; a race takes tanh(mean).
The critics see the track features where the actor drives by a camera or LIDAR: they are thrown away after training.

Sources: Haarnoja et al. 2018a, "Soft actor-critic" (twin critics, targets, the squashed actor), and 2018b, "Soft
actor-critic algorithms and applications" (the temperature that tunes itself). Rewards count in units of their own size,
and the critics give (1 - discount) of the sum that they expect, which is of size 1 whatever the reward and discount.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sim.learning.adam import Adam
from sim.learning.policy_network import PolicyNetwork
from sim.learning.shape import LOG_STD_RANGE

if TYPE_CHECKING:
    from sim.hyperparameters import Hyperparameters
    from sim.learning.replay_memory import Transitions
    from sim.network_layout import NetworkLayout

LOG_TWO_PI = math.log(2.0 * math.pi)
INITIAL_LOG_STD = -0.5
LONGEST_HORIZON = 1000.0
"""Steps: a discount of 1 counts as that far a look ahead when the critics are scaled."""


@dataclass(frozen=True)
class SacSettings:
    """What the update needs to know. Rewards are in units of their own root mean square."""

    batch_size: int = 64
    """Transitions in one gradient step."""
    lr: float = 3e-4
    """Adam's step size for the actor."""
    discount_factor: float = 0.999
    """What a reward one step later is worth."""
    loss_type: Literal["huber", "mean squared error"] = "huber"
    """How the critics' error counts: huber is linear beyond 1."""
    alpha: float | None = None
    """What a nat of randomness is worth per step; None tunes it so that the entropy is `target_entropy`."""
    initial_alpha: float = 0.1
    """Where the tuning begins."""
    target_entropy: float = -2.0
    """Nats of an action: minus the number of its parts, as Haarnoja et al. 2018b have it."""
    temperature_lr: float = 3e-3
    critic_lr: float = 1e-3
    critic_width: int = 128
    """Numbers in each of the two hidden layers of a critic."""
    follow: float = 0.03
    """How far the targets follow the critics with each gradient step."""
    replays: float = 24.0
    """How often each step is learned from on average: gradient steps of a rollout are steps * replays / batch size."""
    begin_rows: int = 1000
    """Steps in memory before learning begins."""
    memory_rows: int = 100_000
    memory_bytes: int = 256 * 1024 * 1024
    """The memory ends at whichever comes first; only large pictures come to the bytes."""
    maximum_gradient: float = 10.0
    """The gradient of a step is scaled down to this norm."""
    adam_epsilon: float = 1e-8

    @classmethod
    def of(cls, hyperparameters: Hyperparameters) -> SacSettings:
        """The racer's choices; everything else as above."""
        loss: Literal["huber", "mean squared error"] = (
            "huber" if hyperparameters.loss_type == "huber" else "mean squared error"
        )
        return cls(
            batch_size=hyperparameters.batch_size,
            lr=hyperparameters.lr,
            discount_factor=hyperparameters.discount_factor,
            loss_type=loss,
            alpha=hyperparameters.sac_alpha,
        )

    @property
    def critic_unit(self) -> float:
        """What the critics' numbers are to be divided by for the expected sum of rewards."""
        return max(1.0 - self.discount_factor, 1.0 / LONGEST_HORIZON)


class TwinCritic(nn.Module):
    """Two networks of the same shape and other first weights, as one stack: two hidden layers with relu."""

    def __init__(self, inputs: int, width: int, rng: np.random.Generator) -> None:
        super().__init__()
        sizes = (inputs, width, width, 1)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for index in range(len(sizes) - 1):
            bound = 1.0 / math.sqrt(sizes[index])
            weight = rng.uniform(-bound, bound, (2, sizes[index], sizes[index + 1]))
            self.weights.append(nn.Parameter(torch.from_numpy(weight.astype(np.float32))))
            self.biases.append(nn.Parameter(torch.zeros((2, 1, sizes[index + 1]))))

    def forward(self, features: Tensor, actions: Tensor) -> Tensor:
        """(2, n) estimates of (n, features) states and (n, 2) actions."""
        values = torch.cat((features, actions), 1).expand(2, -1, -1)
        last = len(self.weights) - 1
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = torch.baddbmm(bias, values, weight)
            if index < last:
                values = torch.relu(values)
        return values.squeeze(-1)

    @torch.no_grad()
    def rescale(self, factor: float) -> None:
        """All estimates times `factor`."""
        self.weights[-1].mul_(factor)
        self.biases[-1].mul_(factor)


class SacModel(nn.Module):
    """Actor with the spread of its actions, critics, the critics' slow targets, and the temperature."""

    def __init__(
        self, layout: NetworkLayout, critic_inputs: int, settings: SacSettings, rng: np.random.Generator
    ) -> None:
        super().__init__()
        if not layout.continuous or layout.means != "tanh":
            raise ValueError("SAC learns continuous actions whose means are squashed by tanh")
        self.layout = layout
        self.actor = PolicyNetwork(layout, rng)
        self.log_std = nn.Parameter(torch.full((layout.outputs,), INITIAL_LOG_STD))
        self.critics = TwinCritic(critic_inputs + layout.outputs, settings.critic_width, rng)
        self.targets = TwinCritic(critic_inputs + layout.outputs, settings.critic_width, rng)
        self.targets.load_state_dict(self.critics.state_dict())
        self.targets.requires_grad_(False)
        alpha = settings.initial_alpha if settings.alpha is None else settings.alpha
        log_alpha = math.log(alpha) if alpha > 0.0 else -math.inf
        self.log_alpha = nn.Parameter(torch.tensor(log_alpha))

    def drawn(self, observations: Sequence[Tensor], noise: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 2) actions drawn with standard normal `noise`, and their (n,) log-probabilities."""
        return squashed(self.actor.before_squashing(observations), self.log_std.clamp(*LOG_STD_RANGE), noise)


def squashed(means: Tensor, log_std: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """tanh of a normal draw, and its log-probability (Haarnoja et al. 2018a, appendix C).

    log(1 - tanh(u)^2) is written as 2 (log 2 - u - softplus(-2u)), which is exact where tanh has rounded to 1.
    """
    before = means + torch.exp(log_std) * noise
    normal = -0.5 * noise**2 - log_std - 0.5 * LOG_TWO_PI
    slope = 2.0 * (math.log(2.0) - before - functional.softplus(-2.0 * before))
    return torch.tanh(before), (normal - slope).sum(-1)


@dataclass(frozen=True)
class Optimisers:
    """Adam over everything that learns: actor with spread, critics, temperature."""

    policy: Adam
    critic: Adam
    temperature: Adam


def make_optimisers(model: SacModel, settings: SacSettings) -> Optimisers:
    """All three, at their step sizes."""
    epsilon = settings.adam_epsilon
    return Optimisers(
        Adam([*model.actor.parameters(), model.log_std], lr=settings.lr, epsilon=epsilon),
        Adam(model.critics.parameters(), lr=settings.critic_lr, epsilon=epsilon),
        Adam([model.log_alpha], lr=settings.temperature_lr, epsilon=epsilon),
    )


@torch.no_grad()
def critic_targets(model: SacModel, batch: Transitions, noise: Tensor, settings: SacSettings) -> Tensor:
    """(n,) what the critics should say: the reward, then the more doubtful target of an action drawn in the next state
    with its entropy; both in the critics' unit."""
    unit = settings.critic_unit
    actions, log_probability = model.drawn(batch.next_observations, noise)
    following = model.targets(batch.next_features, actions).min(0).values
    soft = following - unit * torch.exp(model.log_alpha) * log_probability
    target: Tensor = unit * batch.rewards + settings.discount_factor * (1.0 - batch.terminal) * soft
    return target


def critic_loss(estimates: Tensor, target: Tensor, kind: str) -> Tensor:
    """Mean error of (2, n) estimates of (n,) targets, of both critics together."""
    both = target.expand_as(estimates)
    if kind == "huber":
        return 2.0 * functional.huber_loss(estimates, both)
    return functional.mse_loss(estimates, both)


def update(
    model: SacModel, optimisers: Optimisers, batch: Transitions, noise: tuple[Tensor, Tensor], settings: SacSettings
) -> None:
    """One gradient step of everything; `noise` is (n, 2) standard normal for the next actions and for the present."""
    target = critic_targets(model, batch, noise[0], settings)
    loss = critic_loss(model.critics(batch.features, batch.actions), target, settings.loss_type)
    optimisers.critic.minimise(loss, settings.maximum_gradient)

    alpha = torch.exp(model.log_alpha).detach()
    model.critics.requires_grad_(False)
    actions, log_probability = model.drawn(batch.observations, noise[1])
    worth = model.critics(batch.features, actions).min(0).values / settings.critic_unit
    optimisers.policy.minimise((alpha * log_probability - worth).mean(), settings.maximum_gradient)
    model.critics.requires_grad_(True)

    if settings.alpha is None:
        missing = (log_probability.detach() + settings.target_entropy).mean()
        optimisers.temperature.minimise(-model.log_alpha * missing, settings.maximum_gradient)
    with torch.no_grad():
        for slow, fast in zip(model.targets.parameters(), model.critics.parameters(), strict=True):
            slow.lerp_(fast, settings.follow)
