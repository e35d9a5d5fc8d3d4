"""Where episodes begin by each rule, and that practising hard places teaches a hard track sooner."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.learning.rollouts import TERMINAL, TrainingGround
from sim.learning.start_places import Advancing, Anywhere, HardPlaces, OneStart, start_places
from sim.learning.training import train
from sim.model_folder import LAST
from sim.network_layout import trained_layout
from sim.reward_state import COLUMN
from sim.starts import STARTS
from tests.sim.centre_line import FAST_CAR, CentreLine, configuration
from tests.sim.ovals import oval, wave

RULES = {"advance": Advancing, "random": Anywhere, "hard-places": HardPlaces}


def ended(*metres: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Reward states of episodes that ended so far along a lap of 20 m."""
    states = np.zeros((len(metres), len(COLUMN)))
    states[:, COLUMN["track_length"]] = 20.0
    states[:, COLUMN["projection_distance"]] = metres
    return states


def test_there_is_a_rule_behind_every_name() -> None:
    rng = np.random.default_rng(0)
    assert {name: type(start_places(name, oval(), rng)) for name in STARTS} == RULES
    assert {type(start_places(name, wave(), rng)) for name in STARTS} == {OneStart}
    assert OneStart().next(7, 3).tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="no starts 'moon'; known are advance, random, hard-places"):
        replace(configuration(), starts="moon")


def test_starts_that_advance_take_turns_round_the_lap() -> None:
    places = Advancing(np.random.default_rng(0)).next(7, 40)
    assert (np.floor(places * 20) == (7 + np.arange(40)) % 20).all()


def test_starts_anywhere_are_spread_evenly() -> None:
    places = Anywhere(np.random.default_rng(0)).next(0, 4000)
    assert np.histogram(places, 10, (0.0, 1.0))[0].min() > 300


def test_half_of_the_starts_are_before_hard_places_and_the_others_advance() -> None:
    rule = HardPlaces(np.random.default_rng(0))
    assert (np.floor(rule.next(0, 20) * 20) == np.arange(20)).all(), "nothing is known to be hard"
    rule.learn(ended(10.0, 1.0))
    metres = 20.0 * rule.next(0, 4000)
    before_ten = (metres > 6.0) & (metres < 9.5)
    before_one = (metres > 17.0) | (metres < 0.5)
    assert 0.55 < (before_ten | before_one).mean() < 0.75  # half, and some of those that advance
    assert abs(before_ten.mean() - before_one.mean()) < 0.05
    assert np.histogram(metres, 20, (0.0, 20.0))[0].min() > 60, "the rest of the lap stays in practice"


def test_what_is_mastered_is_forgotten() -> None:
    rule = HardPlaces(np.random.default_rng(0))
    rule.learn(ended(10.0))
    rule.learn(ended(*[5.0] * 100))
    metres = 20.0 * rule.next(0, 4000)
    assert ((metres > 7.0) & (metres < 9.5)).mean() < 0.1


def test_a_run_up_is_never_longer_than_a_quarter_of_the_lap() -> None:
    rule = HardPlaces(np.random.default_rng(0))
    short = ended(4.0)
    short[:, COLUMN["track_length"]] = 6.0
    rule.learn(short)
    metres = 6.0 * rule.next(0, 4000)
    assert ((metres > 2.5) & (metres < 3.5)).mean() > 0.5


def test_the_ground_tells_its_rule_where_cars_went_off() -> None:
    hyperparameters = configuration(num_episodes_between_training=30).hyperparameters
    ground = TrainingGround(oval(), FAST_CAR, hyperparameters, np.random.default_rng(0), starts="hard-places")
    layout = trained_layout(FAST_CAR, 1)
    straight_on = layout.policy({name: np.zeros(shape, np.float32) for name, shape in layout.arrays().items()})
    rollout = ground.drive(straight_on, np.array([-0.5, -0.5]), 0)
    assert isinstance(ground.places, HardPlaces)
    bad = rollout.done & np.isin(rollout.status, TERMINAL)
    length = oval().length_m
    told = [place * length for place, _ in ground.places.mistakes]
    assert len(told) == bad.sum() > 10
    assert told == pytest.approx(rollout.states[bad][:, COLUMN["projection_distance"]].tolist())


def test_a_training_says_where_its_episodes_began_and_is_repeatable(tmp_path: Path) -> None:
    config = replace(configuration(), starts="hard-places")
    for name in ("one", "two"):
        train(config, reward=CentreLine(), out=tmp_path / name, maximum_iterations=4)
    assert json.loads((tmp_path / "one/paddock.json").read_text())["starts"] == "hard-places"
    assert (tmp_path / "one" / LAST).read_bytes() == (tmp_path / "two" / LAST).read_bytes()
    train(configuration(), reward=CentreLine(), out=tmp_path / "usual", maximum_iterations=4)
    assert "starts" not in json.loads((tmp_path / "usual/paddock.json").read_text())
    assert (tmp_path / "usual" / LAST).read_bytes() != (tmp_path / "one" / LAST).read_bytes()
