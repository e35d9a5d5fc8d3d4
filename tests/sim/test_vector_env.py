"""Many cars at once: seeds, options, the three ways of beginning anew, and arrays that are written in place."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from numpy.typing import NDArray

import sim
from jobs.sandbox import protocol
from sim.episode import EpisodeRules, EpisodeStatus
from sim.reward_state import COLUMN, MAXIMUM_REWARD, reward_columns
from sim.vector_env import RacingVectorEnv
from tests.sim.ovals import oval

RANDOM_STARTS = EpisodeRules(start="random", maximum_steps=60)
AHEAD = np.array([[0.0, 0.0]], np.float32)


def wild(steps: int, cars: int) -> NDArray[np.float32]:
    return np.random.default_rng(4).uniform(-1.0, 1.0, (steps, cars, 2)).astype(np.float32)


def driven(envs: RacingVectorEnv, actions: NDArray[np.float32]) -> list[Any]:
    return [envs.step(row)[:4] for row in actions]


def same(one: list[Any], other: list[Any], cars: slice = slice(None)) -> bool:
    return all(
        np.array_equal(a[cars], b[cars])
        for left, right in zip(one, other, strict=True)
        for a, b in zip(left, right, strict=True)
    )


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


@pytest.mark.parametrize("sensor", ["features", "lidar"])
def test_the_same_seed_gives_the_same_drive_again(sensor: str) -> None:
    envs = sim.make_vec(oval(), 5, sensor=sensor, lidar_noise_m=0.01, rules=RANDOM_STARTS)
    actions = wild(90, 5)
    first = [envs.reset(seed=7)[0], driven(envs, actions)]
    envs.reset(seed=8)
    again = [envs.reset(seed=7)[0], driven(envs, actions)]
    new = sim.make_vec(oval(), 5, sensor=sensor, lidar_noise_m=0.01, rules=RANDOM_STARTS, threads=3)
    fresh = [new.reset(seed=7)[0], driven(new, actions)]
    for found in (again, fresh):
        assert np.array_equal(first[0], found[0])
        assert same(first[1], found[1])
    assert not np.array_equal(first[0], envs.reset(seed=8)[0])


def test_without_a_seed_random_numbers_go_on() -> None:
    envs = sim.make_vec(oval(), 3, rules=RANDOM_STARTS)
    seen = [envs.reset(seed=1)[0], envs.reset()[0], envs.reset()[0]]
    assert not np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[1], seen[2])
    assert not np.array_equal(sim.make_vec(oval(), 3, rules=RANDOM_STARTS).reset()[0], seen[0])


@pytest.mark.parametrize("rules", [RANDOM_STARTS, EpisodeRules(start="advance", maximum_steps=60)])
def test_with_a_list_of_seeds_each_car_does_what_it_would_alone(rules: EpisodeRules) -> None:
    settings = {"sensor": "lidar", "lidar_noise_m": 0.01, "rules": rules}
    envs, seeds, actions = sim.make_vec(oval(), 4, **settings), [11, 5, 11, 2**64 - 1], wild(90, 4)
    begun = envs.reset(seed=seeds)[0]
    together = driven(envs, actions)
    for car, seed in enumerate(seeds):
        alone = sim.make_vec(oval(), 1, **settings)
        assert np.array_equal(alone.reset(seed=[seed])[0][0], begun[car])
        rows = driven(alone, np.ascontiguousarray(actions[:, car : car + 1]))
        for row, all_rows in zip(rows, together, strict=True):
            assert all(np.array_equal(a[0], b[car]) for a, b in zip(row, all_rows, strict=True))
    one = sim.make(oval(), **settings)
    assert np.array_equal(one.reset(seed=11)[0], begun[0])


def test_a_car_without_a_seed_in_the_list_goes_on() -> None:
    envs, other = (sim.make_vec(oval(), 3, rules=RANDOM_STARTS) for _ in range(2))
    envs.reset(seed=1)
    other.reset(seed=1)
    listed, gone_on = envs.reset(seed=[9, None, 9])[0], other.reset()[0]
    assert np.array_equal(listed[1], gone_on[1])
    assert np.array_equal(listed[0], listed[2])
    assert not np.array_equal(listed[0], gone_on[0])


def test_only_the_cars_in_the_mask_begin_anew() -> None:
    envs = sim.make_vec(oval(), 3)
    envs.reset(seed=0)
    for _ in range(5):
        moved = envs.step(np.repeat(AHEAD, 3, axis=0))[0]
    mask = np.array([False, True, False])
    seen, info = envs.reset(options={"reset_mask": mask, "start": 0.25})
    assert np.array_equal(seen[~mask], moved[~mask])
    assert [status is EpisodeStatus.PREPARE for status in info["status"]] == mask.tolist()
    rewards = envs.step(np.repeat(AHEAD, 3, axis=0))[1]
    assert (rewards[~mask] > 0.01).all()


def test_starts_are_fractions_of_the_lap_one_or_for_each() -> None:
    envs = sim.make_vec(oval(), 2)
    for start in (0.5, [0.0, 0.5], np.array([0.5, 0.5], np.float32)):
        _, info = envs.reset(seed=0, options={"start": start})
        along = info["reward_state"][:, 17] - 0.14
        assert along == pytest.approx(np.broadcast_to(start, 2) * envs.track.length_m, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"options": {"strat": 0.5}}, "there is no option 'strat'; known are start and reset_mask"),
        ({"options": {"start": 1.0}}, "fraction of the lap"),
        ({"options": {"start": [0.1, 0.2, 0.3]}}, "fraction of the lap, 0 or more and less than 1, or 2 of them"),
        ({"options": {"start": float("nan")}}, "start is nan"),
        ({"options": {"start": "half"}}, "start is 'half'"),
        ({"options": {"reset_mask": np.ones(3, bool)}}, "reset_mask must be bool"),
        ({"options": {"reset_mask": np.ones(2)}}, "reset_mask must be bool"),
        ({"seed": [1, 2, 3]}, "3 seeds are given for 2 cars"),
        ({"seed": [1, -2]}, "seed is -2"),
        ({"seed": 2**64}, "it must be 0 to 2"),
    ],
)
def test_what_no_reset_can_mean_is_refused(arguments: dict[str, Any], word: str) -> None:
    envs = sim.make_vec(oval(), 2)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match=word):
        envs.reset(**arguments)


@pytest.mark.parametrize("options", [[], 3, "start", [("start", 0.5)]])
def test_options_that_are_no_dict_are_refused(options: Any) -> None:
    envs, env = sim.make_vec(oval(), 2), sim.make(oval())
    for reset in (envs.reset, env.reset):
        with pytest.raises(TypeError, match="start and reset_mask"):
            reset(seed=0, options=options)
        reset(seed=0, options={})


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"num_envs": 0}, "num_envs is 0; it must be 1 to 1000000"),
        ({"num_envs": 2.0}, "num_envs is 2.0; it must be a whole number"),
        ({"num_envs": 65, "others": "solid"}, "at most 64"),
        ({"autoreset_mode": "next"}, "NextStep or SameStep or Disabled"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(settings: dict[str, Any], word: str) -> None:
    with pytest.raises((ValueError, TypeError), match=word):
        sim.make_vec(oval(), **{"num_envs": 2, **settings})


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ([1.0, float("nan")], "gave nan for car 1"),
        ([float("-inf"), 0.0], "gave -inf for car 0"),
        ([0.0, 100_001.0], "within -100000 to 100000"),
        ([0.0], r"an array \(1,\)"),
        (None, "gave None; it must give 2 numbers"),
        (["fast", 1.0], "it must give 2 numbers"),
    ],
)
def test_a_reward_that_is_no_number_of_its_range_is_refused(given: Any, word: str) -> None:
    envs = sim.make_vec(oval(), 2, reward=lambda states: given)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match=word):
        envs.step(np.zeros((2, 2), np.float32))


def test_the_largest_rewards_pass_and_rows_that_begin_an_episode_ask_for_none() -> None:
    def reward(states: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(states[:, COLUMN["steps"]] == 1, np.nan, [1e5, -1e5])

    envs = sim.make_vec(oval(), 2, reward=reward, rules=EpisodeRules(maximum_steps=2))
    envs.reset(seed=0)
    assert envs.step(np.zeros((2, 2), np.float32))[1].tolist() == [1e5, -1e5]
    assert envs.step(np.zeros((2, 2), np.float32))[1].tolist() == [0.0, 0.0]
    assert MAXIMUM_REWARD == protocol.MAXIMUM_REWARD == 1e5


def test_cars_that_share_the_track_see_each_other_and_tell_their_rewards() -> None:
    settings = {"sensor": "lidar", "lidar_walls": False, "rules": EpisodeRules()}
    alone, seen = (sim.make_vec(oval(), 4, others=others, **settings) for others in ("absent", "seen"))
    nobody, _ = alone.reset(seed=1)
    company, info = seen.reset(seed=1)
    assert (nobody == 1.0).all()
    assert (company[1:].min(axis=1) < 0.7).all()  # the car ahead stands 0.75 m further on
    assert info["reward_state"].shape == (4, len(reward_columns(3)))
    solid = gym.make_vec("sim.env:Paddock/TimeTrial-v0", num_envs=4, others="solid", rules=EpisodeRules())
    solid.reset(seed=1)
    found = set()
    for _ in range(60):
        found |= set(solid.step(np.array([[0.0, -0.9]] + 3 * [[0.0, 1.0]], np.float32))[4]["status"])
    assert EpisodeStatus.CRASHED in found


def test_walls_and_reach_of_the_lidar_are_settings() -> None:
    near, far, open_ground = (
        sim.make_vec(oval(), 1, sensor="lidar", **settings)
        for settings in ({}, {"lidar_clip_m": 4.0}, {"lidar_clip_m": 4.0, "lidar_walls": False})
    )
    seen = [envs.reset(seed=0)[0] for envs in (near, far, open_ground)]
    assert seen[0].max() == 1.0
    assert 1.0 < seen[1].max() <= 4.0
    assert (seen[2] == 4.0).all()
    assert np.array_equal(np.minimum(seen[1], np.float32(1.0)), seen[0])
    assert seen[1] in far.observation_space
    assert seen[1] not in near.observation_space


@pytest.mark.parametrize("seed", [1.5, "seven", [1, "two"], (1, 2.5)])
def test_a_seed_that_is_no_whole_number_is_refused_before_the_first_episode_too(seed: Any) -> None:
    fresh, running = sim.make_vec(oval(), 2), sim.make_vec(oval(), 2)
    running.reset(seed=0)
    for envs in (fresh, running):
        with pytest.raises(TypeError):
            envs.reset(seed=seed)


def test_seeds_are_the_same_however_whole_numbers_are_written() -> None:
    def begun(seed: Any) -> Any:
        envs = sim.make_vec(oval(), 2, rules=EpisodeRules(start="random"))
        return envs.reset(seed=seed)[1]["reward_state"]

    np.testing.assert_array_equal(begun(np.int64(7)), begun(7))
    np.testing.assert_array_equal(begun((7, 8)), begun([7, 8]))
    np.testing.assert_array_equal(begun(np.array([7, 8])), begun([7, 8]))
    assert (begun([7, 8]) != begun([9, 10])).any()


def test_beginning_anew_in_the_same_step_hands_over_the_ending() -> None:
    envs = sim.make_vec(oval(), 2, autoreset_mode="SameStep", rules=EpisodeRules(maximum_steps=4, start="advance"))
    apart = sim.make_vec(oval(), 2, autoreset_mode="Disabled", rules=EpisodeRules(maximum_steps=4, start="advance"))
    envs.reset(seed=0)
    apart.reset(seed=0)
    actions = np.repeat(AHEAD, 2, axis=0)
    for _ in range(2):
        for _ in range(2):
            assert "final_obs" not in envs.step(actions)[4]
            apart.step(actions)
        seen, rewards, ended, cut, info = envs.step(actions)
        last, last_rewards, last_ended, last_cut, last_info = apart.step(actions)
        assert (cut & ~ended).all()
        assert np.array_equal(rewards, last_rewards)
        assert (last_cut & ~last_ended).all()
        assert all(np.array_equal(a, b) for a, b in zip(info["final_obs"], last, strict=True))
        assert info["final_info"]["status"].tolist() == last_info["status"].tolist() == [EpisodeStatus.TIME_UP] * 2
        assert info["status"].tolist() == [EpisodeStatus.PREPARE] * 2
        assert np.array_equal(seen, apart.reset()[0])


def test_disabled_a_car_parks_until_it_is_begun_anew() -> None:
    envs = sim.make_vec(oval(), 2, autoreset_mode="Disabled", rules=EpisodeRules(maximum_steps=2))
    envs.reset(seed=0)
    actions = np.repeat(AHEAD, 2, axis=0)
    assert envs.step(actions)[3].all()
    for _ in range(2):
        _, rewards, ended, cut, info = envs.step(actions)
        assert not (ended | cut | rewards.astype(bool)).any()
        assert info["status"].tolist() == [EpisodeStatus.PARK] * 2
    envs.reset(options={"reset_mask": np.array([True, False])})
    assert envs.step(actions)[3].tolist() == [True, False]


def test_observations_are_copies_or_the_core_s_own_array() -> None:
    kept, shared = sim.make_vec(oval(), 2), sim.make_vec(oval(), 2, copy=False)
    actions = np.repeat(AHEAD, 2, axis=0)
    first, own = kept.reset(seed=0)[0], shared.reset(seed=0)[0]
    before = first.copy()
    after = kept.step(actions)[0]
    assert shared.step(actions)[0] is own
    assert np.array_equal(first, before)
    assert np.array_equal(own, after)
    assert not np.array_equal(own, before)
    assert shared.reset(seed=0)[0] is own
    assert np.array_equal(own, before)


def test_gymnasiums_vector_wrappers_take_it() -> None:
    envs = gym.make_vec("sim.env:Paddock/TimeTrial-v0", num_envs=3, track=oval(), rules=EpisodeRules(maximum_steps=5))
    assert isinstance(envs.unwrapped, RacingVectorEnv)
    wrapped = DictInfoToList(RecordEpisodeStatistics(envs))
    wrapped.reset(seed=0)
    for _ in range(4):
        _, _, _, _, infos = wrapped.step(np.repeat(AHEAD, 3, axis=0))
    assert [info["episode"]["l"] for info in infos] == [4, 4, 4]
    assert infos[0]["status"] is EpisodeStatus.TIME_UP


def test_pictures_are_one_for_each_car() -> None:
    envs = sim.make_vec(oval(), 3, render_mode="rgb_array")
    envs.reset(seed=0)
    frames = envs.render()
    assert frames is not None
    assert len(frames) == 3
    assert not np.array_equal(frames[0], frames[1])
    assert envs.metadata["render_fps"] == 15
