"""How fast a model is raced: whole evaluations as the portal runs them, and many cars of one policy at once."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click
import numpy as np

from bench.learn import CARS, CentreLine, three_laps
from bench.rows import Row
from bench.track_choice import track_named, track_option
from sim.driver import rollout_of
from sim.episode import EpisodeRules
from sim.evaluation import evaluate
from sim.model_folder import ModelFolder
from sim.track import Direction, Track
from sim.world import World

RUNS = 5


@click.command()
@track_option
@click.option("--car", default="fast", show_default=True, type=click.Choice(list(CARS)), help="Which car drives.")
@click.option("--laps", default=3, show_default=True, type=click.IntRange(1, 100))
def measure(track: str, car: str, laps: int) -> list[Row]:
    """Train a model until it completes three laps, then time its evaluation and its policy's driving."""
    circuit = track_named(track)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder)
        three_laps(CARS[car], circuit, seed=0, limit_s=120, reward=CentreLine(), out=model)
        times, result = [], None
        for _ in range(RUNS):
            start = time.perf_counter()
            rules = EpisodeRules.racing(laps=laps)
            result = evaluate(model, circuit, direction=Direction.COUNTERCLOCKWISE, rules=rules, seed=0)
            times.append(time.perf_counter() - start)
        assert result is not None  # noqa: S101  RUNS is not 0
        many = _many_cars(ModelFolder.read(model), circuit)
    took = float(np.median(times))
    real_s = result.total_ms / 1000
    return [
        Row(f"evaluate, {laps} laps", took * 1000, "ms", "the same drive in real time:", real_s * 1000),
        Row("evaluate, one car", result.steps / took, "steps/s", "the real service:", 15.0),
        Row("policy and simulator, 256 cars", many, "steps/s", "the real service:", 15.0),
        Row("size of the replay", float(len(result.trace.to_bytes())), "bytes", "goal: at most", 100_000.0),
    ]


def _many_cars(folder: ModelFolder, track: Track) -> float:
    world = World(track.driven(Direction.COUNTERCLOCKWISE), 256, seed=0, rules=EpisodeRules(start="random"))
    rollout = rollout_of(folder.policy(), folder.car, world)
    best = 0.0
    for _ in range(RUNS):
        start = time.perf_counter()
        rollout.drive(200)
        best = max(best, 200 * world.cars / (time.perf_counter() - start))
    return best
