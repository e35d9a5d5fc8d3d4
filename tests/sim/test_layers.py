"""Networks that see pictures: equal to the slow reference to the bit, and to torch up to rounding."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.layers import Convolution, Dense, Numbers, Picture, Pooling, Tower
from sim.native import _core
from sim.policy import Policy
from sim.reference.policy import forward
from tests.sim.networks import (
    DEEP,
    MIDDLE,
    SHALLOW,
    Network,
    Weights,
    camera_network,
    mixed_network,
    observations,
)

TINY = camera_network(Picture(9, 11), [(8, 3, 2), (5, 2, 1)], [17], 3, activation="tanh")
SMALL = camera_network(Picture(30, 40), [(8, 4, 2), (16, 3, 2)], [64], 10)


def policy_of(network: Network) -> Policy:
    return Policy(network.towers, network.trunk)


@pytest.mark.parametrize("network", [TINY, mixed_network(), mixed_network(seed=5)], ids=["tiny", "mixed", "other"])
def test_it_is_the_slow_network_to_the_bit(network: Network) -> None:
    seen = observations(network, 5)
    assert np.array_equal(policy_of(network).forward(seen), forward(network.towers, network.trunk, seen))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 3), (3, 1), (1, 4)])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_every_kernel_stride_and_padding_is_the_slow_one_to_the_bit(
    padding: str, kernel: tuple[int, int], stride: int
) -> None:
    layer = Weights().convolution(3, 17, kernel, stride, padding, "relu")
    network = Network([Tower(Picture(5, 7, 3), [layer])], [])
    seen = observations(network, 2)
    assert np.array_equal(policy_of(network).forward(seen), forward(network.towers, [], seen))


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
@pytest.mark.parametrize("filters", [1, 7, 8, 9, 16, 17, 24, 33])
def test_any_number_of_filters_is_the_slow_one_to_the_bit(filters: int, activation: str) -> None:
    layer = Weights(filters).convolution(1, filters, (4, 4), 2, "valid", activation)
    network = Network([Tower(Picture(9, 8), [layer])], [Weights().dense(9 * filters, filters, activation)])
    seen = observations(network, 3)
    assert np.array_equal(policy_of(network).forward(seen), forward(network.towers, network.trunk, seen))


def test_a_dense_layer_of_very_many_inputs_is_the_slow_one_to_the_bit() -> None:
    network = Network([Tower(Numbers(1500), [Weights().dense(1500, 19, "tanh")])], [])
    seen = observations(network, 7)
    assert np.array_equal(policy_of(network).forward(seen), forward(network.towers, [], seen))


@pytest.mark.parametrize("rows", [1, 2, 5, 6, 7, 47, 48, 49, 256])
def test_a_batch_of_pictures_is_its_rows_one_by_one_to_the_bit(rows: int) -> None:
    policy = policy_of(mixed_network())
    seen = observations(mixed_network(), rows)
    alone = np.vstack([policy.forward([array[i : i + 1] for array in seen]) for i in range(rows)])
    assert np.array_equal(policy.forward(seen), alone)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_change_no_bit(threads: int) -> None:
    policy, seen = policy_of(SMALL), observations(SMALL, 50)
    assert np.array_equal(policy.forward(seen), policy.forward(seen, threads=threads))


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from sim.native import _core
from tests.sim.test_layers import digest
assert not _core.HAS_AVX2
print(digest())
"""


def digest() -> str:
    import hashlib

    found = hashlib.sha256()
    for network in (TINY, SMALL, mixed_network(), camera_network(Picture(120, 160), SHALLOW, [64], 10)):
        found.update(policy_of(network).forward(observations(network, 13)).tobytes())
    return found.hexdigest()


def test_another_process_without_avx2_finds_the_same_bits() -> None:
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PADDOCK_WITHOUT_AVX2": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, root], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == digest(), done.stderr


def torch_outputs(network: Network, seen: list[NDArray[Any]]) -> NDArray[np.float32]:
    """The same network by torch: what a file of weights means elsewhere."""
    torch = pytest.importorskip("torch")

    def through(layer: Convolution | Pooling | Dense, values: Any) -> Any:
        functional = torch.nn.functional
        if isinstance(layer, Pooling):
            pool = functional.max_pool2d if layer.kind == "maximum" else functional.avg_pool2d
            return pool(values, layer.size, layer.stride)
        weight, bias = torch.from_numpy(layer.weight), torch.from_numpy(layer.bias)
        if isinstance(layer, Convolution):
            values = functional.conv2d(values, weight, bias, layer.stride)
        else:
            values = functional.linear(values.flatten(1), weight, bias)
        return {"linear": lambda x: x, "relu": torch.relu, "tanh": torch.tanh}[layer.activation](values)

    parts = []
    for tower, array in zip(network.towers, seen, strict=True):
        values = torch.from_numpy(array)
        if isinstance(tower.sees, Picture):
            values = values.permute(0, 3, 1, 2).float() / tower.sees.divisor
        for layer in tower.layers:
            values = through(layer, values)
        parts.append(values.flatten(1))
    values = torch.cat(parts, 1)
    for layer in network.trunk:
        values = through(layer, values)
    return values.numpy()


def towers_network() -> Network:
    """DeepRacer's camera beside its LIDAR: what their towers give stands side by side before the layer of 512."""
    camera = camera_network(Picture(120, 160), SHALLOW, [], 2).towers[0]
    weights = Weights(4)
    lidar = Tower(Numbers(64), [weights.dense(64, 256, "relu"), weights.dense(256, 256, "relu")])
    trunk = [weights.dense(11 * 16 * 64 + 256, 512, "relu"), weights.dense(512, 10)]
    return Network([camera, lidar], trunk)


@pytest.mark.parametrize(
    "network",
    [
        SMALL,
        camera_network(Picture(120, 160), SHALLOW, [512], 10),
        camera_network(Picture(120, 160), MIDDLE, [64, 512], 10),
        camera_network(Picture(120, 160), DEEP, [512, 512, 256, 128], 10),
        camera_network(Picture(120, 160, 2), SHALLOW, [512], 2, activation="tanh"),
        towers_network(),
    ],
    ids=["40x30", "shallow", "middle", "deep", "stereo", "camera and LIDAR"],
)
def test_the_real_networks_are_those_of_torch_up_to_rounding(network: Network) -> None:
    seen = observations(network, 3)
    assert np.abs(policy_of(network).forward(seen) - torch_outputs(network, seen)).max() < 1e-5


def test_a_picture_of_one_channel_needs_no_axis_for_it() -> None:
    policy, (seen,) = policy_of(SMALL), observations(SMALL, 4)
    assert np.array_equal(policy.forward(seen[..., 0]), policy.forward(seen))
    assert np.array_equal(policy.forward(seen.reshape(4, -1)), policy.forward(seen))


@pytest.mark.parametrize(
    "seen",
    [
        [np.zeros((3, 9, 11), np.float32)],
        [np.zeros((3, 11, 9), np.uint8)],
        [np.zeros((3, 9, 11, 2), np.uint8)],
        [np.zeros((3, 9, 22), np.uint8)[:, :, ::2]],
        [np.zeros((9, 11), np.uint8)],
        [np.zeros(99, np.uint8)],
        [np.uint8(3)],
        [],
        [np.zeros((3, 9, 11), np.uint8)] * 2,
        ["pictures"],
    ],
)
def test_wrong_pictures_are_refused(seen: list[Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        policy_of(TINY).forward(seen, np.zeros((3, 3), np.float32))


def test_inputs_of_different_length_are_refused() -> None:
    network = mixed_network()
    seen = observations(network, 3)
    seen[2] = seen[2][:2]
    with pytest.raises(ValueError, match="different numbers of rows"):
        policy_of(network).forward(seen)


KERNEL = np.zeros((4, 1, 3, 3), np.float32)
FOUR = np.zeros(4, np.float32)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([Convolution(KERNEL, FOUR, 0)], "at least 1"),
        ([Convolution(KERNEL, FOUR, -1)], "at least 1"),
        ([Convolution(np.zeros((4, 1, 13, 3), np.float32), FOUR)], "does not fit into a picture of 12"),
        ([Convolution(np.zeros((4, 2, 3, 3), np.float32), FOUR)], "2 channels, the picture before it 1"),
        ([Convolution(np.full((4, 1, 3, 3), np.nan, np.float32), FOUR)], "finite"),
        ([Convolution(KERNEL, np.full(4, np.inf, np.float32))], "finite"),
        ([Convolution(KERNEL, np.zeros(5, np.float32))], "bias has 5 rows, not 4"),
        ([Convolution(KERNEL[0], FOUR)], "3 dimensions, not 4"),
        ([Convolution(KERNEL, FOUR, 1, "full")], "no padding 'full'"),  # type: ignore[arg-type]
        ([Convolution(KERNEL, FOUR, activation="swish")], "swish"),
        ([Convolution(np.zeros((0, 1, 3, 3), np.float32), FOUR[:0])], "inputs and outputs"),
        ([Convolution(np.zeros((4, 1, 0, 3), np.float32), FOUR)], "at least 1"),
        ([Pooling("maximum", 0, 1)], "at least 1"),
        ([Pooling("maximum", 2, 0)], "at least 1"),
        ([Pooling("maximum", 13, 1)], "does not fit"),
        ([Pooling("median", 2, 2)], "no pooling 'median'"),  # type: ignore[arg-type]
        ([Dense(np.zeros((2, 143), np.float32), FOUR[:2])], "143 inputs, but 144 come"),
        ([Dense(np.zeros((2, 144), np.float32), FOUR[:2]), Pooling("maximum", 1, 1)], "no layer can see a picture"),
    ],
)
def test_layers_over_a_picture_that_cannot_be_are_refused(layers: list[Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Policy([Tower(Picture(12, 12), layers)])


@pytest.mark.parametrize(
    "towers",
    [
        [],
        [Tower(Picture(12, 12))],
        [Tower(Picture(0, 12), [Pooling("maximum", 1, 1)])],
        [Tower(Picture(12, 12, divisor=0.0), [Pooling("maximum", 1, 1)])],
        [Tower(Picture(12, 12, divisor=float("nan")), [Pooling("maximum", 1, 1)])],
        [Tower(Numbers(-4), [Dense(np.zeros((2, 4), np.float32), FOUR[:2])])],
        [Tower(Picture(2**40, 2**40), [Pooling("maximum", 1, 1)])],
    ],
)
def test_inputs_that_cannot_be_are_refused(towers: list[Tower]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Policy(towers)


def test_the_core_itself_refuses_what_is_no_network() -> None:
    """It is asked by other ways than `Policy` too; nothing that it is given may bring the process down."""
    dense = ("dense", np.zeros((3, 2), np.float32), np.zeros(2, np.float32), "relu")
    kernel = ("convolution", np.zeros((3, 3, 1, 4), np.float32), np.zeros(4, np.float32), 1, False, "relu")
    good = [((1, 1, 3), 0.0, [dense])]
    _core.make_policy(good, [])
    broken: list[tuple[Any, Any]] = [
        ([], []),
        ([()], []),
        ([((1, 1), 0.0, [])], []),
        ([((1, 1, 2**63), 0.0, [])], []),
        ([((2**20, 2**20, 2**20), 1.0, [])], []),
        ([((1, 1, -3), 0.0, [dense])], []),
        ([((1, 1, 3), float("nan"), [dense])], []),
        ([((1, 1, 3), 0.0, [dense, kernel])], []),
        ([((1, 1, 3), 0.0, [()])], []),
        ([((1, 1, 3), 0.0, [("dense",)])], []),
        ([((1, 1, 4), 0.0, [dense])], []),
        ([((1, 1, 3), 0.0, ["dense"])], []),
        ([((2, 2, 1), 1.0, [kernel])], []),
        ([((9, 9, 1), 1.0, [(*kernel[:3], 2**62, True, "relu")])], []),
        ([((9, 9, 1), 1.0, [(*kernel[:3], 2**64, True, "relu")])], []),
        ([((9, 9, 1), 1.0, [("maximum", 2**62, 2**62)])], []),
        ([((9, 9, 1), 1.0, [("maximum", 2**33, 1)])], []),
        (good, [dense]),
        (good, [("dense", np.zeros((2, 2)), np.zeros(2, np.float32), "relu")]),
        (good, [("dense", np.full((2, 2), np.nan, np.float32), np.zeros(2, np.float32), "relu")]),
    ]
    for towers, trunk in broken:
        with pytest.raises((TypeError, ValueError)):
            _core.make_policy(towers, trunk)
