"""What a reward function costs: starting its sandbox, and one call in batches of 64 cars."""

from __future__ import annotations

import time

import click
import numpy as np

from bench.rows import Row
from bench.track_choice import HELP, track_named
from jobs.sandbox import RewardProcess, check_reward_function
from jobs.sandbox.parameters import parameters_maker
from sim.reward_examples import DEFAULT_EXAMPLE
from sim.reward_state import REWARD_STATE
from sim.reward_states import sample_reward_states
from sim.track import Direction, Track

CARS = 64
STEPS = 32
HEADING = """
import math

def reward_function(params):
    previous, following = params["closest_waypoints"]
    (x0, y0), (x1, y1) = params["waypoints"][previous], params["waypoints"][following]
    off = abs(math.degrees(math.atan2(y1 - y0, x1 - x0)) - params["heading"])
    off = min(off, 360 - off)
    return max(0.001, 1 - off / 30) + params["speed"] / 4
"""


@click.command()
@click.option("--track", "name", default="paddock-oval", show_default=True, help=HELP)
@click.option("--repeats", default=20, show_default=True, help="Batches per figure; the best one counts.")
def measure(name: str, repeats: int) -> list[Row]:
    """Reward functions in the sandbox."""
    track = track_named(name)
    rows = _starting(track)
    for label, code in (("centre line", DEFAULT_EXAMPLE.code), ("heading", HEADING)):
        inside, plain = _per_call_us(track, code, repeats)
        rows.append(Row(f"{label}, per call", round(inside, 2), "µs", f"{plain:.2f} µs as a plain call"))
    return rows


def _starting(track: Track) -> list[Row]:
    began = time.perf_counter()
    with RewardProcess(DEFAULT_EXAMPLE.code) as process:
        process.start(track, CARS)
        start_ms = (time.perf_counter() - began) * 1e3
    began = time.perf_counter()
    check_reward_function(DEFAULT_EXAMPLE.code, track, Direction.COUNTERCLOCKWISE)
    check_ms = (time.perf_counter() - began) * 1e3
    return [Row("sandbox start", round(start_ms, 1), "ms"), Row("reward check", round(check_ms, 1), "ms")]


def _per_call_us(track: Track, code: str, repeats: int) -> tuple[float, float]:
    """Best time of one call in the sandbox, and as a plain call in this process."""
    states = sample_reward_states(track, Direction.COUNTERCLOCKWISE, CARS * STEPS, 0)
    cars = np.tile(np.arange(CARS, dtype=np.int32), STEPS)
    inside, plain = [], []
    namespace: dict[str, object] = {}
    exec(code, namespace)  # noqa: S102 - our own text
    function, make = namespace["reward_function"], parameters_maker(REWARD_STATE)
    waypoints = [(x, y) for x, y in track.centre.tolist()]
    with RewardProcess(code) as process:
        process.start(track, CARS)
        for _ in range(repeats):
            began = time.perf_counter()
            process.rewards(states, cars)
            inside.append(time.perf_counter() - began)
            began = time.perf_counter()
            for row in states.tolist():
                function(make(row, waypoints))  # type: ignore[operator]
            plain.append(time.perf_counter() - began)
    return min(inside) / len(states) * 1e6, min(plain) / len(states) * 1e6
