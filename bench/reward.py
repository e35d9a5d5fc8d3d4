"""What a reward function costs: starting its sandbox, one call in batches of 64 cars, and its share of a training."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from bench.processor_time import spent_by_s, spent_s
from bench.rows import Row
from bench.track_choice import HELP, track_named
from jobs.sandbox import RewardProcess, check_reward_function
from jobs.sandbox.parameters import parameters_maker
from sim.presets import PRESETS
from sim.reward_examples import DEFAULT_EXAMPLE
from sim.reward_state import REWARD_STATE, RewardSource
from sim.reward_states import sample_reward_states
from sim.track import Direction, Track

CARS = 64
STEPS = 32
MEANWHILE_S = 0.3
"""Long enough for Python and the sandbox's own modules to load."""
HEADING = """
import math

def reward_function(params):
    previous, following = params["closest_waypoints"]
    (x0, y0), (x1, y1) = params["waypoints"][previous], params["waypoints"][following]
    off = abs(math.degrees(math.atan2(y1 - y0, x1 - x0)) - params["heading"])
    off = min(off, 360 - off)
    return max(0.001, 1 - off / 30) + params["speed"] / 4
"""
HISTORY = """
import math

class Line:
    def __init__(self):
        self.angles = []

    def smooth(self, angle):
        self.angles = [*self.angles[-4:], angle]
        return max(self.angles) - min(self.angles)

line = Line()

def reward_function(params):
    waypoints, (previous, following) = params["waypoints"], params["closest_waypoints"]
    (x0, y0), (x1, y1) = waypoints[previous], waypoints[(following + 2) % len(waypoints)]
    off = math.degrees(math.atan2(y1 - y0, x1 - x0)) - params["heading"]
    off = abs((off + 180) % 360 - 180)
    if not params["all_wheels_on_track"] or params["is_offtrack"]:
        return 1e-3
    reward = max(1e-3, 1 - params["distance_from_center"] / params["track_width"] * 2) + params["speed"] ** 2 / 16
    if line.smooth(params["steering_angle"]) > 20 or off > 30:
        reward *= 0.5
    return float(reward + (params["progress"] / params["steps"] if params["steps"] else 0))
"""
"""Geometry, a class, a memory of the last steps: what a racer writes after some weeks."""
FUNCTIONS = {"centre line": DEFAULT_EXAMPLE.code, "heading": HEADING, "history": HISTORY}


@click.command()
@click.option("--track", "name", default="paddock-oval", show_default=True, help=HELP)
@click.option("--repeats", default=60, show_default=True, help="Batches per figure: the best, and the median.")
@click.option("--trainings", default=3, show_default=True, help="Pairs of trainings, with and without the sandbox.")
def measure(name: str, repeats: int, trainings: int) -> list[Row]:
    """Reward functions in the sandbox."""
    track = track_named(name)
    rows = _starting(track)
    for label, code in FUNCTIONS.items():
        inside, plain = _per_call_us(track, code, repeats)
        beside = f"median of plain calls in this process: {statistics.median(plain):.2f}"
        median = round(statistics.median(inside), 2)
        rows.append(
            Row(f"{label}, per call", round(min(inside), 2), "µs", beside, median=median, clock="processor"),
        )
    return rows + _training(track, trainings)


def _starting(track: Track, repeats: int = 10) -> list[Row]:
    """Of a sandbox: by the wall clock, what of it is left where Python has loaded meanwhile, and processor time."""
    walls, left, spent, checks = [], [], [], []
    for loaded_s in [0.0, MEANWHILE_S] * repeats:
        began = time.perf_counter()
        with RewardProcess(DEFAULT_EXAMPLE.code) as process:
            time.sleep(loaded_s)
            asked = time.perf_counter()
            process.start(track, CARS)
            (left if loaded_s else walls).append(1e3 * (time.perf_counter() - (asked if loaded_s else began)))
            spent.append(1e3 * spent_by_s(process.pid))
        began = time.perf_counter()
        check_reward_function(DEFAULT_EXAMPLE.code, track, Direction.COUNTERCLOCKWISE)
        checks.append(1e3 * (time.perf_counter() - began))
    return [
        _best("sandbox start", walls, "wall"),
        _best(f"sandbox start, {MEANWHILE_S:g} s after it was asked to load", left, "wall"),
        _best("sandbox start", spent, "processor"),
        _best("reward check", checks, "wall"),
    ]


def _best(name: str, times_ms: list[float], clock: str) -> Row:
    return Row(name, round(min(times_ms), 1), "ms", median=round(statistics.median(times_ms), 1), clock=clock)


class PlainCalls:
    """A trusted function called in this process, each car in a namespace of its own: training without a sandbox."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._functions: list[Callable[[dict[str, Any]], float]] = []
        self._waypoints: list[tuple[float, float]] = []

    def start(self, track: Track, cars: int, objects: int = 0) -> None:
        """Execute the code once per car."""
        self._waypoints = [(x, y) for x, y in track.centre.tolist()]
        self._functions = []
        for _ in range(cars):
            namespace: dict[str, Any] = {}
            exec(self._code, namespace)  # noqa: S102 - our own text
            self._functions.append(namespace["reward_function"])

    def rewards(self, states: NDArray[np.float64], cars: NDArray[np.int32]) -> NDArray[np.float64]:
        """One call after the other."""
        make, functions = parameters_maker(REWARD_STATE, states, self._waypoints), self._functions
        return np.array([functions[car](make(row)) for row, car in enumerate(cars.tolist())])

    def close(self) -> None:
        """Nothing to let go of."""


def _per_call_us(track: Track, code: str, repeats: int) -> tuple[list[float], list[float]]:
    """Processor time of a call: both processes' of one in the sandbox, and as a plain call in this process."""
    states = sample_reward_states(track, Direction.COUNTERCLOCKWISE, CARS * STEPS, 0)
    cars = np.tile(np.arange(CARS, dtype=np.int32), STEPS)
    inside, plain = [], []
    calls = PlainCalls(code)
    calls.start(track, CARS)
    with RewardProcess(code) as process:
        process.start(track, CARS)
        for _ in range(repeats):
            began = time.process_time() + spent_by_s(process.pid)
            process.rewards(states, cars)
            inside.append(time.process_time() + spent_by_s(process.pid) - began)
            began = time.process_time()
            calls.rewards(states, cars)
            plain.append(time.process_time() - began)
    return [1e6 * spent / len(states) for spent in inside], [1e6 * spent / len(states) for spent in plain]


def _training(track: Track, pairs: int) -> list[Row]:
    """What the sandbox adds to the same training, which drives the same steps with it and without."""
    rows = []
    for name in ("fast", "camera"):
        _train(name, track, nullcontext(PlainCalls(HISTORY)), 0, 1)  # pays for imports
        ratios, walls = [], []
        for seed in range(pairs):
            plain = _train(name, track, nullcontext(PlainCalls(HISTORY)), seed, 10)
            inside = _train(name, track, RewardProcess(HISTORY), seed, 10)
            ratios.append(100 * (inside[0] / plain[0] - 1))
            walls.append(100 * (inside[1] / plain[1] - 1))
        rows.append(
            Row(
                f"{name}, 10 iterations, more by the sandbox",
                round(statistics.median(ratios), 1),
                "%",
                "goal: at most",
                15.0,
                clock="processor",
                by_wall_clock=round(statistics.median(walls), 1),
            )
        )
    return rows


def _train(
    preset: str, track: Track, source: AbstractContextManager[RewardSource], seed: int, iterations: int
) -> tuple[float, float]:
    """Seconds of processor time, the sandbox's with its start included, and by the clock on the wall."""
    from sim.learning.training import TrainingConfig, train

    chosen = PRESETS[preset]
    config = TrainingConfig(
        track=track,
        direction=Direction.COUNTERCLOCKWISE,
        car=chosen.car,
        hyperparameters=chosen.hyperparameters,
        reward_code="",
        seed=seed,
        limit_ms=600_000,
    )
    with tempfile.TemporaryDirectory() as out:
        wall, began = time.perf_counter(), spent_s()
        with source as reward:
            train(config, reward=reward, out=Path(out), maximum_iterations=iterations)
        return spent_s() - began, time.perf_counter() - wall
