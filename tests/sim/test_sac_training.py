"""Training with SAC as a racer sees it: laps learned, the same weights from the same seed, going on, clones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.action_space import ContinuousActionSpace
from sim.car import Car
from sim.episode import EpisodeRules
from sim.evaluation import evaluate
from sim.learning.reports import IterationReport, TrainingConfig, TrainingResult
from sim.learning.training import train
from sim.model_folder import CHECKPOINT, LAST, ModelError, ModelFolder
from sim.sensors import LIDAR, PADDOCK_CAMERA, PADDOCK_CAMERA_40X30
from sim.track import Direction
from sim.track_library import TrackLibrary
from tests.sim.centre_line import FAST_CAR, CentreLine, configuration

SAC_CAR = replace(FAST_CAR, training_algorithm="sac")
LEARNING = {"batch_size": 128, "lr": 1e-3, "discount_factor": 0.97}
CARS = {
    "vector": SAC_CAR,
    "lidar": Car((LIDAR,), "PADDOCK_SMALL", ContinuousActionSpace(-30.0, 30.0, 0.5, 1.5), "sac"),
    "camera": Car((PADDOCK_CAMERA_40X30,), PADDOCK_CAMERA.name, ContinuousActionSpace(-30.0, 30.0, 0.5, 1.5), "sac"),
}


def train_until_laps(config: TrainingConfig, out: Path, scale: float = 1.0) -> TrainingResult:
    reports: list[IterationReport] = []
    return train(
        config,
        reward=CentreLine(scale),
        out=out,
        on_iteration=reports.append,
        should_stop=lambda: bool(reports) and reports[-1].evaluation_completion >= 100.0,
    )


def test_it_learns_three_clean_laps_that_race_as_they_were_evaluated(tmp_path: Path) -> None:
    config = configuration(SAC_CAR, seed=1, **LEARNING)
    result = train_until_laps(config, tmp_path)
    assert result.evaluation_completion == 100.0
    model = ModelFolder.read(tmp_path)
    assert model.car.training_algorithm == "sac"
    driven = evaluate(tmp_path, config.track, direction=config.direction, rules=EpisodeRules.racing(laps=3), seed=0)
    assert [lap.complete for lap in driven.laps] == [True] * 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e5])
@pytest.mark.parametrize("values", [LEARNING, {**LEARNING, "sac_alpha": 0.2}], ids=["tuned", "fixed"])
def test_it_learns_an_oval_for_rewards_of_any_size(
    tmp_path: Path, seed: int, scale: float, values: dict[str, float]
) -> None:
    track = TrackLibrary().get("paddock-oval")
    config = configuration(SAC_CAR, track=track, direction=Direction.CLOCKWISE, seed=seed, limit_ms=240_000, **values)
    assert train_until_laps(config, tmp_path, scale).evaluation_completion == 100.0


@pytest.mark.parametrize("car", CARS.values(), ids=CARS)
def test_the_same_seed_gives_the_same_weights_and_every_sensor_learns(tmp_path: Path, car: Car) -> None:
    begun = train(configuration(car, batch_size=512), reward=CentreLine(), out=tmp_path / "begun", maximum_iterations=0)
    for name, seed in (("one", 5), ("two", 5)):
        config = configuration(car, seed=seed, batch_size=512)
        train(config, reward=CentreLine(), out=tmp_path / name, maximum_iterations=3)
    first, again, other = ((tmp_path / name / LAST).read_bytes() for name in ("one", "two", "begun"))
    assert first == again != other
    assert begun.steps == 0


def test_a_resumed_training_fills_its_memory_anew_and_goes_on(tmp_path: Path) -> None:
    results = []
    for name in ("one", "two"):
        for cap in (3, 6):
            config = configuration(SAC_CAR, **LEARNING)
            train(config, reward=CentreLine(), out=tmp_path / name, maximum_iterations=cap, resume=True)
        results.append((tmp_path / name / LAST).read_bytes())
    assert results[0] == results[1]


def test_the_weights_wait_until_there_is_enough_to_learn_from_again(tmp_path: Path) -> None:
    config = configuration(SAC_CAR, **LEARNING)
    train(config, reward=CentreLine(), out=tmp_path, maximum_iterations=3)
    before = (tmp_path / LAST).read_bytes()
    train(config, reward=CentreLine(), out=tmp_path, maximum_iterations=4, resume=True)
    assert (tmp_path / LAST).read_bytes() == before
    train(config, reward=CentreLine(), out=tmp_path, maximum_iterations=7, resume=True)
    assert (tmp_path / LAST).read_bytes() != before


def test_one_algorithm_does_not_go_on_with_the_others_folder(tmp_path: Path) -> None:
    train(configuration(SAC_CAR), reward=CentreLine(), out=tmp_path, maximum_iterations=1)
    before = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ModelError, match="trained by SAC, and the car learns by PPO: resume it with a car whose"):
        train(configuration(FAST_CAR), reward=CentreLine(), out=tmp_path, maximum_iterations=2, resume=True)
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    train(configuration(FAST_CAR), reward=CentreLine(), out=tmp_path / "ppo", maximum_iterations=1)
    with pytest.raises(ModelError, match=r'trained by PPO, and the car learns by SAC: .* "clipped_ppo", or train anew'):
        train(configuration(SAC_CAR), reward=CentreLine(), out=tmp_path / "ppo", maximum_iterations=2, resume=True)


def test_a_clone_begins_with_the_weights_of_a_parent_of_its_own_algorithm(tmp_path: Path) -> None:
    train(configuration(SAC_CAR), reward=CentreLine(), out=tmp_path / "parent", maximum_iterations=3)
    parent = ModelFolder.read(tmp_path / "parent")
    faster = replace(SAC_CAR, action_space=ContinuousActionSpace(-30.0, 30.0, 0.5, 3.0))
    result = train(
        configuration(faster), reward=CentreLine(), out=tmp_path / "clone", parent=parent, maximum_iterations=0
    )
    assert result.fingerprint == parent.weights
    with pytest.raises(ModelError, match="algorithm"):
        train(configuration(FAST_CAR), reward=CentreLine(), out=tmp_path / "other", parent=parent)


def test_numbers_that_run_away_end_the_training_with_the_last_good_ones(tmp_path: Path) -> None:
    from sim.learning.sac_learner import SacLearner
    from sim.learning.training import Training

    training = Training(configuration(SAC_CAR, **LEARNING), CentreLine(), tmp_path, resume=False)
    training.iterate()
    assert isinstance(training.learner, SacLearner)
    good = training.learner.adams["critic"].flat.clone()
    training.learner.memory.arrays[0][:] = np.nan
    training.learner.settings = replace(training.learner.settings, begin_rows=1)
    with pytest.raises(ModelError, match="ran away"):
        training.iterate()
    assert bool((training.learner.adams["critic"].flat == good).all())
    training.save(everything=True)
    assert json.loads((tmp_path / "model_metadata.json").read_text())["training_algorithm"] == "sac"
    assert (tmp_path / CHECKPOINT).exists()
