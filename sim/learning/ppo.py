"""Proximal policy optimisation with a clipped objective, on a batch that was driven before. Read from top to bottom.

    rollout -> fit_critic() to its returns -> advantages() by the fresh critic -> update(): the next policy

Actor and critic share no layer and learn one after the other, each at its own pace (Cobbe et al. 2021, "Phasic policy
gradient"; Raileanu and Fergus 2021, "Decoupling value and policy"). The critic is small and sees the track features, so
several epochs cost it little; advantages of a critic that knows this rollout need half as many steps to laps as those
of one that is an iteration behind. Learning rate, batch size and epochs that the racer chooses are the policy's.

Sources: Schulman et al. 2017 (PPO), Schulman et al. 2016 (generalised advantage estimation). The settings that the
racer chooses have DeepRacer's names and meaning; of the others clip 0.2 and Adam's epsilon 1e-5 are its simulator's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sim.learning.adam import Adam
from sim.learning.crew import Crew
from sim.learning.dense_layers import Chain
from sim.learning.networks import CRITIC_ACTIVATION
from sim.learning.ppo_slopes import LOG_TWO_PI, Rows, continuous_slopes, discrete_slopes
from sim.learning.shape import LOG_STD_RANGE

if TYPE_CHECKING:
    from sim.hyperparameters import Hyperparameters
    from sim.learning.networks import ActorCritic

LOG_BOX = 2.0 * math.log(2.0)
"""Log of the area of the box [-1, 1]^2, on which an e-greedy random action is drawn."""


@dataclass(frozen=True)
class PpoSettings:
    """What the update needs to know. Sizes are in steps, the loss in units of the returns' spread."""

    batch_size: int = 64
    """Steps in one mini-batch, one gradient step each."""
    num_epochs: int = 3
    """How often the whole rollout is gone through."""
    lr: float = 3e-4
    """Adam's step size."""
    beta_entropy: float = 0.01
    """Weight of the policy's entropy: more keeps it exploring for longer."""
    discount_factor: float = 0.999
    """What a reward one step later is worth."""
    loss_type: Literal["huber", "mean squared error"] = "huber"
    """How the critic's error counts: huber is linear beyond one spread of the returns, so huge rewards count less."""
    gae_lambda: float = 0.9
    """How far an advantage looks at rewards that came (1) rather than at the critic's estimate (0). DeepRacer's is
    0.95; a critic that knows the rollout and the track's features is worth relying on more."""
    clip: float = 0.2
    """How far the probability of an action may move per update before its gradient is cut off."""
    critic_lr: float = 1e-2
    """The critic's step size."""
    critic_epochs: int = 4
    """How often the critic goes through a rollout before it judges it."""
    critic_batch_size: int = 256
    maximum_gradient: float = 0.5
    """The gradient of a mini-batch is scaled down to this norm."""
    adam_epsilon: float = 1e-5
    kl_limit: float = 0.05
    """The epochs end early once the policy moved this far on average (nats): a guard for large steps, not a target."""
    return_scale_weight: float = 0.2
    """How far one rollout moves the scale of the returns."""

    @classmethod
    def of(cls, hyperparameters: Hyperparameters, *, sees_pictures: bool = False) -> PpoSettings:
        """The racer's choices; everything else as above. Beside an actor that sees pictures the critic costs next to
        nothing, and learns more often, in smaller steps."""
        loss: Literal["huber", "mean squared error"] = (
            "huber" if hyperparameters.loss_type == "huber" else "mean squared error"
        )
        return cls(
            batch_size=hyperparameters.batch_size,
            num_epochs=hyperparameters.num_epochs,
            lr=hyperparameters.lr,
            beta_entropy=hyperparameters.beta_entropy,
            discount_factor=hyperparameters.discount_factor,
            loss_type=loss,
            critic_lr=3e-3 if sees_pictures else cls.critic_lr,
            critic_epochs=16 if sees_pictures else cls.critic_epochs,
        )


REFINING_STEPS = 30_000
"""Steps after laps are complete in which exploring falls to 71 %; from then on with the root of the steps."""
REFINING_KL = 0.01
"""How far a policy that completes its laps moves in an update, on average (nats)."""
SLOWEST_PACE = 0.01
SLOWER, FASTER = 1 / 1.5, 1.3


def exploration_left(refined: int) -> float:
    """Share of the first exploration that is left so many steps after laps were complete; 1 before.

    A wide spread finds the road, but has to keep away from its edges, and drowns what a hundredth of a lap is worth.
    """
    return float((1.0 + refined / REFINING_STEPS) ** -0.5)


def next_pace(pace: float, kl: float) -> float:
    """Share of the racer's learning rate for the next update, after one that moved the policy by `kl`.

    The same change of a mean weighs more the narrower the spread is, so a fixed rate overshoots; the movement that is
    wanted stays the same (Schulman et al. 2017, section 4, moves the penalty instead of the rate).
    """
    change = math.sqrt(REFINING_KL / max(kl, 1e-6))
    return min(1.0, max(SLOWEST_PACE, pace * min(FASTER, max(SLOWER, change))))


@dataclass(frozen=True)
class Batch:
    """A rollout laid out flat, one row per step; all of it on the device that learns."""

    observations: tuple[Tensor, ...]
    """What the policy saw, for each of its inputs: (n, size) float32 numbers or (n, height, width, channels) uint8."""
    actions: Tensor
    """(n,) int64 indices, or (n, 2) float32 in units of half the range, before clipping to the box."""
    log_probabilities: Tensor
    """(n,) of the action under the policy that drove."""
    advantages: Tensor
    """(n,) float32, mean 0 and spread 1."""
    epsilon: float = 0.0
    """Share of actions drawn evenly (e-greedy exploration)."""


@dataclass(frozen=True)
class UpdateReport:
    """Means over the mini-batches: loss, entropy and movement (nats); epochs gone through."""

    policy_loss: float
    entropy: float
    kl: float
    epochs: int


def advantages(
    rewards: NDArray[np.float64],
    values: NDArray[np.float64],
    next_values: NDArray[np.float64],
    terminal: NDArray[np.bool_],
    done: NDArray[np.bool_],
    settings: PpoSettings,
) -> NDArray[np.float64]:
    """Generalised advantage estimates (steps, cars).

    `next_values` values the state that a step led to, before any reset. `terminal` steps have nothing after them;
    `done` steps end an episode: the estimate does not run on into the next one. An episode that ended without being
    terminal (lap complete, time up) is worth what the critic says of its last state.
    """
    discount, decay = settings.discount_factor, settings.discount_factor * settings.gae_lambda
    delta = rewards + discount * np.where(terminal, 0.0, next_values) - values
    estimates = np.zeros_like(delta)
    carried = np.zeros(delta.shape[1])
    for step in range(len(delta) - 1, -1, -1):
        carried = delta[step] + decay * np.where(done[step], 0.0, carried)
        estimates[step] = carried
    return estimates


def normalised(estimates: NDArray[np.float64]) -> NDArray[np.float32]:
    """Advantages with mean 0 and spread 1, whatever the size of the rewards; all 0 where they are all alike."""
    centred = estimates - estimates.mean()
    spread = float(centred.std())
    scaled: NDArray[np.float64] = centred / spread if spread > 0.0 else centred
    return scaled.astype(np.float32)


def log_probability_and_entropy(
    model: ActorCritic, observations: Sequence[Tensor], actions: Tensor, epsilon: float = 0.0
) -> tuple[Tensor, Tensor]:
    """(n,) log-probabilities of the actions and (n,) entropies of the policy.

    Discrete: softmax of the logits. Continuous: independent normal distributions around the means; the car gets the
    action clipped to the box, the probability is that of the action before clipping. With e-greedy exploration the
    policy that is optimised is the mixture that drove: (1 - epsilon) policy + epsilon uniform.
    """
    outputs = model.outputs(observations)
    if model.layout.continuous:
        log_std = model.log_std.clamp(*LOG_STD_RANGE)
        scaled = (actions - outputs) * torch.exp(-log_std)
        log_probability = (-0.5 * scaled**2 - log_std - 0.5 * LOG_TWO_PI).sum(-1)
        entropy = (log_std + 0.5 + 0.5 * LOG_TWO_PI).sum().expand(len(outputs))
    else:
        log_all = functional.log_softmax(outputs, -1)
        log_probability = log_all.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        entropy = -(log_all.exp() * log_all).sum(-1)
    if epsilon > 0.0:
        even = torch.full_like(log_probability, math.log(epsilon) + _log_even(model, outputs))
        kept = math.log1p(-epsilon) if epsilon < 1.0 else -math.inf
        log_probability = torch.logaddexp(log_probability + kept, even)
    return log_probability, entropy


def _log_even(model: ActorCritic, outputs: Tensor) -> float:
    """Log-probability of an action that is drawn evenly: from the box, or from the list."""
    return -LOG_BOX if model.layout.continuous else -math.log(outputs.shape[-1])


def policy_loss(log_ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """The clipped surrogate (Schulman et al. 2017, equation 7), negated: mean of min(r A, clip(r, 1 ± c) A)."""
    ratio = torch.exp(log_ratio)
    clipped = torch.clamp(ratio, 1.0 - clip, 1.0 + clip)
    return -torch.minimum(ratio * advantage, clipped * advantage).mean()


def value_loss(estimate: Tensor, target: Tensor, kind: str) -> Tensor:
    """The critic's error in units of the returns' spread: Huber with its bend at 1, or half the squared error."""
    if kind == "huber":
        return functional.huber_loss(estimate, target)
    return 0.5 * functional.mse_loss(estimate, target)


@dataclass(frozen=True)
class Optimisers:
    """Adam over everything that learns: the actor with the spread of its actions, and the critic."""

    policy: Adam
    critic: Adam


def value_slope(estimate: Tensor, target: Tensor, kind: str) -> Tensor:
    """How `value_loss` changes with each estimate (n,)."""
    error = estimate - target
    return (error.clamp(-1.0, 1.0) if kind == "huber" else error) / len(error)


def make_optimisers(model: ActorCritic, settings: PpoSettings) -> Optimisers:
    """Both, at their step sizes."""
    return Optimisers(
        Adam([*model.actor.parameters(), model.log_std], lr=settings.lr, epsilon=settings.adam_epsilon),
        Adam(model.critic.parameters(), lr=settings.critic_lr, epsilon=settings.adam_epsilon),
    )


def fit_critic(
    model: ActorCritic,
    optimiser: Adam,
    observations: Tensor,
    returns: Tensor,
    settings: PpoSettings,
    rng: np.random.Generator,
) -> float:
    """Fit the critic to (n,) float64 returns of (n, critic inputs) observations, and its scale to theirs; mean loss."""
    model.rescale(returns, settings.return_scale_weight)
    targets = ((returns - model.return_mean) / model.return_std).float()
    on_processor = observations.device.type == "cpu"
    chain = Chain(model.critic_layers(), CRITIC_ACTIVATION) if on_processor else None
    losses: list[float] = []
    for _ in range(settings.critic_epochs):
        order = torch.from_numpy(rng.permutation(len(targets))).to(targets.device)
        batches = (torch.split(rows[order], settings.critic_batch_size) for rows in (observations, targets))
        for seen, wanted in zip(*batches, strict=True):
            if chain is None:
                loss = value_loss(model.scaled_values(seen), wanted, settings.loss_type)
                optimiser.minimise(loss, settings.maximum_gradient)
            else:
                estimates = chain.forward(seen).squeeze(-1)
                loss = value_loss(estimates, wanted, settings.loss_type)
                chain.backward(value_slope(estimates, wanted, settings.loss_type).unsqueeze(-1))
                optimiser.step(settings.maximum_gradient)
            losses.append(float(loss.detach()))
    return float(np.mean(losses))


def update(
    model: ActorCritic,
    optimiser: Adam,
    batch: Batch,
    settings: PpoSettings,
    rng: np.random.Generator,
    crew: Crew | None = None,
) -> UpdateReport:
    """Improve the actor on one rollout. Rows are shuffled by `rng`; a last partial mini-batch is used too.

    With a crew each mini-batch is learned from in two halves, whatever the number of its threads.
    """
    rows = len(batch.advantages)
    chain = model.actor.chain()
    sums, batches, epochs = np.zeros(3), 0, 0
    while epochs < settings.num_epochs:
        epochs += 1
        order = torch.from_numpy(rng.permutation(rows)).to(batch.advantages.device)
        moved, parts = 0.0, 0
        for chosen in torch.split(order, settings.batch_size):
            if chain is None:
                figures = _gradient_step(model, optimiser, batch, chosen, settings, crew)
            else:
                figures = _small_gradient_step(model, chain, optimiser, batch, chosen, settings)
            sums += figures
            moved += figures[2]
            parts += 1
        batches += parts
        if moved / parts > settings.kl_limit:
            break
    means = sums / batches
    return UpdateReport(float(means[0]), float(means[1]), float(means[2]), epochs)


def _gradient_step(
    model: ActorCritic,
    optimiser: Adam,
    batch: Batch,
    chosen: Tensor,
    settings: PpoSettings,
    crew: Crew | None,
) -> NDArray[np.float64]:
    """One mini-batch; returns loss, entropy, movement."""
    if crew is None:
        whole = _Part(model, batch, chosen, settings)
        optimiser.minimise(whole.loss(), settings.maximum_gradient)
        return whole.figures
    halves = [_Part(model, batch, half, settings) for half in torch.tensor_split(chosen, 2) if len(half)]
    shares = [len(half.chosen) / len(chosen) for half in halves]
    losses = [partial(half.loss, share) for half, share in zip(halves, shares, strict=True)]
    optimiser.minimise_sum(losses, settings.maximum_gradient, crew)
    return sum((share * half.figures for half, share in zip(halves, shares, strict=True)), np.zeros(3))


def _small_gradient_step(
    model: ActorCritic, chain: Chain, optimiser: Adam, batch: Batch, chosen: Tensor, settings: PpoSettings
) -> NDArray[np.float64]:
    """The same for a network that is a chain of small layers, without autograd."""
    outputs = chain.forward(batch.observations[0][chosen])
    actions, driven, advantage = (
        rows[chosen].numpy() for rows in (batch.actions, batch.log_probabilities, batch.advantages)
    )
    rows = Rows(actions, driven, advantage, batch.epsilon, _log_even(model, outputs))
    if model.layout.continuous:
        log_std = model.log_std.detach().numpy()
        slopes = continuous_slopes(outputs.numpy(), log_std, rows, settings.clip, settings.beta_entropy)
    else:
        slopes = discrete_slopes(outputs.numpy(), rows, settings.clip, settings.beta_entropy)
    chain.backward(torch.from_numpy(slopes.outputs))
    if slopes.log_std is not None and model.log_std.grad is not None:
        model.log_std.grad.copy_(torch.from_numpy(slopes.log_std))
    optimiser.step(settings.maximum_gradient)
    return slopes.figures


class _Part:
    """Some rows of a batch, before a gradient step. `figures`: loss, entropy and movement, once the loss is there."""

    def __init__(self, model: ActorCritic, batch: Batch, chosen: Tensor, settings: PpoSettings) -> None:
        self.model, self.batch, self.chosen, self.settings = model, batch, chosen, settings
        self.figures = np.zeros(3)

    def loss(self, share: float = 1.0) -> Tensor:
        """The mean over its rows, which are this share of a mini-batch."""
        batch, chosen, settings = self.batch, self.chosen, self.settings
        seen = [rows[chosen] for rows in batch.observations]
        log_probability, entropies = log_probability_and_entropy(self.model, seen, batch.actions[chosen], batch.epsilon)
        log_ratio = log_probability - batch.log_probabilities[chosen]
        loss = policy_loss(log_ratio, batch.advantages[chosen], settings.clip)
        entropy = entropies.mean()
        with torch.no_grad():
            kl = (torch.exp(log_ratio) - 1.0 - log_ratio).mean()
        self.figures = torch.stack((loss.detach(), entropy.detach(), kl)).double().cpu().numpy()
        return share * (loss - settings.beta_entropy * entropy)
