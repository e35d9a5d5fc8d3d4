"""The car's motion: equal to the slow model, like the real car where that was measured."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.dynamics import DEEPRACER, PRESETS, CarDynamics, named
from sim.episode import STEP_S
from sim.native import _core
from sim.recorded_log import read_log
from sim.reference.dynamics import Motion, drive
from sim.replay import Drive, drives_of, durations_of, errors_m, hinge_at_start_rad

Rows = NDArray[np.float64]


def replayed(
    actions: Rows, car: CarDynamics = DEEPRACER, pose: tuple[float, float, float] = (0, 0, 0), step_s: float = STEP_S
) -> Rows:
    """Rows x, y, yaw, forward, sideways, yaw rate after each action, from standing."""
    out = np.empty((len(actions), 6))
    _core.replay(car.to_list(), list(map(float, pose)), 0.0, actions, np.full(len(actions), step_s), out)
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
    assert np.hypot(*(whole[-1, :2] - halves[-1, :2])) < 0.15, "of 4 m"


def test_a_straight_car_settles_at_its_steady_speed_and_stays_straight() -> None:
    rows = replayed(held(0, 2, 60), replace(DEEPRACER, steering_pull_rad=0.0))
    assert rows[-1, 3] == pytest.approx(DEEPRACER.speed_gain * 2.0, rel=1e-3)
    assert rows[-1, 1] == 0.0


def test_launch_is_as_hard_as_measured() -> None:
    speed = replayed(held(0, 4, 8))[:, 3]
    assert 2.8 < (speed[6] - speed[2]) / (4 * STEP_S) < 3.8


def test_the_last_half_metre_per_second_comes_from_the_front_wheels_alone() -> None:
    """In real logs a car gains 3.2 m/s2 while it is 1.2 m/s or more too slow, and 1.5 m/s2 at 0.4 m/s."""
    speed = replayed(held(0, 2, 30))[:, 3]
    gains = np.diff(speed) / STEP_S
    assert gains[np.searchsorted(speed, 0.5)] > 2.8
    assert 0.8 < gains[np.searchsorted(speed, 1.65)] < 2.0


@pytest.mark.parametrize("steering", [-30.0, 30.0])
def test_full_lock_turns_as_wide_as_the_real_car_and_not_as_a_bicycle(steering: float) -> None:
    """In the slow real log, fifteen rows of full lock at 1 m/s end at 1.4 to 1.8 1/m; a bicycle would turn 3.5 1/m."""
    forward, sideways, rate = replayed(np.vstack([held(0, 1, 30), held(steering, 1, 15)]))[-1, 3:]
    curvature = rate / math.hypot(forward, sideways)
    assert math.copysign(1.0, curvature) == math.copysign(1.0, steering)
    assert 1.3 < abs(curvature) < 1.8


def test_the_car_pulls_to_the_left_and_otherwise_left_and_right_are_mirror_images() -> None:
    straight = replayed(held(0, 1, 30))
    assert math.degrees(straight[-1, 2]) > 2.0
    car = replace(DEEPRACER, steering_pull_rad=0.0)
    left, right = replayed(held(17, 3, 50), car), replayed(held(-17, 3, 50), car)
    assert np.allclose(left * [1, -1, -1, 1, -1, -1], right, rtol=0, atol=1e-12)


def test_a_fast_car_pushes_wide_without_breaking_away() -> None:
    """As in the fast real log: at 2.1 m/s and full lock 1.0 to 1.4 rad/s, and the rear axle hardly slides sideways."""
    forward, sideways, rate = replayed(np.vstack([held(0, 2.1, 30), held(30, 2.1, 14)]))[-1, 3:]
    assert 1.0 < rate < 1.4
    assert abs(math.degrees(math.atan2(sideways - DEEPRACER.rear_axle_m * rate, forward))) < 4.0
    slow = replayed(np.vstack([held(0, 1, 30), held(30, 1, 14)]))[-1]
    assert math.hypot(forward, sideways) / rate > 1.5 * math.hypot(slow[3], slow[4]) / slow[5]


def test_a_car_turns_no_harder_than_its_grip_allows() -> None:
    for speed in (1.0, 2.0, 3.0, 4.0):
        path = replayed(held(15, speed, 40))[:, :2]
        pull = np.diff(path, n=2, axis=0) / STEP_S**2
        assert np.hypot(*pull.T).max() < math.sqrt(2.0) * DEEPRACER.rear_grip_mps2 * 1.05


def test_less_grip_turns_less() -> None:
    turned = [abs(replayed(held(20, 2, 15), car)[-1, 2]) for car in (PRESETS["low-grip"], DEEPRACER, PRESETS["ideal"])]
    assert turned == sorted(turned)


@pytest.mark.parametrize(
    "bad",
    [
        {"slip_mps": 0.0},
        {"rear_slip_across_mps": 0.0},
        {"gyration_m": 0.0},
        {"front_grip_mps2": -1.0},
        {"rear_grip_mps2": math.inf},
        {"steering_pull_rad": 0.5},
        {"steering_pull_rad": math.nan},
        {"command_delay_s": 0.5},
        {"speed_gain": math.nan},
    ],
)
def test_a_car_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|negative"):
        replayed(held(0, 1, 2), replace(DEEPRACER, **bad))


LOGS = [
    ("console-reinvent-2018/sim-trace/training", 560, (0.09, 0.26)),
    ("console-reinvent-2018/sim-trace/evaluation", 6, (0.09, 0.26)),
    ("console-baadal-fast/sim-trace/training", 30, (0.20, 0.75)),
]


@pytest.mark.parametrize(("log", "episodes", "bounds_m"), LOGS)
def test_recorded_actions_lead_where_the_real_simulator_went(
    deepracer_data: Path, log: str, episodes: int, bounds_m: tuple[float, float]
) -> None:
    """The goals for a car with one set of numbers, medians after one and two seconds; no fit saw evaluations."""
    drives = list(drives_of(read_log(deepracer_data / "logs" / log)))
    assert len(drives) == episodes
    medians = medians_m(drives)
    assert medians[0] <= bounds_m[0]
    assert medians[1] <= bounds_m[1]


def medians_m(drives: list[Drive]) -> Rows:
    """Median distance from the recorded place after one and two seconds."""
    errors = [errors_m(DEEPRACER, drive, durations_of(drive, STEP_S), (1.0, 2.0)) for drive in drives]
    return np.array(np.nanmedian(errors, 0))


@pytest.mark.parametrize("log", [log for log, _, _ in LOGS])
def test_real_episodes_begin_with_wheels_as_the_one_before_left_them(deepracer_data: Path, log: str) -> None:
    """Replayed with wheels that stand straight at first, commands lead a quarter farther off after a second."""
    drives = [drive for drive in drives_of(read_log(deepracer_data / "logs" / log)) if len(drive.steering_before_deg)]
    assert len(drives) >= 4
    straight = [replace(drive, steering_before_deg=np.empty(0)) for drive in drives]
    assert (medians_m(straight) > 1.25 * medians_m(drives))[0]


def recorded_after(steering_before_deg: Rows, gap_s: float) -> Drive:
    nothing, pose = np.zeros((1, 2)), (0.0, 0.0, 0.0)
    return Drive(1, pose, nothing, np.zeros(1), nothing[:0], np.zeros(1), steering_before_deg, gap_s, True)


@pytest.mark.parametrize("delay_s", [0.0, 0.0477, 0.1])
@pytest.mark.parametrize("rows", [0, 2])
def test_the_hinge_at_the_start_is_what_the_slow_model_makes_of_the_commands_before(rows: int, delay_s: float) -> None:
    """Commands of the episode before, then straight on for the rows until the next one begins; in fine steps."""
    car, fine = replace(DEEPRACER, command_delay_s=delay_s, steering_pull_rad=0.0), 10
    commands = np.random.default_rng(2).uniform(-30, 30, 25)
    motion = Motion(0.0, 0.0, 0.0)
    late = round(delay_s / STEP_S * fine)
    held_until_s = np.concatenate([np.zeros(late), np.repeat(commands, fine), np.zeros(rows * fine)])
    for steering in held_until_s[: (len(commands) + rows) * fine]:
        drive(replace(car, command_delay_s=0.0), float(steering), 1.0, motion, STEP_S / fine)
    assert hinge_at_start_rad(car, recorded_after(commands, rows * STEP_S)) == pytest.approx(motion.hinge_rad, abs=5e-3)


def test_an_episode_that_follows_none_begins_with_straight_wheels() -> None:
    assert hinge_at_start_rad(DEEPRACER, recorded_after(np.empty(0), 0.0)) == 0.0
    assert hinge_at_start_rad(PRESETS["ideal"], recorded_after(np.full(9, 30.0), 0.13)) == 0.0
