"""The networks that learn: an actor that becomes the racer's policy and a critic that only training needs.

They share no layer: the critic is small, and its larger gradients cannot disturb the policy. It always reads the track
features, also where the actor drives by a camera or LIDAR: it is thrown away after training, so it may know what the
car does not (Pinto et al. 2017, "Asymmetric actor critic for image-based robot learning").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sim.learning.dense_layers import dense_layers
from sim.learning.policy_network import HIDDEN_GAIN, PolicyNetwork, orthogonal
from sim.network_layout import NetworkLayout

CRITIC_ACTIVATION = "tanh"
INITIAL_LOG_STD = -0.5
NARROWEST_LOG_STD = -2.5
"""Below a twelfth of half the range nothing is tried any more, and every step of learning moves far."""


class ActorCritic(nn.Module):
    """Actor, critic, the spread of continuous actions and the scale of the returns."""

    def __init__(self, layout: NetworkLayout, critic_inputs: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.layout = layout
        self.actor = PolicyNetwork(layout, rng)
        self.critic = made_critic(critic_inputs, (64, 64), rng)
        self.log_std = nn.Parameter(torch.full((layout.outputs,), INITIAL_LOG_STD), requires_grad=layout.continuous)
        self.register_buffer("return_mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("return_std", torch.zeros((), dtype=torch.float64))
        self.return_mean: Tensor
        self.return_std: Tensor

    def outputs(self, observations: Sequence[Tensor]) -> Tensor:
        """Logits (n, actions), or means in [-1, 1] (n, 2) where actions are continuous; of each input's rows."""
        outputs: Tensor = self.actor(observations)
        return outputs

    def scaled_values(self, observations: Tensor) -> Tensor:
        """The critic's estimate (n,) in units of the returns' spread, which is what it is fitted to."""
        return dense_layers(observations, self.critic_layers(), CRITIC_ACTIVATION).squeeze(-1)

    def critic_layers(self) -> list[tuple[Tensor, Tensor]]:
        """Weight and bias of each layer of the critic."""
        return [(layer.weight, layer.bias) for layer in self.critic if isinstance(layer, nn.Linear)]

    @torch.no_grad()
    def values(self, observations: Tensor) -> Tensor:
        """The critic's estimate (n,) in the unit of the racer's reward, float64."""
        return self.scaled_values(observations).double() * self.return_std + self.return_mean

    @torch.no_grad()
    def rescale(self, returns: Tensor, weight: float) -> None:
        """Move the scale towards these returns and correct the critic's last layer so that its estimates stay.

        Source: van Hasselt et al. 2016, "Learning values across many orders of magnitude" (PopArt). It is what lets
        rewards of 1e-3 and of 1e5 learn alike. Until the first call the spread is 0 and every value 0.
        """
        old_mean, old_std = self.return_mean.clone(), self.return_std.clone()
        first = bool(old_std == 0)
        share = 1.0 if first else weight
        mean = (1 - share) * old_mean + share * returns.mean()
        square = (1 - share) * (old_std**2 + old_mean**2) + share * (returns**2).mean()
        std = torch.sqrt(torch.clamp(square - mean**2, min=0.0))
        std = torch.clamp(std, min=max(1e-8, 1e-4 * float(mean.abs())))
        last = self.critic[-1]
        if not first and isinstance(last, nn.Linear):
            last.bias.copy_((old_std * last.bias.double() + old_mean - mean) / std)
            last.weight.mul_(float(old_std / std))
        self.return_mean.copy_(mean)
        self.return_std.copy_(std)

    @torch.no_grad()
    def narrow(self, log_std: float) -> None:
        """Explore no wider than this, nor narrower than NARROWEST_LOG_STD demands; discrete actions have no spread."""
        if self.layout.continuous:
            self.log_std.clamp_(max=max(log_std, NARROWEST_LOG_STD))

    def policy_arrays(self) -> dict[str, NDArray[np.float32]]:
        """The actor's arrays, copied, for the native policy and the model's file."""
        return self.actor.arrays()


def made_critic(inputs: int, hidden: tuple[int, ...], rng: np.random.Generator) -> nn.Sequential:
    """Linear layers with tanh between them and one number behind them; orthogonal weights, biases zero."""
    sizes = (inputs, *hidden, 1)
    layers: list[nn.Module] = []
    for index in range(len(sizes) - 1):
        last = index == len(sizes) - 2
        linear = nn.Linear(sizes[index], sizes[index + 1])
        with torch.no_grad():
            weight = orthogonal(sizes[index + 1], sizes[index], rng) * (1.0 if last else HIDDEN_GAIN)
            linear.weight.copy_(torch.from_numpy(weight))
            linear.bias.zero_()
        layers.append(linear)
        if not last:
            layers.append(nn.Tanh())
    return nn.Sequential(*layers)
