"""The Gymnasium environments, held to Gymnasium's own checker."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import sim
from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
from sim.env import ENVIRONMENTS
from sim.episode import EpisodeRules, EpisodeStatus
from sim.objects import Boxes
from sim.reward_state import COLUMN, reward_columns
from sim.top_view import SOLID
from sim.track import Direction
from sim.world import BEAM_COUNT, FEATURE_COUNT, FEATURES
from tests.sim.ovals import hairpin, oval

AIM, HINGE = FEATURES.index("ahead_y_1m"), FEATURES.index("hinge_angle")
TABLE = [(-30.0, 0.6), (0.0, 1.0), (30.0, 0.6)]


@pytest.mark.parametrize(
    "settings",
    [{}, {"actions": TABLE}, {"actions": DiscreteActionSpace.default()}, {"actions": ContinuousActionSpace()}],
)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_checker_of_gymnasium_is_content_without_a_warning(name: str, settings: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(f"sim.env:{name}", track=oval(), render_mode="rgb_array", **settings).unwrapped)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_is_seen_lies_in_its_space_however_wildly_a_car_drives(name: str) -> None:
    random = np.random.default_rng(2)
    for preset in ("deepracer", "ideal", "low-grip"):
        envs = gym.make_vec(f"sim.env:{name}", num_envs=24, track=hairpin(), preset=preset)
        seen, _ = envs.reset(seed=1)
        held = random.uniform(-1.0, 1.0, (24, 2)).astype(np.float32)
        for step in range(120):
            assert seen in envs.observation_space, step
            swerving = random.random(24) < 0.2
            held[swerving] = random.choice([-1.0, 1.0], (swerving.sum(), 2))
            seen = envs.step(held)[0]


def test_registered_ids_make_both_kinds() -> None:
    one = gym.make("sim.env:Paddock/TimeTrial-v0", track=oval())
    assert one.reset(seed=1)[0].shape == (FEATURE_COUNT,)
    many = gym.make_vec("Paddock/TimeTrialLidar-v0", num_envs=3, track=oval())
    assert many.reset(seed=1)[0].shape == (3, BEAM_COUNT)


@pytest.mark.parametrize("name", ["ObjectAvoidance", "HeadToBot"])
def test_a_crash_ends_an_episode_and_costs_a_point(name: str) -> None:
    envs = gym.make_vec(f"sim.env:Paddock/{name}-v0", num_envs=8, track=oval(), sensor="features")
    envs.reset(seed=3)
    found = []
    for _ in range(400):
        seen = envs.unwrapped.world.features  # type: ignore[attr-defined]
        steering = np.clip(2.0 * seen[:, AIM] - 2.0 * seen[:, HINGE], -1.0, 1.0)
        _, rewards, terminated, _, info = envs.step(np.column_stack([steering, np.full(8, -0.4)]).astype(np.float32))
        for car in np.flatnonzero(terminated):
            found.append((str(info["status"][car]), float(rewards[car]) < -0.5))
    assert ("crashed", True) in found
    assert all(bad == (status != "lap_complete") for status, bad in found)
    assert info["reward_state"].shape[1] == len(reward_columns(3))


@pytest.mark.parametrize(("sensor", "width"), [("sector-lidar", 8), ("discretized-sector-lidar", 64)])
def test_sectors_can_be_observed(sensor: str, width: int) -> None:
    env = sim.make(oval(), sensor=sensor)
    seen, _ = env.reset(seed=1)
    assert seen.shape == env.observation_space.shape == (width,)
    assert set(np.unique(seen)) <= {0.0, 1.0}
    assert seen.any()


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
        ({"render_mode": "human"}, "None or rgb_array"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        sim.make(oval(), **settings)


def test_a_step_before_the_first_reset_is_refused() -> None:
    with pytest.raises(gym.error.ResetNeeded):
        sim.make(oval()).step(np.zeros(2, np.float32))


def test_actions_out_of_range_are_clipped_and_said_so() -> None:
    wild, tame = sim.make(oval()), sim.make(oval())
    wild.reset(seed=0)
    tame.reset(seed=0)
    for given, kept in (([3.0, -9.0], [1.0, -1.0]), ([np.inf, 0.5], [1.0, 0.5]), ([-1.0, 1.5], [-1.0, 1.0])):
        seen, *_, info = wild.step(np.array(given, np.float32))
        assert info["clipped"] is True
        assert np.array_equal(seen, tame.step(np.array(kept, np.float32))[0])
    assert tame.step(np.array([1.0, -1.0], np.float32))[4]["clipped"] is False
    listed = sim.make(oval(), actions=[(-45.0, 1.0), (0.0, 5.0), (0.0, 1.0)])
    listed.reset(seed=0)
    assert [listed.step(number)[4]["clipped"] for number in range(3)] == [True, True, False]
    assert listed.world.clipped_steps.tolist() == [2]


def test_a_nan_ends_the_episode_with_an_error() -> None:
    env = sim.make(oval())
    env.reset(seed=0)
    _, reward, ended, cut, info = env.step(np.array([np.nan, 0.0], np.float32))
    assert (ended, cut, info["status"], info["clipped"]) == (True, False, EpisodeStatus.ERROR, False)
    assert reward == pytest.approx(-1.0)
    assert env.reset()[1]["status"] is EpisodeStatus.PREPARE


@pytest.mark.parametrize("action", [-1, 3, 1.5, "left", None])
def test_a_number_that_names_no_action_is_refused(action: object) -> None:
    env = sim.make(oval(), actions=TABLE)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="actions"):
        env.step(action)


def test_after_an_ending_a_single_car_waits_for_its_reset() -> None:
    env = sim.make(oval(), rules=EpisodeRules(maximum_steps=2))
    env.reset(seed=0)
    assert env.step(np.zeros(2, np.float32))[3]
    _, reward, ended, cut, info = env.step(np.zeros(2, np.float32))
    assert (reward, ended, cut, info["status"]) == (0.0, False, False, EpisodeStatus.PARK)


def test_a_picture_shows_the_car_where_it_is() -> None:
    env = sim.make(oval(), render_mode="rgb_array")
    places = []
    for start in (0.0, 0.5):
        env.reset(seed=0, options={"start": start})
        picture = env.render()
        assert picture is not None
        assert picture.dtype == np.uint8
        reds = (picture[:, :, 0] > 180) & (picture[:, :, 1] < 80)
        rows, columns = np.nonzero(reds)
        places.append((columns.mean() / picture.shape[1], rows.mean() / picture.shape[0]))
    assert places[0][1] > 0.8  # the start is on the lower straight, and y points up
    assert places[1][1] < 0.2
    assert sim.make(oval()).render() is None


def test_boxes_are_seen_and_end_an_episode() -> None:
    env = sim.make(oval(), sensor="camera", objects=Boxes(places=((0.12, 1), (0.12, -1))), render_mode="rgb_array")
    empty = sim.make(oval(), sensor="camera")
    assert not np.array_equal(env.reset(seed=0)[0], empty.reset(seed=0)[0])
    picture = env.render()
    assert picture is not None
    assert (np.abs(picture.astype(int) - SOLID).max(axis=2) < 8).sum() > 100
    ended = False
    while not ended:
        _, reward, ended, _, info = env.step(np.array([0.0, -0.5], np.float32))
    assert info["status"] is EpisodeStatus.CRASHED
    assert reward < -0.5
    assert info["reward_state"][COLUMN["is_crashed"]] == 1.0
