"""Networks in torch against the native core: what one learns the other drives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
from sim.car import Car
from sim.layers import Picture
from sim.learning.adam import Adam
from sim.learning.policy_network import PolicyNetwork
from sim.network_layout import trained_layout
from sim.sensors import FRONT_FACING_CAMERA, LIDAR, PADDOCK_CAMERA_40X30, STEREO_CAMERAS, TRACK_FEATURES

ONE, RANGE = DiscreteActionSpace.default(), ContinuousActionSpace()
CARS = {
    "vector": Car((TRACK_FEATURES,), "PADDOCK_SMALL", RANGE),
    "lidar": Car((LIDAR,), "LIDAR", ONE),
    "small camera": Car((PADDOCK_CAMERA_40X30,), "PADDOCK_CAMERA", RANGE),
    "3 layers": Car((FRONT_FACING_CAMERA,), "DEEP_CONVOLUTIONAL_NETWORK_SHALLOW", ONE),
    "5 layers and LIDAR": Car((FRONT_FACING_CAMERA, LIDAR), "DEEP_CONVOLUTIONAL_NETWORK", RANGE),
    "deep": Car((FRONT_FACING_CAMERA,), "DEEP_CONVOLUTIONAL_NETWORK_DEEP", ONE),
    "stereo and LIDAR": Car((LIDAR, STEREO_CAMERAS), "DEEP_CONVOLUTIONAL_NETWORK_SHALLOW", ONE),
}


def seen(network: PolicyNetwork, rows: int) -> list[np.ndarray]:  # type: ignore[type-arg]
    """Random pictures and numbers for each input."""
    random = np.random.default_rng(1)
    return [
        random.integers(0, 256, (rows, *tower.sees.grid), np.uint8)
        if isinstance(tower.sees, Picture)
        else random.normal(size=(rows, tower.sees.size)).astype(np.float32)
        for tower in network.layout.towers
    ]


@pytest.mark.parametrize("name", CARS)
@pytest.mark.parametrize("stack_size", [1, 3])
def test_the_core_gives_what_torch_gives(name: str, stack_size: int) -> None:
    network = PolicyNetwork(trained_layout(CARS[name], stack_size), np.random.default_rng(0))
    arrays = network.arrays()
    last = f"policy.{len(network.layout.trunk)}.weight"
    arrays[last] *= 50.0  # the last layer begins small; differences would not be seen behind it
    with torch.no_grad():
        network.weights[last.replace(".", "_")].mul_(50.0)
    assert {key: array.shape for key, array in arrays.items()} == network.layout.arrays()
    rows = seen(network, 2)
    with torch.no_grad():
        by_torch = network([torch.from_numpy(row) for row in rows]).numpy()
    by_core = network.layout.policy(arrays).forward(rows)
    assert np.abs(by_torch).max() > 0.1
    assert by_core == pytest.approx(by_torch, abs=1e-5)


def test_a_network_begins_by_its_seed_and_keeps_its_layout_under_the_optimiser() -> None:
    layout = trained_layout(CARS["small camera"], 2)
    one, same, other = (PolicyNetwork(layout, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(array, same.arrays()[name]) for name, array in one.arrays().items())
    assert not np.array_equal(one.arrays()["policy.camera.0.weight"], other.arrays()["policy.camera.0.weight"])
    Adam(one.parameters(), lr=1e-3, epsilon=1e-5)
    assert all(np.array_equal(array, same.arrays()[name]) for name, array in one.arrays().items())
    weight = one.weights["policy_camera_0_weight"]
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert weight.grad is not None
    assert weight.grad.stride() == weight.stride()


def test_adam_moves_convolutions_as_it_moves_other_layers() -> None:
    """One step goes against the gradient's sign by the step size, in every weight."""
    network = PolicyNetwork(trained_layout(CARS["small camera"], 1), np.random.default_rng(0))
    optimiser = Adam(network.parameters(), lr=1e-3, epsilon=1e-12)
    before = {name: array.copy() for name, array in network.arrays().items()}
    rows = [torch.from_numpy(row) for row in seen(network, 8)]
    optimiser.minimise((network(rows) ** 2).sum(), 1e9)
    for name, array in network.arrays().items():
        gradient = network.weights[name.replace(".", "_")].grad
        assert gradient is not None
        there = np.abs(gradient.numpy()) > 1e-6
        expected = before[name] - 1e-3 * np.sign(gradient.numpy())
        assert there.any()
        assert array[there] == pytest.approx(expected[there], abs=1e-5)
