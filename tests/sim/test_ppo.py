"""The update rules against plain numpy on known numbers, and classic checks that they learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sim.layers import Numbers
from sim.learning import ppo
from sim.learning.adam import Adam
from sim.learning.crew import Crew
from sim.learning.networks import ActorCritic
from sim.network_layout import NetworkLayout, TowerLayout

SETTINGS = ppo.PpoSettings(discount_factor=0.9, gae_lambda=0.5)


def model(outputs: int = 3, *, continuous: bool = False, inputs: int = 2, seed: int = 0) -> ActorCritic:
    layout = NetworkLayout((TowerLayout("vector", Numbers(inputs)),), (16,), outputs, "tanh", continuous)
    return ActorCritic(layout, inputs, np.random.default_rng(seed))


def test_advantages_follow_the_sum_in_the_paper() -> None:
    random = np.random.default_rng(1)
    rewards, values, after = random.normal(size=(3, 6, 2))
    done = np.zeros((6, 2), np.bool_)
    done[2, 0] = done[4, 1] = True
    terminal = done.copy()
    terminal[4, 1] = False
    found = ppo.advantages(rewards, values, after, terminal, done, SETTINGS)
    for car in range(2):
        for step in range(6):
            expected, weight = 0.0, 1.0
            for later in range(step, 6):
                following = 0.0 if terminal[later, car] else after[later, car]
                expected += weight * (rewards[later, car] + 0.9 * following - values[later, car])
                weight *= 0.9 * 0.5
                if done[later, car]:
                    break
            assert found[step, car] == pytest.approx(expected)


def test_an_ending_that_is_not_terminal_keeps_the_worth_of_its_last_state() -> None:
    one = np.ones((1, 1))
    done = np.ones((1, 1), np.bool_)
    lap_complete = ppo.advantages(one, 0 * one, 10 * one, ~done, done, SETTINGS)
    off_track = ppo.advantages(one, 0 * one, 10 * one, done, done, SETTINGS)
    assert lap_complete[0, 0] == pytest.approx(10.0)
    assert off_track[0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss"),
    [(1.5, 2.0, -2.4), (1.5, -2.0, 3.0), (0.5, 2.0, -1.0), (0.5, -2.0, 1.6), (1.1, 2.0, -2.2)],
)
def test_the_policy_loss_is_clipped_where_it_would_gain(ratio: float, advantage: float, loss: float) -> None:
    found = ppo.policy_loss(torch.log(torch.tensor([ratio])), torch.tensor([advantage]), 0.2)
    assert found.item() == pytest.approx(loss, abs=1e-5)


def test_huber_is_linear_where_the_squared_error_grows() -> None:
    estimate, target = torch.tensor([0.5, 4.0]), torch.zeros(2)
    assert ppo.value_loss(estimate, target, "huber").item() == pytest.approx((0.125 + 3.5) / 2)
    assert ppo.value_loss(estimate, target, "mean squared error").item() == pytest.approx((0.125 + 8.0) / 2)


def test_discrete_probabilities_are_those_of_a_softmax() -> None:
    network, observations = model(), torch.tensor([[0.3, -0.8], [1.0, 2.0]])
    logits = network.outputs([observations]).detach().numpy().astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found, entropy = ppo.log_probability_and_entropy(network, [observations], torch.tensor([2, 0]))
    assert found.detach().numpy() == pytest.approx(np.log(shares[[0, 1], [2, 0]]), abs=1e-5)
    assert entropy.detach().numpy() == pytest.approx(-(shares * np.log(shares)).sum(1), abs=1e-5)


def test_continuous_probabilities_are_those_of_a_normal_distribution() -> None:
    network, observations = model(2, continuous=True), torch.tensor([[0.3, -0.8]])
    mean = network.outputs([observations]).detach().numpy().astype(np.float64)
    std = np.exp(-0.5)
    action = np.array([[0.4, -1.7]])
    expected = (-0.5 * ((action - mean) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)).sum()
    found, entropy = ppo.log_probability_and_entropy(network, [observations], torch.from_numpy(action).float())
    assert found.item() == pytest.approx(expected, abs=1e-5)
    assert entropy.item() == pytest.approx(2 * (-0.5 + 0.5 + 0.5 * np.log(2 * np.pi)), abs=1e-5)


def test_e_greedy_optimises_the_mixture_that_drives() -> None:
    network, observations = model(4), torch.zeros((1, 2))
    plain, _ = ppo.log_probability_and_entropy(network, [observations], torch.tensor([1]))
    mixed, _ = ppo.log_probability_and_entropy(network, [observations], torch.tensor([1]), 0.25)
    assert mixed.exp().item() == pytest.approx(0.75 * plain.exp().item() + 0.25 / 4, abs=1e-6)
    even, _ = ppo.log_probability_and_entropy(network, [observations], torch.tensor([1]), 1.0)
    assert even.exp().item() == pytest.approx(0.25)


def test_adam_steps_as_its_paper_says() -> None:
    layer = torch.nn.Linear(3, 1, bias=False)
    optimiser = Adam(layer.parameters(), lr=0.1, epsilon=1e-5)
    weights = optimiser.flat.double().numpy().copy()
    mean, square = np.zeros(3), np.zeros(3)
    for step in range(1, 6):
        inputs = np.array([1.0, -2.0, 0.5]) * step
        error = float(inputs @ weights) - 1.0
        gradient = 2.0 * error * inputs
        gradient *= min(1.0, 0.5 / np.linalg.norm(gradient))
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        hat = mean / (1 - 0.9**step)
        weights = weights - 0.1 * hat / (np.sqrt(square / (1 - 0.999**step)) + 1e-5)
        loss = (layer(torch.tensor(inputs).float()).squeeze() - 1.0) ** 2
        optimiser.minimise(loss, 0.5)
        assert layer.weight.detach().numpy().ravel() == pytest.approx(weights, abs=1e-4)


def test_rescaling_the_returns_leaves_the_estimates_where_they_were() -> None:
    network, observations = model(), torch.randn((20, 2), generator=torch.Generator().manual_seed(0))
    network.rescale(torch.linspace(0.0, 50.0, 20).double(), 0.2)
    before = network.values(observations)
    network.rescale(torch.linspace(5e3, 9e4, 20).double(), 0.2)
    assert network.return_mean > 1e3
    assert network.values(observations).numpy() == pytest.approx(before.numpy(), rel=1e-3, abs=0.1)


def test_the_update_is_the_same_for_rewards_of_any_size() -> None:
    """The scale of the returns and normalised advantages take the size of the reward out of the update."""
    results = []
    for scale in (1e-3, 1e5):
        network = model()
        random = np.random.default_rng(0)
        optimisers = ppo.make_optimisers(network, SETTINGS)
        observations = torch.from_numpy(random.normal(size=(64, 2)).astype(np.float32))
        returns = random.normal(size=64) * scale
        ppo.fit_critic(network, optimisers.critic, observations, torch.from_numpy(returns), SETTINGS, random)
        actions = torch.from_numpy(random.integers(0, 3, 64))
        with torch.no_grad():
            old, _ = ppo.log_probability_and_entropy(network, [observations], actions)
        batch = ppo.Batch((observations,), actions, old, torch.from_numpy(ppo.normalised(returns)))
        ppo.update(network, optimisers.policy, batch, SETTINGS, random)
        results.append(np.concatenate([optimisers.policy.flat.numpy(), optimisers.critic.flat.numpy()]))
    assert results[0] == pytest.approx(results[1], abs=1e-5)


def test_the_critic_comes_to_know_the_returns_in_their_own_unit() -> None:
    network, random = model(), np.random.default_rng(0)
    critic = ppo.make_optimisers(network, SETTINGS).critic
    observations = torch.from_numpy(random.normal(size=(256, 2)).astype(np.float32))
    returns = 300.0 + 50.0 * observations[:, 0].double()
    actor = network.policy_arrays()
    losses = [ppo.fit_critic(network, critic, observations, returns, SETTINGS, random) for _ in range(60)]
    assert losses[-1] < 0.01 * losses[0]
    assert network.values(observations).numpy() == pytest.approx(returns.numpy(), abs=30.0)
    assert all(np.array_equal(array, actor[name]) for name, array in network.policy_arrays().items())


def a_batch(rows: int, rng: np.random.Generator) -> ppo.Batch:
    return ppo.Batch(
        (torch.from_numpy(rng.normal(size=(rows, 2)).astype(np.float32)),),
        torch.from_numpy(rng.integers(0, 3, rows)),
        torch.full((rows,), -1.4),
        torch.from_numpy(ppo.normalised(rng.normal(size=rows))),
    )


@pytest.mark.parametrize("rows", [48, 33])
def test_two_halves_of_a_mini_batch_move_the_policy_as_all_of_it_does(rows: int) -> None:
    """To rounding; with 33 rows the last mini-batch is one row, which has no halves."""
    moved, reports = [], []
    for threads in (0, 1, 2):
        network, random = model(), np.random.default_rng(4)
        optimisers = ppo.make_optimisers(network, SETTINGS)
        crew = Crew(threads) if threads else None
        settings = replace(SETTINGS, batch_size=16, lr=0.01, kl_limit=10.0)
        reports.append(ppo.update(network, optimisers.policy, a_batch(rows, random), settings, random, crew))
        moved.append(np.concatenate([array.ravel() for array in network.policy_arrays().values()]))
    assert np.array_equal(moved[1], moved[2]), "threads change no bit"
    assert reports[1] == reports[2]
    assert np.abs(moved[0] - np.concatenate([a.ravel() for a in model().policy_arrays().values()])).max() > 1e-3
    assert moved[1] == pytest.approx(moved[0], abs=2e-5)
    assert reports[1].kl == pytest.approx(reports[0].kl, rel=1e-3)
    assert reports[1].entropy == pytest.approx(reports[0].entropy, rel=1e-4)


def test_it_learns_which_arm_of_a_bandit_pays() -> None:
    network, random = model(4), np.random.default_rng(0)
    settings = ppo.PpoSettings(lr=3e-3, discount_factor=0.0)
    optimisers = ppo.make_optimisers(network, settings)
    pay = np.array([0.1, 0.2, 0.9, 0.3])
    for _ in range(30):
        learn_once(
            network, optimisers, settings, random, np.ones((64, 1, 2), np.float32), lambda _, chosen: pay[chosen]
        )
    shares = torch.softmax(network.outputs([torch.ones((1, 2))]), -1)
    assert int(shares.argmax()) == 2
    assert shares[0, 2] > 0.8


def test_it_learns_the_angle_that_pays_with_continuous_actions() -> None:
    network, random = model(2, continuous=True), np.random.default_rng(0)
    settings = ppo.PpoSettings(lr=3e-3, discount_factor=0.0)
    optimisers = ppo.make_optimisers(network, settings)
    goal = np.array([0.5, -0.4])
    for _ in range(40):
        observations = np.ones((128, 1, 2), np.float32)
        learn_once(network, optimisers, settings, random, observations, lambda _, a: -((a - goal) ** 2).sum(-1))
    found = network.outputs([torch.ones((1, 2))]).detach().numpy()[0]
    assert found == pytest.approx(goal, abs=0.15)


def test_it_walks_down_a_short_corridor_to_the_door() -> None:
    """Six cells, reward only in the last: the worth of the door has to travel back to the first cell."""
    network, random = model(2, inputs=6), np.random.default_rng(0)
    settings = ppo.PpoSettings(lr=3e-3, discount_factor=0.95)
    optimisers = ppo.make_optimisers(network, settings)
    place = np.zeros(16, np.int64)
    for _ in range(40):
        place = walk_and_learn(network, optimisers, settings, random, place)
    right = torch.softmax(network.outputs([torch.eye(6)]), -1)[:5, 1]
    assert bool((right > 0.8).all())


def learn_once(network, optimisers, settings, random, observations, reward) -> None:  # type: ignore[no-untyped-def]
    """One step of many walkers, whose episodes end at once."""
    flat = observations.reshape(len(observations), -1)
    outputs = network.outputs([torch.from_numpy(flat)]).detach().numpy()
    if network.layout.continuous:
        spread = np.exp(network.log_std.detach().double().numpy())
        chosen = (outputs + spread * random.standard_normal(outputs.shape)).astype(np.float32)
    else:
        chosen = draw_discrete(outputs, random)
    rewards = np.asarray(reward(flat, chosen), np.float64)[None]
    ones = np.ones_like(rewards, dtype=np.bool_)
    learn(network, optimisers, settings, random, flat[None], flat[None], chosen[None], rewards, ones, ones)


def walk_and_learn(network, optimisers, settings, random, place):  # type: ignore[no-untyped-def]
    cells = np.eye(6, dtype=np.float32)
    seen, after, actions, rewards, dones = [], [], [], [], []
    for _ in range(20):
        seen.append(cells[place])
        chosen = draw_discrete(network.outputs([torch.from_numpy(cells[place])]).detach().numpy(), random)
        place = np.clip(place + np.where(chosen == 1, 1, -1), 0, 5)
        done = place == 5
        after.append(cells[place])
        actions.append(chosen)
        rewards.append(done.astype(np.float64))
        dones.append(done)
        place = np.where(done, 0, place)
    stacked = [np.stack(parts) for parts in (seen, after, actions, rewards, dones)]
    learn(network, optimisers, settings, random, *stacked, stacked[-1])
    return place


def learn(network, optimisers, settings, random, seen, after, actions, rewards, done, terminal) -> None:  # type: ignore[no-untyped-def]
    rows = rewards.size
    observations, following = torch.from_numpy(seen.reshape(rows, -1)), torch.from_numpy(after.reshape(rows, -1))

    def estimates():  # type: ignore[no-untyped-def]
        values, next_values = (
            network.values(part).numpy().reshape(rewards.shape) for part in (observations, following)
        )
        return ppo.advantages(rewards, values, next_values, terminal, done, settings), values

    returns = torch.from_numpy(sum(estimates()).reshape(-1))
    ppo.fit_critic(network, optimisers.critic, observations, returns, settings, random)
    chosen = torch.from_numpy(actions.reshape(rows, *actions.shape[2:]))
    with torch.no_grad():
        old, _ = ppo.log_probability_and_entropy(network, [observations], chosen)
    advantages = torch.from_numpy(ppo.normalised(estimates()[0]).reshape(-1))
    ppo.update(network, optimisers.policy, ppo.Batch((observations,), chosen, old, advantages), settings, random)


def draw_discrete(logits, random):  # type: ignore[no-untyped-def]
    """One of the softmax's actions for each row."""
    shares = np.exp(logits - logits.max(1, keepdims=True)).cumsum(1)
    return (shares < random.random(len(shares))[:, None] * shares[:, -1:]).sum(1)
