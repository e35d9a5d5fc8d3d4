"""How fast the simulator steps: cars per call, threads, with and without LIDAR and cameras."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from functools import partial

import click
import numpy as np

from bench.peers import PEERS, rows_of
from bench.rows import Row
from bench.start_up import start_up
from bench.track_choice import track_named, track_option
from sim.camera import Camera
from sim.episode import EpisodeRules
from sim.objects import Bots, Boxes, TrackObjects
from sim.sensors import FRONT_FACING_CAMERA, PADDOCK_CAMERA_40X30, STEREO_CAMERAS
from sim.track import Direction
from sim.world import FEATURES, World

AIM = FEATURES.index("ahead_y_0.6m")
WINDOWS = 150


@dataclass(frozen=True)
class Case:
    """One row: what is stepped, and what stands beside its figure."""

    cars: int
    threads: int = 1
    lidar: bool = False
    camera: Camera | None = None
    boxes: int = 0
    bots: int = 0
    beside: str = "the real simulator:"
    beside_value: float = 15.0

    def name(self) -> str:
        """In words."""
        parts = [
            f"{self.cars} car{'s' if self.cars > 1 else ''}, {self.threads} thread{'s' if self.threads > 1 else ''}"
        ]
        if self.lidar:
            parts.append("LIDAR")
        if self.camera is not None:
            parts.append(_CAMERA_NAMES[self.camera.sensor])
        if self.boxes:
            parts.append(f"walls, {self.boxes} boxes" if self.camera else f"{self.boxes} boxes")
        if self.bots:
            parts.append(f"{self.bots} bots")
        return ", ".join(parts)

    def objects(self) -> TrackObjects | None:
        """What each car meets."""
        if self.bots:
            return Bots(self.bots)
        return Boxes(self.boxes, minimum_gap_m=1.0) if self.boxes else None


_CAMERA_NAMES = {
    FRONT_FACING_CAMERA.name: "camera 160x120",
    PADDOCK_CAMERA_40X30.name: "camera 40x30",
    STEREO_CAMERAS.name: "stereo 2x160x120",
}
_of_64 = partial(Case, 64, beside="goal:")
_of_256 = partial(Case, 256, beside="goal:")
CASES = (
    Case(1),
    Case(64),
    _of_256(beside_value=4_000_000.0),
    Case(256, 2),
    _of_64(lidar=True, beside_value=600_000.0),
    _of_256(lidar=True, beside_value=600_000.0),
    Case(256, 2, lidar=True),
    Case(256, boxes=3),
    Case(256, bots=3),
    _of_64(camera=Camera(), beside_value=60_000.0),
    _of_64(camera=Camera(look="arena"), boxes=6, beside_value=60_000.0),
    _of_64(camera=Camera(PADDOCK_CAMERA_40X30.name), beside_value=200_000.0),
    Case(64, camera=Camera(STEREO_CAMERAS.name)),
)


@click.command()
@track_option
@click.option("--seconds", default=0.01, show_default=True, type=click.FloatRange(0.01, 60), help="Length of a window.")
@click.option("--peers", is_flag=True, help="Install other simulators apart and measure them too; takes minutes.")
def measure(track: str, seconds: float, peers: bool) -> list[Row]:
    """Steps per second of the native simulator, driven along the centre line: best and median of many short windows.

    A second is one of processor time, of all threads together, so that other work on the machine only takes windows
    away: with two threads the figure is that of each core, and what the clock on the wall says of the same best window
    stands beside it.
    """
    driven = track_named(track).driven(Direction.COUNTERCLOCKWISE)
    rows = []
    for case in CASES:
        world = World(
            driven,
            case.cars,
            seed=0,
            rules=EpisodeRules(start="random"),
            lidar=case.lidar,
            camera=case.camera,
            objects=case.objects(),
            threads=case.threads,
        )
        windows = [_window(world, seconds) for _ in range(WINDOWS)]
        best, by_wall_clock = max(windows)
        median = statistics.median(window for window, _ in windows)
        rows.append(
            Row(
                case.name(),
                best,
                "steps/s",
                case.beside,
                case.beside_value,
                median=median,
                clock="processor",
                by_wall_clock=by_wall_clock,
            )
        )
    rows += start_up()
    for name in PEERS if peers else ():
        rows += rows_of(name, max(seconds, 1.0))
    return rows


def _window(world: World, seconds: float) -> tuple[float, float]:
    """Steps of cars per second of processor time and by the clock on the wall, with steering that keeps most of them on
    the track; the core clips it."""
    actions = np.empty((world.cars, 2))
    actions[:, 1] = 1.0
    aims = world.features[:, AIM]
    steering = actions[:, 0]
    steps, wall_start, start = 0, time.perf_counter(), time.process_time()
    end = start
    while end - start < seconds:
        for _ in range(20):
            np.multiply(aims, 60.0, out=steering)
            world.step(actions)
        steps += 20 * world.cars
        end = time.process_time()
    return steps / (end - start), steps / (time.perf_counter() - wall_start)
