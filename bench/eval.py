"""How fast models are raced: whole evaluations as the portal runs them, many cars at once, and laps by camera."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click
import numpy as np

from bench.centre_line import CentreLine
from bench.learn import CARS, three_laps
from bench.rows import Row
from bench.track_choice import track_named, track_option
from sim.drive_rows import drive_until_done
from sim.driver import rollout_of
from sim.episode import EpisodeRules
from sim.evaluation import evaluate
from sim.model_folder import ModelFolder
from sim.track import Direction, Track
from sim.world import World

RUNS = 5
REAL_LAPS_PER_SECOND = 0.14
TEACHER = "fast"
"""The car whose model shows the camera networks how to drive."""


@click.command()
@track_option
@click.option("--car", default="fast", show_default=True, type=click.Choice(list(CARS)), help="Which car drives.")
@click.option("--laps", default=3, show_default=True, type=click.IntRange(1, 100))
def measure(track: str, car: str, laps: int) -> list[Row]:
    """Train a model until it completes three laps, then time its evaluation and its policy's driving."""
    circuit = track_named(track)
    with tempfile.TemporaryDirectory() as folder:
        model = _trained(car, circuit, Path(folder) / "model")
        times, result = [], None
        for _ in range(RUNS):
            start = time.perf_counter()
            rules = EpisodeRules.racing(laps=laps)
            result = evaluate(model, circuit, direction=Direction.COUNTERCLOCKWISE, rules=rules, seed=0)
            times.append(time.perf_counter() - start)
        assert result is not None  # noqa: S101  RUNS is not 0
        many = _many_cars(ModelFolder.read(model), circuit)
        laps_per_second = _laps_per_second(ModelFolder.read(model), circuit, laps)
        teacher = model if car == TEACHER else _trained(TEACHER, circuit, Path(folder) / "teacher")
        cameras = _camera_rows(ModelFolder.read(teacher), circuit)
    took = float(np.median(times))
    real_s = result.total_ms / 1000
    return [
        Row(f"evaluate, {laps} laps", took * 1000, "ms", "the same drive in real time:", real_s * 1000),
        Row("evaluate, one car", result.steps / took, "steps/s", "the real service:", 15.0),
        Row("policy and simulator, 256 cars", many, "steps/s", "the real service:", 15.0),
        Row("laps, 16 cars", laps_per_second, "laps/s", "the real service, at most:", REAL_LAPS_PER_SECOND),
        Row("size of the replay", float(len(result.trace.to_bytes())), "bytes", "goal: at most", 100_000.0),
        *cameras,
    ]


def _trained(car: str, track: Track, out: Path) -> Path:
    three_laps(CARS[car], track, seed=0, limit_s=120, reward=CentreLine(), out=out)
    return out


def _many_cars(folder: ModelFolder, track: Track) -> float:
    world = World(track.driven(Direction.COUNTERCLOCKWISE), 256, seed=0, rules=EpisodeRules(start="random"))
    rollout = rollout_of(folder.policy(), folder.car, world)
    best = 0.0
    for _ in range(RUNS):
        start = time.perf_counter()
        rollout.drive(200)
        best = max(best, 200 * world.cars / (time.perf_counter() - start))
    return best


def _laps_per_second(folder: ModelFolder, track: Track, laps: int) -> float:
    """Complete laps of 16 cars from evenly spaced starts in a second of processor time, the best of a few drives."""
    rules = EpisodeRules(laps=laps, continuous=track.closed, maximum_steps=2000, auto_reset=False)
    best = 0.0
    for _ in range(RUNS):
        world = World(track.driven(Direction.COUNTERCLOCKWISE), 16, seed=0, rules=rules)
        world.reset(None, np.arange(16) / 16 if track.closed else None)
        start = time.thread_time()
        driven = drive_until_done(rollout_of(folder.policy(), folder.car, world))
        best = max(best, sum(len(car.lap_ends) for car in driven) / (time.thread_time() - start))
    return best


def _camera_rows(teacher: ModelFolder, track: Track) -> list[Row]:
    """Laps by camera: the small network and DeepRacer's own, which have both learned to drive them from the model."""
    import torch

    from bench.camera_laps import Laps, best_of, real_cars, small_cars

    torch.set_num_threads(1)
    driven = track.driven(Direction.COUNTERCLOCKWISE)
    small, real = small_cars(driven, teacher), real_cars(driven, teacher)
    small.learn()
    real.learn()  # half a minute to a minute

    def laps(name: str, found: Laps, beside: str, value: float) -> Row:
        return Row(name, found.per_second, "laps/s", beside, value, count=found.complete, of=found.wanted)

    many, one = best_of(RUNS, lambda: small.native(16, 3)), best_of(RUNS, lambda: small.native(1, 3))
    many_torch, one_torch = best_of(2, lambda: small.by_torch(16, 1)), best_of(2, lambda: small.by_torch(1, 1))
    heavy = best_of(2, lambda: real.native(16, 1))
    heavy_torch = real.by_torch(16, 1)
    little, big = "camera 40x30, small network", "camera 160x120, 3-layer network"
    return [
        laps(f"{little}, 16 cars", many, "goal: at least", 400.0),
        laps(f"{little}, 16 cars", many, "torch, one thread, 16 cars:", many_torch.per_second),
        laps(f"{little}, one car", one, "torch, one car:", one_torch.per_second),
        Row(f"{little}, a lap", many.steps / many.complete / 15.0, "s driven"),
        laps(f"{big}, 16 cars", heavy, "goal: at least", 5.0),
        laps(f"{big}, 16 cars", heavy, "torch, one thread, 16 cars:", heavy_torch.per_second),
        *(
            Row(f"{name}: network alone, {count} at once", ours, "us/picture", "torch:", theirs)
            for name, cars in (("40x30", small), ("160x120", real))
            for count in (1, 16, 64)
            for ours, theirs in (cars.forward_us(count),)
        ),
    ]
