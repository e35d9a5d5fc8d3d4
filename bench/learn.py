"""How long it takes from the call of `train` to a policy that completes three clean laps from each of 16 starts."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from numpy.typing import NDArray

from bench.rows import Row
from bench.track_choice import track_named, track_option
from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.presets import PRESETS, Preset
from sim.reward_state import COLUMN, RewardSource
from sim.sensors import LIDAR, TRACK_FEATURES
from sim.track import Direction, Track

if TYPE_CHECKING:
    from sim.learning.reports import IterationReport, TrainingResult

CARS: dict[str, Car] = {
    "default": Car.default(),
    "quick": Car((TRACK_FEATURES,), "PADDOCK_SMALL", DiscreteActionSpace.grid(5, 30.0, 2, 2.0)),
    "fast": Car((TRACK_FEATURES,), "PADDOCK_SMALL", ContinuousActionSpace(-30.0, 30.0, 0.5, 3.0)),
    "fastest": Car((TRACK_FEATURES,), "PADDOCK_SMALL", ContinuousActionSpace(-30.0, 30.0, 0.5, 4.0)),
    "lidar": Car((LIDAR,), "PADDOCK_SMALL", DiscreteActionSpace.default()),
    "lidar-fast": Car((LIDAR,), "PADDOCK_SMALL", ContinuousActionSpace(-30.0, 30.0, 0.5, 2.0)),
}
"""Cars to choose from: the default (10 actions, 0.4 and 0.8 m/s), 10 actions at 1 and 2 m/s, continuous up to 3 and
4 m/s, and LIDAR with the default actions or continuous up to 2 m/s."""

GOALS_S: dict[str, tuple[float, float]] = {
    "fast": (2.0, 4.0),
    "camera": (8.0, 20.0),
    "deepracer": (60.0, 120.0),
    "sac": (15.0, 40.0),
}
"""Median and 95th percentile that each preset is to stay below on `reinvent_base`, two quiet cores."""
CAR_GOALS_S = (120.0, 120.0)
"""Two minutes from pressing Train to three clean laps of an own oval, with any car."""


@click.command()
@track_option
@click.option(
    "--direction",
    default="counterclockwise",
    type=click.Choice([str(way) for way in Direction]),
    help="Which way round.",
)
@click.option("--car", default="default", show_default=True, type=click.Choice(list(CARS)), help="What drives.")
@click.option("--preset", type=click.Choice(list(PRESETS)), help="A car with hyperparameters of its own, instead.")
@click.option("--seeds", default=10, show_default=True, type=click.IntRange(1, 1000), help="Runs.")
@click.option("--limit", "limit_s", default=120.0, show_default=True, help="Seconds after which a run has failed.")
@click.option("--sandbox/--no-sandbox", default=True, show_default=True, help="The reward function in its own process.")
def measure(
    track: str, direction: str, car: str, preset: str | None, seeds: int, limit_s: float, sandbox: bool
) -> list[Row]:
    """Time to three clean laps from each of 16 starts, over seeds, with the default reward function.

    A --car learns with the default hyperparameters.
    """
    circuit = track_named(track)
    chosen = PRESETS[preset] if preset else Preset(CARS[car], Hyperparameters(), "")
    times: list[float] = []
    steps: list[int] = []
    failures = 0
    for seed in range(-1, seeds):
        start = time.perf_counter()
        result, driven = _one(chosen, circuit, Direction(direction), seed, limit_s, sandbox)
        if seed < 0:
            continue  # the first run pays for imports; a worker has them loaded
        times.append(time.perf_counter() - start)
        steps.append(result.steps)
        failures += not driven
    beside = "goal: at most"
    goal_s, latest_s = GOALS_S[preset] if preset else CAR_GOALS_S
    what = f"{circuit.name} {direction}, {preset or car}"
    return [
        Row(f"{what}: median", float(np.median(times)), "s", beside, goal_s),
        Row(f"{what}: 95th percentile", float(np.percentile(times, 95)), "s", beside, latest_s),
        Row(f"{what}: failures", float(failures), f"of {seeds} seeds", "goal: at most", 0.0),
        Row(f"{what}: median steps", float(np.median(steps)), "steps", "real service: 15 a second"),
    ]


class CentreLine:
    """The default function's rule in this process, to see what the sandbox costs."""

    def start(self, track: Track, cars: int, objects: int = 0) -> None:
        """Nothing to prepare."""

    def rewards(self, states: NDArray[np.float64], cars: NDArray[np.int32]) -> NDArray[np.float64]:
        """1, 0.5, 0.1 or 0.001 by the distance from the centre line."""
        share = states[:, COLUMN["distance_from_center"]] / states[:, COLUMN["track_width"]]
        return np.select([share <= 0.1, share <= 0.25, share <= 0.5], [1.0, 0.5, 0.1], 1e-3)

    def close(self) -> None:
        """Nothing to let go of."""


def three_laps(
    car: Car,
    track: Track,
    *,
    seed: int,
    limit_s: float,
    reward: RewardSource,
    out: Path,
    direction: Direction = Direction.COUNTERCLOCKWISE,
    hyperparameters: Hyperparameters | None = None,
) -> tuple[TrainingResult, bool]:
    """Train until an evaluation completes; gives the result and whether it did."""
    from sim.learning.training import TrainingConfig, train

    reports: list[IterationReport] = []
    config = TrainingConfig(
        track=track,
        direction=direction,
        car=car,
        hyperparameters=hyperparameters or Hyperparameters(),
        reward_code="",
        seed=max(0, seed),
        limit_ms=round(limit_s * 1000),
    )
    result = train(
        config,
        reward=reward,
        out=out,
        on_iteration=reports.append,
        should_stop=lambda: bool(reports) and reports[-1].evaluation_completion >= 100.0,
    )
    return result, result.evaluation_completion >= 100.0


def _one(
    preset: Preset, track: Track, direction: Direction, seed: int, limit_s: float, sandbox: bool
) -> tuple[TrainingResult, bool]:
    with tempfile.TemporaryDirectory() as out:

        def run(source: RewardSource) -> tuple[TrainingResult, bool]:
            return three_laps(
                preset.car,
                track,
                seed=seed,
                limit_s=limit_s,
                reward=source,
                out=Path(out),
                direction=direction,
                hyperparameters=preset.hyperparameters,
            )

        if not sandbox:
            return run(CentreLine())
        from jobs.sandbox import RewardProcess
        from sim.reward_examples import DEFAULT_EXAMPLE

        with RewardProcess(DEFAULT_EXAMPLE.code) as process:
            return run(process)
