"""The Gymnasium environments, held to Gymnasium's own checker."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import sim
from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
from sim.camera import Camera
from sim.env import ENVIRONMENTS
from sim.episode import EpisodeRules, EpisodeStatus
from sim.objects import Bots, Boxes
from sim.randomisation import SIM_TO_REAL, Randomisation
from sim.reward_state import COLUMN, reward_columns
from sim.sector_lidar import Sectors
from sim.top_view import CHOSEN, OTHER, SOLID, TopView
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
        ({"actions": "left"}, "steering_deg"),
        ({"render_mode": "human"}, "None or rgb_array"),
        ({"direction": "cw"}, "direction is 'cw'; it must be counterclockwise or clockwise"),
        ({"threads": 0}, "threads is 0; it must be 1 to 256"),
        ({"threads": 1.5}, "threads is 1.5; it must be a whole number"),
        ({"preset": "kart"}, "known are deepracer, ideal, low-grip"),
        ({"look": "moon"}, "known are reinvent, arena"),
        ({"sensor": "camera", "look": 3}, "look is 3"),
        ({"randomisation": "some"}, "known are off, sim-to-real"),
        ({"randomisation": 0.3}, "off or sim-to-real, or a Randomisation"),
        ({"others": "all"}, "absent, seen or solid"),
        ({"rules": "race"}, "EpisodeRules"),
        ({"objects": 3}, "Boxes or Bots"),
        ({"objects": Boxes(20)}, "too short"),
        ({"reward": 1.0}, "a function from reward states"),
        ({"lidar_clip_m": 50.0}, "0.15 to 12"),
        ({"lidar_walls": "no"}, "True or False"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(settings: dict[str, Any], word: str) -> None:
    with pytest.raises((ValueError, TypeError), match=word):
        sim.make(oval(), **settings)


@pytest.mark.parametrize("track", ["padock-oval", 5, None])
def test_a_track_that_is_none_is_refused_when_it_is_made(track: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"paddock-oval|must be the name"):
        sim.make(track)


def test_a_camera_mounted_otherwise_and_sectors_of_other_numbers_are_sensors() -> None:
    usual = sim.make(oval(), sensor="camera").reset(seed=0)[0]
    down = sim.make(oval(), sensor=Camera(pitch_deg=40.0)).reset(seed=0)[0]
    dark = gym.make("sim.env:Paddock/TimeTrial-v0", track=oval(), sensor=Camera(pitch_deg=40.0), look="night")
    assert usual.shape == down.shape == (120, 160, 1)
    assert dark.reset(seed=0)[0].mean() < 0.5 * down.mean() != 0.5 * usual.mean()
    sixteen = sim.make(oval(), sensor=Sectors(16, 4, 3.0))
    seen, _ = sixteen.reset(seed=0)
    assert seen.shape == (64,)
    assert (seen.reshape(16, 4).sum(axis=1) <= 1.0).all()
    assert seen.any()


def test_randomisation_has_names() -> None:
    def seen(randomisation: str | Randomisation) -> np.ndarray[Any, Any]:
        return sim.make(oval(), sensor="camera-40x30", randomisation=randomisation).reset(seed=3)[0]

    assert np.array_equal(seen("off"), seen(Randomisation()))
    assert np.array_equal(seen("sim-to-real"), seen(SIM_TO_REAL))
    assert not np.array_equal(seen("off"), seen("sim-to-real"))


def mirrored(states: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A reward function that a pickle finds again by its name."""
    return -np.ones(len(states))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])  # noqa: S301
def test_a_copy_has_the_same_settings_and_begins_anew(again: Any) -> None:
    env = sim.make(oval(), sensor="lidar", objects=Boxes(2), direction="clockwise", reward=mirrored)
    env.reset(seed=1)
    other = again(env)
    with pytest.raises(gym.error.ResetNeeded):
        other.step(np.zeros(2, np.float32))
    assert np.array_equal(env.reset(seed=2)[0], other.reset(seed=2)[0])
    first, second = env.step(np.ones(2, np.float32)), other.step(np.ones(2, np.float32))
    assert np.array_equal(first[0], second[0])
    assert first[1] == second[1] == -1.0
    many = again(sim.make_vec(oval(), 3, rules=EpisodeRules(start="random"), autoreset_mode="SameStep"))
    assert many.reset(seed=5)[0].shape == (3, FEATURE_COUNT)
    assert many.metadata["autoreset_mode"] is gym.vector.AutoresetMode.SAME_STEP


@pytest.mark.timeout(120)
def test_processes_of_their_own_drive_as_one_process_does() -> None:
    name = "sim.env:Paddock/TimeTrialLidar-v0"
    apart = gym.make_vec(name, 2, "async", vector_kwargs={"context": "spawn"}, track="paddock-oval")
    together = gym.make_vec(name, 2, "sync", track="paddock-oval")
    try:
        for envs in (apart, together):
            envs.reset(seed=4)
        for _ in range(5):
            seen = [envs.step(np.full((2, 2), 0.2, np.float32))[0] for envs in (apart, together)]
            assert np.array_equal(*seen)
    finally:
        apart.close()
        together.close()


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


def shown(picture: Any, colour: tuple[int, int, int]) -> int:
    """Pixels of about this colour."""
    return int((np.abs(picture.astype(int) - colour).max(axis=2) < 12).sum())


@pytest.mark.parametrize("objects", [Boxes(places=((0.2, 1), (0.7, -1))), Bots(2)])
def test_a_picture_shows_boxes_and_bots_where_they_are(objects: Any) -> None:
    empty, env = (sim.make(oval(), objects=given, render_mode="rgb_array") for given in (None, objects))
    for one in (empty, env):
        one.reset(seed=0)
    before, after = empty.render(), env.render()
    assert shown(before, SOLID) == 0
    found = shown(after, SOLID)
    assert found > 60
    for at in env.world.objects[0, :, :2]:
        covered = env.render().copy()
        column, row = (TopView(oval()).at(at[None])[0] / 2.0).round().astype(int)
        assert shown(covered[row - 2 : row + 3, column - 2 : column + 3], SOLID) > 4
    if isinstance(objects, Bots):
        for _ in range(45):
            env.step(np.zeros(2, np.float32))
        moved = env.render()
        assert shown(moved, SOLID) > 60
        assert not np.array_equal(moved[:, :, 0] == SOLID[0], after[:, :, 0] == SOLID[0])


def test_a_picture_shows_the_other_cars_in_grey_and_one_s_own_in_red() -> None:
    envs = sim.make_vec(oval(), 3, others="seen", rules=EpisodeRules(), render_mode="rgb_array")
    envs.reset(seed=0)
    pictures = envs.render()
    assert pictures is not None
    reds = [np.argwhere(np.abs(picture.astype(int) - CHOSEN).max(axis=2) < 12).mean(axis=0) for picture in pictures]
    assert all(shown(picture, OTHER) > 30 for picture in pictures)
    assert all(shown(picture, SOLID) == 0 for picture in pictures)
    assert len({tuple(place.round()) for place in reds}) == 3


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
