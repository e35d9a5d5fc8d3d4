"""How long Stable-Baselines3 takes on our environment to the goal that `paddock bench learn` measures."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from bench.centre_line import CentreLine
from bench.lap_runs import Run, Stopwatch, rows_of
from bench.peers import PeerFailed, install_into
from bench.rows import Row
from bench.track_choice import track_named, track_option
from paddock.failures import PartMissing
from sim.episode import EpisodeRules
from sim.learning.trial import LAPS, MOST_STEPS, STARTS
from sim.presets import PRESETS, Preset
from sim.sensors import PADDOCK_CAMERA, PADDOCK_CAMERA_40X30, TRACK_FEATURES, SensorKind
from sim.track import Direction, Track
from sim.vector_env import RacingVectorEnv

SENSORS = {TRACK_FEATURES.name: "features", PADDOCK_CAMERA_40X30.name: "camera-40x30"}
PACKAGE = "stable-baselines3==2.9.2"


@dataclass(frozen=True)
class Baseline:
    """An algorithm of Stable-Baselines3 with its settings, how many cars it has, and how many steps lie between two
    evaluations at least."""

    name: str
    algorithm: str
    cars: int
    between: int
    settings: dict[str, Any] = field(default_factory=dict)


BASELINES: dict[str, tuple[Baseline, ...]] = {
    "fast": (
        Baseline("PPO, its defaults", "PPO", 8, 2048),
        Baseline(
            "PPO, settings for many cars",
            "PPO",
            64,
            2048,
            {
                "n_steps": 32,
                "batch_size": 1024,
                "n_epochs": 4,
                "gamma": 0.97,
                "gae_lambda": 0.9,
                "learning_rate": 2e-3,
            },
        ),
    ),
    "camera": (
        Baseline("PPO, its defaults", "PPO", 8, 2048),
        Baseline(
            "PPO, settings for many cars",
            "PPO",
            40,
            1280,
            {"n_steps": 32, "batch_size": 256, "n_epochs": 3, "gamma": 0.97, "learning_rate": 1e-3},
        ),
    ),
    "sac": (
        Baseline("SAC, its defaults", "SAC", 1, 512),
        Baseline(
            "SAC, settings for many cars",
            "SAC",
            20,
            640,
            {"train_freq": 1, "gradient_steps": 8, "gamma": 0.97, "learning_rate": 1e-3},
        ),
    ),
}
"""For each preset that has one beside it. The network over pictures is that of the preset."""


@click.command()
@track_option
@click.option("--preset", default="fast", show_default=True, type=click.Choice(list(BASELINES)), help="What drives.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 1000), help="Runs.")
@click.option("--limit", "limit_s", default=120.0, show_default=True, help="Seconds that a run may take.")
def measure(track: str, preset: str, seeds: int, limit_s: float) -> list[Row]:
    """Time to three clean laps from each of 16 starts with Stable-Baselines3, in the car of a preset; imports are not
    counted. It is installed for this run where it is missing.

    `paddock bench learn --peers` measures it beside Paddock's own.
    """
    circuit = track_named(track)
    rows = []
    with installed():
        for baseline in BASELINES[preset]:
            runs = [three_laps(baseline, PRESETS[preset], circuit, seed, limit_s) for seed in range(seeds)]
            rows += rows_of(f"{circuit.name}, {preset}, Stable-Baselines3 {baseline.name}", runs)
    return rows


@contextmanager
def installed() -> Iterator[None]:
    """Stable-Baselines3 can be imported: it is here, or comes into a folder that is thrown away, without the libraries
    that it asks for, which are here. PartMissing where it cannot be had."""
    try:
        import stable_baselines3  # noqa: F401
    except ModuleNotFoundError:
        with tempfile.TemporaryDirectory(prefix="paddock-baselines-") as folder:
            try:
                install_into(Path(folder), PACKAGE)
            except PeerFailed as failure:
                raise PartMissing(f"Stable-Baselines3 is not here and cannot be installed: {failure}") from None
            sys.path.append(folder)
            try:
                yield
            finally:
                sys.path.remove(folder)
        return
    yield


def three_laps(
    baseline: Baseline,
    preset: Preset,
    track: Track,
    seed: int,
    limit_s: float,
    direction: Direction = Direction.COUNTERCLOCKWISE,
) -> Run:
    """Train until an evaluation completes, or the time is over. The reward is the default function's rule, computed
    for all cars at once, which costs less than the sandbox does."""
    import stable_baselines3
    import torch

    pictures = preset.car.sensors[0].kind is SensorKind.CAMERA
    torch.set_num_threads(1)  # networks this small gain at most a fifth by two, which wait for each other by spinning
    watch = Stopwatch()
    cars = _cars(preset, track, direction, baseline.cars, autoreset_mode="SameStep")
    cars.seed(seed)
    shape = {"policy_kwargs": _shape_of(preset)} if pictures else {}
    learner = getattr(stable_baselines3, baseline.algorithm)
    model = learner("MlpPolicy", cars, seed=seed, device="cpu", **shape, **baseline.settings)
    success = False
    while not success and time.perf_counter() - watch.wall_s < limit_s:
        model.learn(baseline.between, reset_num_timesteps=False)
        success = _drives_three_laps(model, preset, track, direction)
    return watch.stop(model.num_timesteps, success)


def _cars(preset: Preset, track: Track, direction: Direction, count: int, **settings: Any) -> Any:
    from bench.baseline_cars import BaselineCars

    car = preset.car
    envs = RacingVectorEnv(
        track,
        count,
        direction=direction,
        sensor=SENSORS[car.sensors[0].name],
        actions=car.action_space,
        reward=_rewards,
        copy=False,
        **settings,
    )
    return BaselineCars(envs, preset.hyperparameters.stack_size)


def _rewards(states: NDArray[np.float64]) -> NDArray[np.float64]:
    return CentreLine().rewards(states, np.arange(len(states), dtype=np.int32))


def _shape_of(preset: Preset) -> dict[str, Any]:
    """The preset's network over pictures: what is here is the small one."""
    from torch import nn

    from bench.baseline_cars import SmallTower

    assert preset.car.neural_network == PADDOCK_CAMERA.name  # noqa: S101  no other preset has one beside it
    return {"features_extractor_class": SmallTower, "net_arch": [], "activation_fn": nn.ReLU}


def _drives_three_laps(model: Any, preset: Preset, track: Track, direction: Direction) -> bool:
    """From each of the starts, with its most likely actions."""
    rules = EpisodeRules.racing(laps=LAPS, maximum_resets=0, maximum_steps=MOST_STEPS)
    cars = _cars(preset, track, direction, STARTS, rules=rules, autoreset_mode="Disabled")
    cars.seed(0)
    seen = cars.reset(options={"start": np.arange(STARTS) / STARTS})
    world = cars.cars.world
    while not world.done.all():
        if (world.done & (world.lap < LAPS)).any():
            return False  # one that is out is enough to know
        cars.step_async(model.predict(seen, deterministic=True)[0])
        seen = cars.step_wait()[0]
    return bool((world.lap == LAPS).all())
