"""How fast the simulator steps: cars per call, threads, with and without LIDAR."""

from __future__ import annotations

import time

import click
import numpy as np

from bench.rows import Row
from bench.track_choice import track_named, track_option
from sim.episode import EpisodeRules
from sim.track import Direction
from sim.world import FEATURES, World

AIM = FEATURES.index("ahead_y_0.6m")
WINDOWS = 5
CASES = ((1, 1, False), (64, 1, False), (256, 1, False), (256, 2, False), (64, 1, True), (64, 2, True))
"""Cars, threads, LIDAR."""


@click.command()
@track_option
@click.option("--seconds", default=0.3, show_default=True, type=click.FloatRange(0.01, 60), help="Length of a window.")
def measure(track: str, seconds: float) -> list[Row]:
    """Steps per second of the native simulator, driven along the centre line; the best of five windows."""
    driven = track_named(track).driven(Direction.COUNTERCLOCKWISE)
    rows = []
    for cars, threads, lidar in CASES:
        world = World(driven, cars, seed=0, rules=EpisodeRules(start="random"), lidar=lidar, threads=threads)
        best = max(_window(world, seconds) for _ in range(WINDOWS))
        what = f"{cars} car{'s' if cars > 1 else ''}, {threads} thread{'s' if threads > 1 else ''}"
        beside = "the real simulator:"
        rows.append(Row(f"{what}{', LIDAR' if lidar else ''}", best, "steps/s", beside, 15.0))
    return rows


def _window(world: World, seconds: float) -> float:
    """Steps of cars per second, with steering that keeps most of them on the track."""
    actions = np.empty((world.cars, 2))
    actions[:, 1] = 1.0
    steps, start = 0, time.perf_counter()
    end = start
    while end - start < seconds:
        for _ in range(20):
            np.clip(60.0 * world.features[:, AIM], -30.0, 30.0, out=actions[:, 0])
            world.step(actions)
        steps += 20 * world.cars
        end = time.perf_counter()
    return steps / (end - start)
