"""The Gymnasium environments, held to Gymnasium's own checker."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import sim
from sim.episode import EpisodeRules, EpisodeStatus
from sim.reward_state import COLUMN
from sim.track import Direction
from sim.world import BEAM_COUNT, FEATURE_COUNT, FEATURES
from tests.sim.ovals import oval

AIM, HINGE = FEATURES.index("ahead_y_1m"), FEATURES.index("hinge_angle")
TABLE = [(-30.0, 0.6), (0.0, 1.0), (30.0, 0.6)]


@pytest.mark.parametrize(
    "settings", [{}, {"sensor": "lidar"}, {"actions": TABLE}, {"sensor": "lidar", "lidar_noise_m": 0.01}]
)
def test_the_checker_of_gymnasium_is_content(settings: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*infinity.*|.*spec.*|.*render.*")
        check_env(sim.make(oval(), **settings), skip_render_check=True)


def test_registered_ids_make_both_kinds() -> None:
    one = gym.make("sim.env:Paddock/TimeTrial-v0", track=oval())
    assert one.reset(seed=1)[0].shape == (FEATURE_COUNT,)
    many = gym.make_vec("Paddock/TimeTrialLidar-v0", num_envs=3, track=oval())
    assert many.reset(seed=1)[0].shape == (3, BEAM_COUNT)


def test_a_name_is_looked_up_in_the_library() -> None:
    assert sim.make("paddock-oval", direction="clockwise").reset(seed=0)[0].shape == (FEATURE_COUNT,)


def test_one_and_many_agree() -> None:
    one, many = sim.make(oval()), sim.make_vec(oval(), 4)
    first, _ = one.reset(seed=3)
    all_first, _ = many.reset(seed=3)
    assert np.array_equal(first, all_first[0])
    random = np.random.default_rng(0)
    for _ in range(40):
        actions = random.uniform(-0.3, 0.3, (4, 2)).astype(np.float32)
        seen, reward, ended, cut, _ = one.step(actions[0])
        all_seen, rewards, all_ended, all_cut, _ = many.step(actions)
        assert np.array_equal(seen, all_seen[0])
        assert (reward, ended, cut) == (rewards[0], all_ended[0], all_cut[0])
        if ended:
            break


def test_the_reward_is_metres_of_progress_and_minus_one_for_leaving() -> None:
    env = sim.make(oval(), rules=EpisodeRules())
    env.reset(seed=0)
    total, before = 0.0, 0.0
    for _ in range(200):
        _, reward, ended, _, info = env.step(np.array([0.0, 0.0], np.float32))
        total += reward
        if ended:
            break
        before = total
    assert info["status"] is EpisodeStatus.OFF_TRACK
    assert before > 2.0
    assert total < before - 0.5
    gained = info["reward_state"][COLUMN["projection_distance"]] - 0.14
    assert total == pytest.approx(gained - 1.0, abs=1e-9)


def test_after_an_ending_the_next_step_begins_anew_with_no_reward() -> None:
    envs = sim.make_vec(oval(), 2, reward=lambda states: np.ones(len(states)))
    envs.reset(seed=0)
    assert envs.metadata["autoreset_mode"] is gym.vector.AutoresetMode.NEXT_STEP
    ended = np.zeros(2, bool)
    while not ended.any():
        _, rewards, ended, _, _ = envs.step(np.tile(np.array([1.0, 1.0], np.float32), (2, 1)))
        assert rewards.tolist() == [1.0, 1.0]
    _, rewards, after, _, info = envs.step(np.zeros((2, 2), np.float32))
    for car in np.flatnonzero(ended):
        assert rewards[car] == 0.0
        assert not after[car]
        assert info["status"][car] is EpisodeStatus.PREPARE


def test_the_cap_of_steps_truncates() -> None:
    env = sim.make(oval(), rules=EpisodeRules(maximum_steps=3))
    env.reset(seed=0)
    env.step(np.zeros(2, np.float32))
    _, _, ended, cut, info = env.step(np.zeros(2, np.float32))
    assert (ended, cut) == (False, True)
    assert info["status"] is EpisodeStatus.TIME_UP


def test_a_lap_is_timed_in_milliseconds() -> None:
    env = sim.make(oval(), rules=EpisodeRules(), actions=[(s, 1.0) for s in range(-30, 31)])
    seen, _ = env.reset(seed=0)
    ended, steps = False, 1
    while not ended:
        wished = np.clip(60.0 * seen[AIM], -30, 30)
        aim = int(np.clip(wished + 3.0 * (wished - np.degrees(seen[HINGE] / 2.0)), -30, 30))
        seen, _, ended, _, info = env.step(aim + 30)
        steps += 1
    assert info["status"] is EpisodeStatus.LAP_COMPLETE
    assert info["lap_ms"] == round(steps * 1000 / 15)


def test_the_reversed_direction_is_told_to_the_reward_function() -> None:
    env = sim.make(oval(), direction=Direction.CLOCKWISE)
    _, info = env.reset(seed=0)
    assert info["reward_state"][COLUMN["is_reversed"]] == 1.0
    assert info["reward_state"][COLUMN["is_left_of_center"]] in (0.0, 1.0)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"sensor": "radar"}, "features or lidar"),
        ({"actions": [1, 2]}, "steering_deg"),
        ({"render_mode": "human"}, "render"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        sim.make(oval(), **settings)


def test_a_step_before_the_first_reset_is_refused() -> None:
    with pytest.raises(gym.error.ResetNeeded):
        sim.make(oval()).step(np.zeros(2, np.float32))
