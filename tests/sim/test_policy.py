"""The native forward pass: near double precision, and the same bits in any batch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.layers import Dense, Numbers, Tower
from sim.policy import Policy
from sim.reference.policy import forward

Layers = list[tuple[NDArray[np.float32], NDArray[np.float32], str]]


def layers(*sizes: int, activation: str = "tanh", seed: int = 0) -> Layers:
    random = np.random.default_rng(seed)
    made: Layers = []
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        weight = (random.normal(size=(outputs, inputs)) / np.sqrt(inputs)).astype(np.float32)
        bias = random.normal(size=outputs).astype(np.float32)
        made.append((weight, bias, "linear" if number == len(sizes) - 2 else activation))
    return made


def observations(rows: int, columns: int, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("sizes", [(27, 64, 64, 2), (64, 256, 256, 15), (3, 1), (1, 17, 33, 5)])
def test_it_is_near_the_network_in_double_precision(sizes: tuple[int, ...], activation: str) -> None:
    made = layers(*sizes, activation=activation)
    seen = observations(70, sizes[0])
    slow = forward([Tower(Numbers(sizes[0]), [Dense(*layer) for layer in made])], [], [seen], np.float64)
    assert np.allclose(Policy.from_arrays(made).forward(seen), slow, atol=2e-5)


@pytest.mark.parametrize("rows", [1, 2, 63, 64, 65, 200])
def test_a_batch_is_its_rows_one_by_one_to_the_bit(rows: int) -> None:
    policy = Policy.from_arrays(layers(27, 64, 64, 10))
    seen = observations(rows, 27)
    alone = np.vstack([policy.forward(np.ascontiguousarray(seen[i : i + 1])) for i in range(rows)])
    assert np.array_equal(policy.forward(seen), alone)


def test_tanh_is_right_over_its_whole_range() -> None:
    policy = Policy.from_arrays([(np.ones((1, 1), np.float32), np.zeros(1, np.float32), "tanh")])
    x = np.concatenate([np.linspace(-12, 12, 20001), [0.0, -0.0, 1e-8, 1e30, -1e30]]).astype(np.float32)
    found = policy.forward(x[:, None])[:, 0]
    assert np.abs(found - np.tanh(x.astype(np.float64))).max() < 3e-7
    assert np.abs(found).max() <= 1.0


def test_it_writes_into_the_array_given() -> None:
    policy = Policy.from_arrays(layers(4, 8, 2))
    out = np.full((3, 2), np.nan, np.float32)
    assert policy.forward(observations(3, 4), out) is out
    assert np.isfinite(out).all()


def test_no_rows_give_no_rows() -> None:
    assert Policy.from_arrays(layers(4, 8, 2)).forward(np.zeros((0, 4), np.float32)).shape == (0, 2)


@pytest.mark.parametrize(
    "seen",
    [
        np.zeros((3, 5), np.float32),
        np.zeros(4, np.float32),
        np.zeros((3, 4)),
        np.zeros((3, 8), np.float32)[:, ::2],
        np.zeros((3, 4, 1), np.float32),
    ],
)
def test_wrong_observations_are_refused(seen: NDArray[np.float32]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Policy.from_arrays(layers(4, 8, 2)).forward(seen)


def test_wrong_outputs_are_refused() -> None:
    policy = Policy.from_arrays(layers(4, 8, 2))
    for out in (np.zeros((3, 3), np.float32), np.zeros((2, 2), np.float32), np.zeros((3, 2))):
        with pytest.raises((TypeError, ValueError)):
            policy.forward(observations(3, 4), out)  # type: ignore[arg-type]


def test_layers_that_do_not_fit_are_refused() -> None:
    weight, bias = np.zeros((2, 3), np.float32), np.zeros(2, np.float32)
    for bad, word in (
        ([], "at least one layer"),
        ([(weight, bias, "tanh"), (weight, bias, "tanh")], "inputs of the next"),
        ([(weight, np.zeros(3, np.float32), "tanh")], "bias"),
        ([(weight, bias, "swish")], "swish"),
        ([(np.full((2, 3), np.nan, np.float32), bias, "tanh")], "finite"),
        ([(bias, bias, "tanh")], "dimensions"),
        ([(np.zeros((2, 0), np.float32), bias, "tanh")], "nothing to see"),
    ):
        with pytest.raises(ValueError, match=word):
            Policy.from_arrays(bad)
