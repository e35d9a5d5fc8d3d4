"""Small dense layers in the native core against torch: outputs, gradients, and PPO's slope in closed form."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from sim.layers import Numbers
from sim.learning import dense_layers, ppo
from sim.learning.adam import Adam
from sim.learning.dense_layers import Chain, by_torch
from sim.learning.networks import ActorCritic
from sim.native import _core
from sim.network_layout import NetworkLayout, TowerLayout

Layers = list[tuple[Tensor, Tensor]]
SIZES = [(27, 64, 64, 1), (3, 17, 2), (5, 33)]


def layers(sizes: tuple[int, ...], seed: int = 0) -> Layers:
    random = torch.Generator().manual_seed(seed)
    return [
        (
            torch.randn((outputs, inputs), generator=random).div(inputs**0.5).requires_grad_(),
            torch.randn(outputs, generator=random).requires_grad_(),
        )
        for inputs, outputs in pairwise(sizes)
    ]


def flat(made: Layers) -> list[Tensor]:
    return [parameter for layer in made for parameter in layer]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("last_activated", [False, True])
@pytest.mark.parametrize("rows", [1, 7, 300])
def test_the_core_gives_what_torch_gives(
    sizes: tuple[int, ...], activation: str, last_activated: bool, rows: int
) -> None:
    made = layers(sizes)
    seen = torch.randn((rows, sizes[0]), requires_grad=True)
    found = dense_layers.dense_layers(seen, made, activation, last_activated=last_activated)
    expected = by_torch(seen, made, activation, last_activated=last_activated)
    assert found.detach().numpy() == pytest.approx(expected.detach().numpy(), abs=1e-5)
    slope = torch.randn(found.shape)
    ours = torch.autograd.grad(found, [seen, *flat(made)], slope)
    theirs = torch.autograd.grad(expected, [seen, *flat(made)], slope)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.numpy() == pytest.approx(other.numpy(), rel=1e-4, abs=1e-4)


def test_a_chain_puts_the_gradients_where_the_optimiser_has_them() -> None:
    made = layers((4, 9, 2))
    optimiser = Adam(flat(made), lr=0.1, epsilon=1e-5)
    seen, slope = torch.randn((50, 4)), torch.randn((50, 2))
    expected = torch.autograd.grad(by_torch(seen, made, "tanh"), flat(made), slope)
    optimiser.gradient.fill_(7.0)
    chain = Chain(made, "tanh")
    assert chain.forward(seen).numpy() == pytest.approx(by_torch(seen, made, "tanh").detach().numpy(), abs=1e-5)
    chain.backward(slope)
    assert optimiser.gradient.numpy() == pytest.approx(
        torch.cat([one.reshape(-1) for one in expected]).numpy(), abs=1e-4
    )
    with pytest.raises(ValueError, match="no optimiser"):
        Chain(layers((2, 2)), "tanh")


def test_large_layers_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_layers, "MOST_NATIVE", 10)
    monkeypatch.setattr(_core, "chain_forward", None)
    made, seen = layers((4, 3)), torch.randn((5, 4))
    assert torch.equal(dense_layers.dense_layers(seen, made, "relu"), by_torch(seen, made, "relu"))


def test_numbers_that_ran_away_go_through() -> None:
    made = layers((2, 3, 1))
    seen = torch.tensor([[torch.nan, 0.0], [1.0, 2.0]])
    found = dense_layers.dense_layers(seen, made, "tanh")
    assert bool(found[0].isnan())
    assert found[1].isfinite()


@pytest.mark.parametrize(
    "bad",
    [
        {"activation": "swish"},
        {"weights": [np.zeros((3, 5), np.float32)]},
        {"given": [np.zeros((4, 4), np.float32)]},
        {"biases": []},
        {"inputs": np.zeros((4, 2))},
    ],
)
def test_arrays_that_do_not_fit_are_refused(bad: dict[str, object]) -> None:
    fine: dict[str, object] = {
        "inputs": np.zeros((4, 2), np.float32),
        "weights": [np.zeros((3, 2), np.float32)],
        "biases": [np.zeros(3, np.float32)],
        "activation": "tanh",
        "last_activated": False,
        "given": [np.zeros((4, 3), np.float32)],
    }
    _core.chain_forward(**fine)  # type: ignore[arg-type]
    with pytest.raises((ValueError, TypeError)):
        _core.chain_forward(**fine | bad)  # type: ignore[arg-type]


def network(*, continuous: bool, activation: str = "tanh") -> ActorCritic:
    layout = NetworkLayout(
        (TowerLayout("vector", Numbers(6)),), (16, 16), 2 if continuous else 5, activation, continuous
    )
    return ActorCritic(layout, 6, np.random.default_rng(3))


def a_batch(made: ActorCritic, epsilon: float) -> ppo.Batch:
    """Rows that were driven by another policy, far enough away that some ratios are beyond the clip."""
    random = torch.Generator().manual_seed(5)
    seen = torch.randn((200, 6), generator=random)
    if made.layout.continuous:
        actions = torch.randn((200, 2), generator=random)
    else:
        actions = torch.randint(0, 5, (200,), generator=random)
    with torch.no_grad():
        now, _ = ppo.log_probability_and_entropy(made, [seen], actions, epsilon)
    then = now + 0.3 * torch.randn(200, generator=random)
    return ppo.Batch((seen,), actions, then, torch.randn(200, generator=random), epsilon)


@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_the_slope_in_closed_form_is_that_of_the_loss(
    continuous: bool, epsilon: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved, reports, gradients = [], [], []
    settings = replace(ppo.PpoSettings(), batch_size=200, num_epochs=1, beta_entropy=0.05)
    for small in (True, False):
        made = network(continuous=continuous)
        with torch.no_grad():
            made.actor.weights["policy_2_weight"].mul_(60.0)  # else all actions are nearly alike
        optimisers = ppo.make_optimisers(made, settings)
        batch = a_batch(made, epsilon)
        assert made.actor.chain() is not None
        if not small:
            monkeypatch.setattr(type(made.actor), "chain", lambda _self: None)
        reports.append(ppo.update(made, optimisers.policy, batch, settings, np.random.default_rng(0)))
        gradients.append(optimisers.policy.gradient.numpy().copy())
        moved.append(optimisers.policy.flat.numpy().copy())
    assert gradients[0] == pytest.approx(gradients[1], abs=2e-6)
    assert np.abs(gradients[1]).max() > 1e-3
    for field in ("policy_loss", "entropy", "kl"):
        assert getattr(reports[0], field) == pytest.approx(getattr(reports[1], field), rel=1e-4, abs=1e-5)


def test_a_spread_beyond_its_range_has_no_slope() -> None:
    made = network(continuous=True)
    with torch.no_grad():
        made.log_std.fill_(9.0)
    settings = replace(ppo.PpoSettings(), batch_size=200, num_epochs=1)
    optimisers = ppo.make_optimisers(made, settings)
    ppo.update(made, optimisers.policy, a_batch(made, 0.0), settings, np.random.default_rng(0))
    assert made.log_std.grad is not None
    assert not made.log_std.grad.any()


def test_only_chains_of_dense_layers_on_numbers_learn_so() -> None:
    assert network(continuous=True, activation="relu").actor.chain() is None, "relu between, tanh behind"
    made = network(continuous=False, activation="relu")
    ppo.make_optimisers(made, ppo.PpoSettings())
    assert made.actor.chain() is not None


def test_the_critics_slope_is_that_of_its_loss() -> None:
    target = torch.tensor([0.0, 1.0, -3.0, 0.2])
    for kind in ("huber", "mean squared error"):
        estimate = torch.tensor([0.5, -2.0, 4.0, 0.2], requires_grad=True)
        (expected,) = torch.autograd.grad(ppo.value_loss(estimate, target, kind), estimate)
        assert torch.allclose(ppo.value_slope(estimate.detach(), target, kind), expected)
