"""One other simulator, driven with random or constant actions: steps in a second of processor time.

Run by the Python of the peer's own environment, so that it knows nothing of Paddock:

    python bench/peer_worlds.py NAME --seconds 2

prints {"NAME of a figure": steps per second of one core, ...} as JSON. Each figure is the best of three windows.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from typing import Any

WINDOWS = 3
Figures = dict[str, float]


def best(step: Callable[[], int], seconds: float) -> float:
    """Steps per processor second; `step` makes some and says how many."""
    found = 0.0
    for _ in range(WINDOWS):
        steps, start = 0, time.process_time()
        now = start
        while now - start < seconds:
            steps += step()
            now = time.process_time()
        found = max(found, steps / (now - start))
    return found


def stepping(env: Any, action: Callable[[], Any]) -> Callable[[], int]:
    """One step of a Gymnasium environment, its resets included."""
    env.reset(seed=0)

    def step() -> int:
        _, _, ended, cut, _ = env.step(action())
        if ended or cut:
            env.reset()
        return 1

    return step


def car_racing(seconds: float) -> Figures:
    """Gymnasium's CarRacing-v3, 96 x 96 colours, and the same with its drawing left out."""
    import gymnasium

    env = gymnasium.make("CarRacing-v3").unwrapped
    drawn = best(stepping(env, env.action_space.sample), seconds)
    blank = env._render("state_pixels")
    env._render = lambda mode: blank
    return {
        "CarRacing-v3, 96 x 96 picture": drawn,
        "CarRacing-v3 without drawing": best(stepping(env, env.action_space.sample), seconds),
    }


def highway(seconds: float) -> Figures:
    """highway-env's racetrack-v0 as it comes, and with a vector of five vehicles on an empty road."""
    import gymnasium
    import highway_env

    gymnasium.register_envs(highway_env)
    grid = gymnasium.make("racetrack-v0").unwrapped
    vector = gymnasium.make(
        "racetrack-v0", config={"observation": {"type": "Kinematics"}, "other_vehicles": 0}
    ).unwrapped
    return {
        "highway-env racetrack-v0, 12 x 12 grid": best(stepping(grid, grid.action_space.sample), seconds),
        "highway-env racetrack-v0, vector, no traffic": best(stepping(vector, vector.action_space.sample), seconds),
    }


def pooled(seconds: float) -> Figures:
    """envpool's CarRacing with one thread, 1 and 16 cars; the pool's own processor time counts."""
    import envpool
    import numpy as np

    figures = {}
    for cars in (1, 16):
        pool = envpool.make_gymnasium("CarRacing-v2", num_envs=cars, num_threads=1)
        pool.reset()
        random = np.random.default_rng(0)

        def step(pool: Any = pool, cars: int = cars, random: Any = random) -> int:
            pool.step(random.uniform([-1.0, 0.0, 0.0], [1.0, 1.0, 1.0], (cars, 3)).astype(np.float32))
            return cars

        figures[f"envpool CarRacing-v2, 96 x 96 picture, {cars} car{'s' if cars > 1 else ''}"] = best(step, seconds)
    return figures


def f1tenth(seconds: float) -> Figures:
    """f1tenth_gym with one car: a LIDAR of 1080 beams, steered gently so that the car is seldom put back."""
    import gymnasium
    import numpy as np

    env = gymnasium.make("f110_gym:f110-v0", config={"num_agents": 1}).unwrapped
    poses = {"poses": np.zeros((1, 3))}
    env.reset(options=poses)
    done = [0]

    def step() -> int:
        done[0] += 1
        action = np.array([[0.1 * math.sin(0.05 * done[0]), 1.0]])
        _, _, ended, cut, _ = env.step(action)
        if ended or cut:
            env.reset(options=poses)
        return 1

    step()  # numba compiles here
    return {"f1tenth_gym, LIDAR of 1080 beams, 1 car": best(step, seconds)}


WORLDS: dict[str, Callable[[float], Figures]] = {
    "car_racing": car_racing,
    "highway": highway,
    "pooled": pooled,
    "f1tenth": f1tenth,
}


def main() -> None:
    """Measure the peer that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=list(WORLDS))
    parser.add_argument("--seconds", type=float, default=2.0)
    chosen = parser.parse_args()
    sys.stdout.write("\n" + json.dumps(WORLDS[chosen.name](chosen.seconds)) + "\n")


if __name__ == "__main__":
    main()
