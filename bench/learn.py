"""How long it takes from the call of `train` to a policy that completes three clean laps from each of 16 starts."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from bench.baselines import BASELINES, installed
from bench.baselines import three_laps as baseline_run
from bench.centre_line import CentreLine
from bench.lap_runs import Run, Stopwatch, rows_of
from bench.rows import Row
from bench.track_choice import HELP, track_named
from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.presets import PRESETS, Preset
from sim.reward_examples import DEFAULT_EXAMPLE
from sim.reward_state import RewardSource
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
GOAL_AHEAD = 4.0
"""How many times as long Stable-Baselines3 is to take."""
WARM_S = 0.5
"""How long the run is that loads what a worker has loaded."""


@click.command()
@click.option("--track", "tracks", multiple=True, default=("paddock-oval",), show_default=True, help=f"{HELP} Several.")
@click.option(
    "--direction",
    default="counterclockwise",
    type=click.Choice([str(way) for way in Direction]),
    help="Which way round.",
)
@click.option("--car", default="default", show_default=True, type=click.Choice(list(CARS)), help="What drives.")
@click.option("--preset", type=click.Choice(list(PRESETS)), help="A car with hyperparameters of its own, instead.")
@click.option("--seeds", default=10, show_default=True, type=click.IntRange(1, 1000), help="Runs on each track.")
@click.option("--limit", "limit_s", default=120.0, show_default=True, help="Seconds after which a run has failed.")
@click.option("--sandbox/--no-sandbox", default=True, show_default=True, help="The reward function in its own process.")
@click.option("--peers", is_flag=True, help="Stable-Baselines3 beside it, seed by seed; --preset fast, camera or sac.")
def measure(
    tracks: tuple[str, ...],
    direction: str,
    car: str,
    preset: str | None,
    seeds: int,
    limit_s: float,
    sandbox: bool,
    peers: bool,
) -> list[Row]:
    """Time to three clean laps from each of 16 starts, over seeds, with the default reward function.

    A --car learns with the default hyperparameters. With several tracks there is a row for all of them together.
    """
    if peers and preset not in BASELINES:
        raise click.UsageError(f"--peers needs a --preset that has one beside it: {', '.join(BASELINES)}")
    chosen = PRESETS[preset] if preset else Preset(CARS[car], Hyperparameters(), "")
    way = Direction(direction)
    baselines = BASELINES[preset] if peers and preset else ()
    rows: list[Row] = []
    everything: list[Run] = []
    with installed() if peers else nullcontext():
        for track in tracks:
            circuit = track_named(track)
            _one(chosen, circuit, way, 0, WARM_S, sandbox)  # pays for imports; a worker has them loaded
            own: list[Run] = []
            beside: dict[str, list[Run]] = {baseline.name: [] for baseline in baselines}
            for seed in range(seeds):
                own.append(_one(chosen, circuit, way, seed, limit_s, sandbox))
                for baseline in baselines:
                    beside[baseline.name].append(baseline_run(baseline, chosen, circuit, seed, limit_s, way))
            what = f"{circuit.name} {direction}, {preset or car}"
            rows += rows_of(what, own, GOALS_S[preset] if preset else CAR_GOALS_S)
            for name, runs in beside.items():
                rows += rows_of(f"{what}, Stable-Baselines3 {name}", runs)
            rows += _ratio(what, own, list(beside.values()))
            everything += own
    if len(tracks) > 1:
        rows += rows_of(f"all {len(tracks)} tracks, {preset or car}", everything)
    return rows


def _ratio(what: str, own: list[Run], beside: list[list[Run]]) -> list[Row]:
    """How many times as long the fastest of the others takes; that of one that failed is no more than a lower bound."""
    if not beside:
        return []
    rows = []
    for clock in ("wall", "processor"):
        mine, *theirs = (np.median([getattr(run, f"{clock}_s") for run in runs]) for runs in (own, *beside))
        rows.append(
            Row(
                f"{what}: fastest Stable-Baselines3 / Paddock",
                float(min(theirs) / mine),
                "times",
                "goal: at least",
                GOAL_AHEAD,
                clock=clock,
            )
        )
    return rows


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
        seed=seed,
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


def _one(preset: Preset, track: Track, direction: Direction, seed: int, limit_s: float, sandbox: bool) -> Run:
    from jobs.sandbox import RewardProcess

    with tempfile.TemporaryDirectory() as out:
        watch = Stopwatch()
        with RewardProcess(DEFAULT_EXAMPLE.code) if sandbox else nullcontext(CentreLine()) as source:
            result, driven = three_laps(
                preset.car,
                track,
                seed=seed,
                limit_s=limit_s,
                reward=source,
                out=Path(out),
                direction=direction,
                hyperparameters=preset.hyperparameters,
            )
        return watch.stop(result.steps, driven)
