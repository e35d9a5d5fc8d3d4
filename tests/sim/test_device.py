"""Where torch learns. There is no GPU where the tests run: the decision is tested with a faked answer of torch's, and
that nothing of a training is left on the processor with torch's device `meta`, which has no numbers and refuses to be
mixed with others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sim.car import Car
from sim.layers import Picture
from sim.learning import training
from sim.learning.device import DEVICES, DeviceChoice, NoGpu, chosen_device, multiply_adds
from sim.learning.training import train
from sim.network_layout import layout_of, network_layout
from sim.presets import PRESETS
from sim.sensors import FRONT_FACING_CAMERA, NETWORKS, SHALLOW_CNN
from tests.sim.centre_line import CentreLine, configuration

CAMERA, REAL_CAMERA = PRESETS["camera"].car, PRESETS["deepracer"].car
DEEP_CAMERA = replace(REAL_CAMERA, neural_network="DEEP_CONVOLUTIONAL_NETWORK_DEEP")


@pytest.mark.parametrize(
    ("car", "asked", "there", "taken"),
    [
        (REAL_CAMERA, "auto", True, "cuda"),
        (DEEP_CAMERA, "auto", True, "cuda"),
        (REAL_CAMERA, "auto", False, "cpu"),
        (REAL_CAMERA, "cpu", True, "cpu"),
        (CAMERA, "auto", True, "cpu"),
        (CAMERA, "cuda", True, "cuda"),
        (Car.default(), "auto", True, "cpu"),
        (Car.default(), "cuda", True, "cuda"),
    ],
)
def test_a_gpu_is_taken_where_there_is_one_and_it_helps(
    car: Car, asked: DeviceChoice, there: bool, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: there)
    assert chosen_device(asked, layout_of(car)).type == taken


def test_a_gpu_that_is_not_there_is_a_plain_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(NoGpu, match="torch sees no GPU here; leave the device to `auto`"):
        train(configuration(), reward=CentreLine(), out=tmp_path / "model", device="cuda")
    assert not (tmp_path / "model").exists()


def test_small_networks_do_not_even_ask_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking wakes CUDA, which takes a process a good part of a second."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: pytest.fail("it asked"))
    assert chosen_device("auto", layout_of(Car.default())).type == "cpu"
    assert DEVICES == ("auto", "cpu", "cuda")


def test_multiply_adds_are_those_of_the_layers() -> None:
    """The 3-layer CNN, counted by hand: 39 x 29, 18 x 13 and 16 x 11 places, then 512 and 10 outputs."""
    layout = network_layout(
        NETWORKS[SHALLOW_CNN.name], [(FRONT_FACING_CAMERA, Picture(120, 160))], 10, continuous=False
    )
    places = 39 * 29 * 32 * 8 * 8 + 18 * 13 * 64 * 32 * 4 * 4 + 16 * 11 * 64 * 64 * 3 * 3
    assert multiply_adds(layout) == places + 16 * 11 * 64 * 512 + 512 * 10


def on_meta(plain: Callable[..., Any], instead: Callable[[torch.Tensor], Any]) -> Callable[..., Any]:
    return lambda tensor: instead(tensor) if tensor.is_meta else plain(tensor)


@pytest.mark.parametrize("preset", ["fast", "camera", "sac"])
def test_all_that_learns_lies_on_the_device_and_all_that_drives_does_not(
    preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "chosen_device", lambda *_: torch.device("meta"))
    monkeypatch.setattr(
        torch.Tensor, "cpu", on_meta(torch.Tensor.cpu, lambda meta: torch.zeros(meta.shape, dtype=meta.dtype))
    )
    monkeypatch.setattr(torch.Tensor, "__float__", on_meta(torch.Tensor.__float__, lambda _: 1.0))
    monkeypatch.setattr(torch.Tensor, "__bool__", on_meta(torch.Tensor.__bool__, lambda _: True))
    chosen = PRESETS[preset]
    config = replace(configuration(chosen.car), hyperparameters=chosen.hyperparameters)
    first = train(config, reward=CentreLine(), out=tmp_path, maximum_iterations=3)
    assert (first.iterations, first.device) == (3, "meta")
    assert train(config, reward=CentreLine(), out=tmp_path, maximum_iterations=4, resume=True).iterations == 4
