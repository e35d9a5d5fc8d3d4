"""The car's motion: equal to the slow model, like the real car where that was measured."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.dynamics import DEEPRACER, PRESETS, CarDynamics, named
from sim.episode import STEP_S
from sim.native import _core
from sim.reference.dynamics import Motion, drive

Rows = NDArray[np.float64]


def replayed(
    actions: Rows, car: CarDynamics = DEEPRACER, pose: tuple[float, float, float] = (0, 0, 0), step_s: float = STEP_S
) -> Rows:
    """Rows x, y, yaw, forward, sideways, yaw rate after each action, from standing."""
    out = np.empty((len(actions), 6))
    _core.replay(car.to_list(), list(map(float, pose)), actions, np.full(len(actions), step_s), out)
    return out


def held(steering_deg: float, speed_mps: float, steps: int) -> Rows:
    return np.tile([float(steering_deg), float(speed_mps)], (steps, 1))


@pytest.mark.parametrize("name", PRESETS)
def test_the_core_moves_as_the_slow_model_does(name: str) -> None:
    random = np.random.default_rng(4)
    car = replace(named(name), wheel_lag_s=0.05) if name == "deepracer" else named(name)
    actions = np.column_stack([random.uniform(-30, 30, 60), random.uniform(0.1, 4.0, 60)])
    fast = replayed(actions, car, pose=(1.0, -2.0, 3.0))
    motion = Motion(1.0, -2.0, 3.0)
    for (steering, speed), row in zip(actions, fast, strict=True):
        drive(car, steering, speed, motion)
        slow = (motion.x, motion.y, motion.yaw, motion.forward_mps, motion.sideways_mps, motion.yaw_rate)
        assert np.allclose(row, slow, rtol=0, atol=1e-9)


@pytest.mark.parametrize("delay_s", [0.0, 0.03, STEP_S, 0.1, 2 * STEP_S])
def test_a_delayed_command_acts_as_late_as_in_the_slow_model(delay_s: float) -> None:
    car = replace(DEEPRACER, command_delay_s=delay_s)
    actions = np.vstack([held(0, 1, 3), held(30, 2, 2), held(-30, 0.5, 5)])
    motion = Motion(0.0, 0.0, 0.0)
    for (steering, speed), row in zip(actions, replayed(actions, car), strict=True):
        drive(car, steering, speed, motion)
        assert np.allclose(row[:3], (motion.x, motion.y, motion.yaw), rtol=0, atol=1e-10)


def test_half_the_steps_give_nearly_the_same_path() -> None:
    whole = replayed(held(20, 2, 30))
    halves = replayed(held(20, 2, 60), step_s=STEP_S / 2)
    assert np.hypot(*(whole[-1, :2] - halves[-1, :2])) < 0.1


def test_a_straight_car_settles_at_its_steady_speed_and_stays_straight() -> None:
    rows = replayed(held(0, 2, 60))
    assert rows[-1, 3] == pytest.approx(DEEPRACER.speed_gain * 2.0, rel=1e-3)
    assert rows[-1, 1] == 0.0


def test_launch_is_as_hard_as_measured() -> None:
    speed = replayed(held(0, 4, 8))[:, 3]
    assert 2.8 < (speed[6] - speed[2]) / (4 * STEP_S) < 3.8


@pytest.mark.parametrize("steering", [-30.0, 30.0])
@pytest.mark.parametrize("speed", [1.0, 1.2])
def test_full_lock_turns_as_wide_as_the_real_car_and_not_as_a_bicycle(steering: float, speed: float) -> None:
    forward, sideways, rate = replayed(held(steering, speed, 90))[-1, 3:]
    curvature = rate / math.hypot(forward, sideways)
    assert math.copysign(1.0, curvature) == math.copysign(1.0, steering)
    assert 1.0 < abs(curvature) < 1.6


def test_left_and_right_are_mirror_images() -> None:
    left, right = replayed(held(17, 3, 50)), replayed(held(-17, 3, 50))
    assert np.allclose(left * [1, -1, -1, 1, -1, -1], right, rtol=0, atol=1e-12)


def test_a_fast_car_pushes_wide_without_breaking_away() -> None:
    """As in the fast real log: at 2.1 m/s and full lock 1.1 to 1.2 rad/s, and the base hardly slides sideways."""
    forward, sideways, rate = replayed(held(30, 2.1, 20))[-1, 3:]
    assert 1.0 < rate < 1.4
    assert abs(math.degrees(math.atan2(sideways, forward))) < 3.0
    slow = replayed(held(30, 1.0, 60))[-1]
    assert math.hypot(forward, sideways) / rate > 1.5 * math.hypot(slow[3], slow[4]) / slow[5]


def test_a_car_turns_no_harder_than_its_grip_allows() -> None:
    for speed in (1.0, 2.0, 3.0, 4.0):
        path = replayed(held(15, speed, 40))[:, :2]
        pull = np.diff(path, n=2, axis=0) / STEP_S**2
        assert np.hypot(*pull.T).max() < math.sqrt(2.0) * DEEPRACER.grip_mps2 * 1.05


def test_less_grip_turns_less() -> None:
    turned = [abs(replayed(held(20, 2, 15), car)[-1, 2]) for car in (PRESETS["low-grip"], DEEPRACER, PRESETS["ideal"])]
    assert turned == sorted(turned)


@pytest.mark.parametrize(
    "bad",
    [
        {"slip_across_mps": 0.0},
        {"gyration_m": 0.0},
        {"grip_mps2": -1.0},
        {"command_delay_s": 0.5},
        {"speed_gain": math.nan},
    ],
)
def test_a_car_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must be|negative"):
        replayed(held(0, 1, 2), replace(DEEPRACER, **bad))


def episodes(paths: list[Path]) -> list[list[dict[str, str]]]:
    found: dict[tuple[Path, str], list[dict[str, str]]] = {}
    for path in paths:
        with path.open() as lines:
            for row in csv.DictReader(lines):
                found.setdefault((path, row["episode"]), []).append(row)
    return list(found.values())


def errors_m(rows: list[dict[str, str]], seconds: tuple[int, ...]) -> list[float]:
    """How far a replay of the recorded actions is from the recorded place after so many seconds (NaN: shorter)."""
    running = [i for i, row in enumerate(rows) if i == 0 or row["episode_status"] == "in_progress"]
    rows = rows[: next((k for k, i in enumerate(running) if k != i), len(running))]
    front = np.array([[float(row["X"]), float(row["Y"])] for row in rows])
    yaw = math.radians(float(rows[0]["yaw"]))
    base = (front[0, 0] - 0.14 * math.cos(yaw), front[0, 1] - 0.14 * math.sin(yaw), yaw)
    actions = np.array([[float(row["steer"]), float(row["throttle"])] for row in rows[1:]]).reshape(-1, 2)
    path = replayed(actions, pose=base)
    driven = path[:, :2] + 0.14 * np.column_stack([np.cos(path[:, 2]), np.sin(path[:, 2])])
    apart = np.hypot(*(driven - front[1:]).T)
    return [float(apart[15 * s - 1]) if len(apart) >= 15 * s else math.nan for s in seconds]


@pytest.mark.parametrize(
    ("log", "bounds_m"), [("console-reinvent-2018", (0.11, 0.45)), ("console-baadal-fast", (0.23, 0.93))]
)
def test_recorded_actions_lead_where_the_real_simulator_went(
    deepracer_data: Path, log: str, bounds_m: tuple[float, float]
) -> None:
    folder = deepracer_data / "logs" / log / "sim-trace" / "training" / "training-simtrace"
    recorded = episodes(sorted(folder.glob("*.csv"))[:8])
    medians = np.nanmedian([errors_m(rows, (1, 2)) for rows in recorded], axis=0)
    assert medians[0] < bounds_m[0]
    assert medians[1] < bounds_m[1]
