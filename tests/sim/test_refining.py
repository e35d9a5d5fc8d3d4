"""What changes in a training once laps are complete, and what does not before."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from sim.learning.checkpoint import Counters
from sim.learning.networks import INITIAL_LOG_STD, NARROWEST_LOG_STD
from sim.learning.ppo import REFINING_KL, REFINING_STEPS, SLOWEST_PACE, exploration_left, next_pace
from sim.learning.ppo_learner import PpoLearner
from sim.learning.rollouts import LONGEST_STEPS_PER_CAR, MOST_STEPS_PER_CAR, steps_per_car
from sim.learning.training import Training, train
from sim.model_folder import ModelFolder
from tests.sim.centre_line import CentreLine, configuration
from tests.sim.models import STEERING_CAR, write_model
from tests.sim.ovals import oval


def test_exploring_falls_with_the_root_of_the_steps() -> None:
    assert exploration_left(0) == 1.0
    assert exploration_left(REFINING_STEPS) == pytest.approx(0.5**0.5)
    assert exploration_left(99 * REFINING_STEPS) == pytest.approx(0.1)


def test_the_pace_seeks_the_movement_that_is_wanted() -> None:
    assert next_pace(0.5, REFINING_KL) == pytest.approx(0.5)
    assert next_pace(0.5, 4 * REFINING_KL) == pytest.approx(0.5 / 1.5), "not all at once"
    assert next_pace(0.5, 1.21 * REFINING_KL) == pytest.approx(0.5 / 1.1)
    assert next_pace(0.5, 0.0) == pytest.approx(0.65)
    assert next_pace(1.0, 0.0) == 1.0, "never more than the racer chose"
    assert next_pace(SLOWEST_PACE, 100.0) == SLOWEST_PACE


def test_a_rollout_grows_by_a_hundredth_of_what_was_driven() -> None:
    assert steps_per_car(20, 0) == MOST_STEPS_PER_CAR
    assert steps_per_car(20, 20_000) == MOST_STEPS_PER_CAR + 10
    assert steps_per_car(20, 10**9) == LONGEST_STEPS_PER_CAR


@pytest.fixture
def parent(tmp_path: Path) -> ModelFolder:
    """A policy that drives its laps from the first evaluation on."""
    return ModelFolder.read(write_model(tmp_path / "parent", oval()))


def training(parent: ModelFolder | None, out: Path) -> Training:
    return Training(configuration(STEERING_CAR), CentreLine(), out, resume=False, parent=parent)


def test_before_laps_are_complete_nothing_changes(tmp_path: Path) -> None:
    run = training(None, tmp_path / "new")
    run.iterate()
    assert isinstance(run.learner, PpoLearner)
    assert run.counters.complete_at_steps is None
    assert (run.counters.refined, run.learner.pace) == (0, 1.0)


def test_from_then_on_it_explores_less_and_keeps_its_pace_over_a_resume(parent: ModelFolder, tmp_path: Path) -> None:
    run = training(parent, tmp_path / "clone")
    assert run.counters.complete_at_steps == 0, "what it began with completes its laps"
    assert isinstance(run.learner, PpoLearner)
    for _ in range(3):
        run.iterate()
    refined = run.counters.refined
    assert refined == run.counters.steps
    before_last = run.learner.log_std()
    assert (before_last <= INITIAL_LOG_STD).all()
    run.learner.learn(*driven(run), refined=10**9)
    assert (run.learner.log_std() == np.float32(NARROWEST_LOG_STD)).all()
    run.learner.pace = 0.25
    run.save(everything=True)
    again = Training(configuration(STEERING_CAR), CentreLine(), tmp_path / "clone", resume=True, parent=parent)
    assert isinstance(again.learner, PpoLearner)
    assert again.learner.pace == 0.25
    assert again.counters.refined == refined
    assert again.best == run.best


def driven(run: Training) -> tuple:  # type: ignore[type-arg]
    rollout = run.ground.drive(run.policy(), run.learner.log_std(), run.counters.steps, run.counters.refined)
    return rollout, run._rewards(rollout)


def test_counters_of_an_earlier_version_are_read() -> None:
    said = json.loads('{"iterations": 3, "steps": 9, "best_iteration": 2, "best_completion": 50.0}')
    assert Counters.from_json(said) == Counters(iterations=3, steps=9, best_completion=50.0)


def test_refining_is_the_same_each_time(parent: ModelFolder, tmp_path: Path) -> None:
    for name in ("one", "two"):
        config = configuration(STEERING_CAR)
        train(config, reward=CentreLine(), out=tmp_path / name, parent=parent, maximum_iterations=4)
    weights = [(tmp_path / name / "model/last.safetensors").read_bytes() for name in ("one", "two")]
    assert weights[0] == weights[1]
