"""Soft actor-critic: its update against plain numpy on known numbers, and classic checks that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sim.layers import Numbers
from sim.learning import sac
from sim.learning.adam import Adam
from sim.learning.replay_memory import Transitions
from sim.network_layout import NetworkLayout, TowerLayout

SETTINGS = sac.SacSettings(discount_factor=0.9, alpha=0.2)
CORRIDOR = sac.SacSettings(discount_factor=0.9, lr=3e-3, critic_lr=3e-3, follow=0.03)


def model(settings: sac.SacSettings = SETTINGS, inputs: int = 3) -> sac.SacModel:
    layout = NetworkLayout((TowerLayout("vector", Numbers(inputs)),), (16,), 2, "tanh", True)
    return sac.SacModel(layout, inputs, settings, np.random.default_rng(0))


def transitions(seen: np.ndarray, actions: np.ndarray, rewards: np.ndarray, ended: np.ndarray, after: np.ndarray):  # type: ignore[no-untyped-def, type-arg]
    now, following, acted, paid, over = (
        torch.from_numpy(np.asarray(part, np.float32)) for part in (seen, after, actions, rewards, ended)
    )
    return Transitions((now,), now, acted, paid, over, (following,), following)


def critics_by_hand(critic: sac.TwinCritic, features: np.ndarray, actions: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    found = []
    for one in range(2):
        values = np.concatenate([features, actions], 1).astype(np.float64)
        for index, (weight, bias) in enumerate(zip(critic.weights, critic.biases, strict=True)):
            values = values @ weight[one].detach().double().numpy() + bias[one].detach().double().numpy()
            values = np.maximum(values, 0.0) if index < 2 else values
        found.append(values[:, 0])
    return np.stack(found)


def test_a_squashed_draw_has_the_density_of_its_own_histogram() -> None:
    """The density of tanh(u) is that of u over 1 - tanh(u)^2; far out, where tanh is 1 in float32, it stays finite."""
    means, log_std = torch.tensor([[0.3, -0.8]]), torch.tensor([-0.5, 0.1])
    noise = torch.tensor([[1.2, -0.4]])
    action, found = sac.squashed(means, log_std, noise)
    spread = np.exp(log_std.double().numpy())
    before = means.double().numpy() + spread * noise.double().numpy()
    density = (
        np.exp(-0.5 * noise.double().numpy() ** 2) / (spread * np.sqrt(2.0 * np.pi)) / (1.0 - np.tanh(before) ** 2)
    )
    assert action.numpy() == pytest.approx(np.tanh(before), abs=1e-6)
    assert found.item() == pytest.approx(np.log(density).sum(), abs=1e-5)
    _, far = sac.squashed(torch.tensor([[30.0, -30.0]]), log_std, torch.zeros((1, 2)))
    assert torch.isfinite(far).all()


def test_targets_are_reward_and_the_more_doubtful_critic_with_entropy() -> None:
    network, random = model(), np.random.default_rng(1)
    network.targets.rescale(1.7)  # targets that are not the critics
    seen, after = random.normal(size=(2, 5, 3))
    rewards, ended = random.normal(size=5), np.array([0.0, 1.0, 0.0, 0.0, 1.0])
    batch = transitions(seen, random.uniform(-1, 1, (5, 2)), rewards, ended, after)
    noise = torch.from_numpy(random.standard_normal((5, 2), np.float32))
    actions, log_probability = (
        part.detach().double().numpy() for part in network.drawn(batch.next_observations, noise)
    )
    lesser = critics_by_hand(network.targets, after, actions).min(0)
    # In units of reward a critic's number is divided by (1 - 0.9).
    soft = lesser / 0.1 - 0.2 * log_probability
    expected = (rewards + 0.9 * (1.0 - ended) * soft) * 0.1
    assert sac.critic_targets(network, batch, noise, SETTINGS).numpy() == pytest.approx(expected, abs=1e-5)


def test_one_update_moves_critics_actor_and_targets_as_the_paper_says(monkeypatch: pytest.MonkeyPatch) -> None:
    network, random = model(), np.random.default_rng(2)
    optimisers = sac.make_optimisers(network, SETTINGS)
    losses: dict[int, float] = {}
    minimise = Adam.minimise

    def noted(self: Adam, loss: torch.Tensor, maximum_gradient: float) -> None:
        losses[id(self)] = loss.item()
        minimise(self, loss, maximum_gradient)

    monkeypatch.setattr(Adam, "minimise", noted)
    seen, after = random.normal(size=(2, 8, 3))
    acted = random.uniform(-1, 1, (8, 2))
    batch = transitions(seen, acted, random.normal(size=8), np.zeros(8), after)
    noise = tuple(torch.from_numpy(random.standard_normal((8, 2), np.float32)) for _ in range(2))
    target = sac.critic_targets(network, batch, noise[0], SETTINGS).double().numpy()
    errors = critics_by_hand(network.critics, seen, acted) - target
    huber = np.where(np.abs(errors) <= 1.0, 0.5 * errors**2, np.abs(errors) - 0.5)
    slow = [part.detach().numpy().copy() for part in network.targets.parameters()]
    actions, log_probability = (part.detach().double().numpy() for part in network.drawn(batch.observations, noise[1]))
    sac.update(network, optimisers, batch, (noise[0], noise[1]), SETTINGS)
    assert losses[id(optimisers.critic)] == pytest.approx(huber.mean(1).sum(), abs=1e-5)
    worth = critics_by_hand(network.critics, seen, actions).min(0) / 0.1
    assert losses[id(optimisers.policy)] == pytest.approx((0.2 * log_probability - worth).mean(), abs=1e-4)
    assert id(optimisers.temperature) not in losses, "a temperature that was chosen stays"
    for before, now, fast in zip(slow, network.targets.parameters(), network.critics.parameters(), strict=True):
        assert now.numpy() == pytest.approx(0.97 * before + 0.03 * fast.detach().numpy(), abs=1e-6)


@pytest.mark.parametrize(("wanted", "warmer"), [(5.0, True), (-50.0, False)])
def test_the_temperature_goes_where_entropy_is_missing(wanted: float, warmer: bool) -> None:
    settings = sac.SacSettings(target_entropy=wanted)
    network, random = model(settings), np.random.default_rng(3)
    optimisers = sac.make_optimisers(network, settings)
    before = network.log_alpha.item()
    batch = transitions(*random.normal(size=(1, 4, 3)), np.zeros((4, 2)), np.zeros(4), np.zeros(4), np.zeros((4, 3)))
    noise = torch.from_numpy(random.standard_normal((4, 2), np.float32))
    sac.update(network, optimisers, batch, (noise, noise), settings)
    assert (network.log_alpha.item() > before) == warmer


def test_an_alpha_of_nothing_leaves_entropy_out() -> None:
    settings = sac.SacSettings(alpha=0.0)
    network, random = model(settings), np.random.default_rng(3)
    batch = transitions(*random.normal(size=(1, 4, 3)), np.zeros((4, 2)), np.ones(4), np.zeros(4), np.zeros((4, 3)))
    noise = torch.from_numpy(random.standard_normal((4, 2), np.float32))
    sac.update(network, sac.make_optimisers(network, settings), batch, (noise, noise), settings)
    assert all(bool(torch.isfinite(part).all()) for part in [*network.actor.parameters(), network.log_std])


def test_clipped_means_are_not_for_sac() -> None:
    layout = NetworkLayout((TowerLayout("vector", Numbers(3)),), (16,), 2, "tanh", True, means="linear")
    with pytest.raises(ValueError, match="squashed by tanh"):
        sac.SacModel(layout, 3, SETTINGS, np.random.default_rng(0))


def learn(network: sac.SacModel, optimisers: sac.Optimisers, batch: Transitions, random: np.random.Generator) -> None:
    rows = len(batch.rewards)
    noise = tuple(torch.from_numpy(random.standard_normal((rows, 2), np.float32)) for _ in range(2))
    sac.update(network, optimisers, batch, (noise[0], noise[1]), CORRIDOR)


def test_it_learns_the_angle_that_pays() -> None:
    """A bandit: one state, every step an episode, paid by how near both numbers are."""
    network, random = model(CORRIDOR), np.random.default_rng(0)
    optimisers = sac.make_optimisers(network, CORRIDOR)
    goal = np.array([0.5, -0.4])
    seen = np.ones((128, 3))
    for _ in range(400):
        actions = random.uniform(-1.0, 1.0, (128, 2))
        rewards = -((actions - goal) ** 2).sum(1)
        learn(network, optimisers, transitions(seen, actions, rewards, np.ones(128), seen), random)
    assert network.actor([torch.ones((1, 3))]).detach().numpy()[0] == pytest.approx(goal, abs=0.15)


def test_it_walks_down_a_short_corridor_to_the_door() -> None:
    """Five cells, paid in the last only: the worth of the door travels back to the first. Any behaviour teaches it."""
    network, random = model(CORRIDOR, inputs=5), np.random.default_rng(0)
    optimisers = sac.make_optimisers(network, CORRIDOR)
    cells = np.eye(5)
    for _ in range(600):
        place = random.integers(0, 4, 128)
        actions = random.uniform(-1.0, 1.0, (128, 2))
        after = np.clip(place + np.where(actions[:, 0] > 0.0, 1, -1), 0, 4)
        door = (after == 4).astype(np.float64)
        learn(network, optimisers, transitions(cells[place], actions, door, door, cells[after]), random)
    means = network.actor([torch.eye(5)]).detach().numpy()
    assert bool((means[:4, 0] > 0.3).all())
