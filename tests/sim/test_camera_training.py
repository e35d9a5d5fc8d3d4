"""Training on pictures: it runs, goes on after an interruption, leaves a folder that races, and learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sim.action_space import DiscreteActionSpace
from sim.car import Car
from sim.episode import EpisodeRules
from sim.evaluation import EvaluationResult, evaluate
from sim.hyperparameters import Hyperparameters
from sim.learning import ppo, ppo_learner, training
from sim.learning.networks import ActorCritic
from sim.learning.reports import IterationReport
from sim.learning.rollouts import TrainingGround
from sim.learning.training import train
from sim.learning.trial import Trials
from sim.model_folder import LAST, ModelError, ModelFolder, read_about
from sim.network_layout import trained_layout
from sim.sensors import (
    FRONT_FACING_CAMERA,
    LIDAR,
    PADDOCK_CAMERA,
    PADDOCK_CAMERA_40X30,
    SHALLOW_CNN,
    STEREO_CAMERAS,
)
from sim.track import Direction
from sim.track_library import TrackLibrary
from sim.world import FEATURE_COUNT
from tests.sim.centre_line import CentreLine, configuration
from tests.sim.ovals import oval

ACTIONS = DiscreteActionSpace.grid(5, 30.0, 2, 2.0)
SMALL_CAR = Car((PADDOCK_CAMERA_40X30,), PADDOCK_CAMERA.name, ACTIONS)
RACE = EpisodeRules.racing(laps=1, maximum_steps=60)


def test_a_camera_trains_resumes_and_races(tmp_path: Path) -> None:
    config = configuration(SMALL_CAR, stack_size=2)
    for name, caps in (("one", (1, 3)), ("two", (1, 3)), ("whole", (3,))):
        for cap in caps:
            result = train(config, reward=CentreLine(), out=tmp_path / name, maximum_iterations=cap, resume=True)
        assert result.iterations == 3
    assert (tmp_path / "one" / LAST).read_bytes() == (tmp_path / "two" / LAST).read_bytes()
    folder = ModelFolder.read(tmp_path / "one")
    assert folder.arrays["policy.camera.0.weight"].shape == (8, 2, 4, 4)
    driven = evaluate(tmp_path / "one", oval(), direction=Direction.CLOCKWISE, rules=RACE, seed=0)
    again = evaluate(tmp_path / "one", oval(), direction=Direction.CLOCKWISE, rules=RACE, seed=0)
    assert driven.fingerprint == again.fingerprint


def test_threads_change_no_bit_of_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of driving, nor of learning, nor of evaluating."""
    monkeypatch.setattr(training, "LARGE_NETWORK", 1)
    results = []
    for threads in (1, 2):
        for module in (training, ppo_learner):
            monkeypatch.setattr(module, "threads_here", lambda threads=threads: threads)
        out = tmp_path / str(threads)
        result = train(configuration(SMALL_CAR, stack_size=2), reward=CentreLine(), out=out, maximum_iterations=2)
        results.append((result.fingerprint, result.evaluation_completion, result.steps, (out / LAST).read_bytes()))
    assert results[0] == results[1]


def test_a_training_has_the_look_and_the_randomisation_that_it_asks_for(tmp_path: Path) -> None:
    """Its folder says so, its pictures and its policy are others, and it is resumed in the same world alone."""
    usual = configuration(SMALL_CAR, seed=1)
    asked = {
        "usual": usual,
        "night": replace(usual, look="night"),
        "randomised": replace(usual, randomisation="sim-to-real"),
        "both": replace(usual, look="night", randomisation="sim-to-real"),
    }
    weights = {}
    for name, config in asked.items():
        train(config, reward=CentreLine(), out=tmp_path / name, maximum_iterations=1)
        weights[name] = (tmp_path / name / LAST).read_bytes()
        about = read_about(tmp_path / name)
        assert about.get("look", "reinvent") == config.look
        assert about.get("randomisation", "off") == config.randomisation
    assert len(set(weights.values())) == 4
    for name, other in (("usual", "night"), ("night", "usual"), ("night", "both")):
        word = "randomisation" if other == "both" else "look"
        with pytest.raises(ModelError, match=f"another {word}"):
            train(asked[other], reward=CentreLine(), out=tmp_path / name, maximum_iterations=2, resume=True)
    train(asked["both"], reward=CentreLine(), out=tmp_path / "both", maximum_iterations=2, resume=True)
    for field in ("look", "randomisation"):
        with pytest.raises(ValueError, match=f"no {field} 'moon'"):
            replace(usual, **{field: "moon"})


def test_the_evaluation_between_updates_sees_the_training_s_look_and_nothing_randomised() -> None:
    rng = np.random.default_rng(2)
    layout = trained_layout(SMALL_CAR, 1)
    policy = layout.policy(ActorCritic(layout, FEATURE_COUNT, rng).policy_arrays())
    drives = [
        Trials(SMALL_CAR, oval(), seed=0, stack_size=1, look=look).drive(policy) for look in ("night", "reinvent")
    ]
    assert drives[0].drive != drives[1].drive
    again = Trials(SMALL_CAR, oval(), seed=9, stack_size=1, look="night").drive(policy)
    assert again.drive == drives[0].drive  # nothing is drawn from the seed


def test_the_cars_that_learn_start_alike_and_see_otherwise_where_it_is_randomised() -> None:
    plain, randomised = (
        TrainingGround(oval(), SMALL_CAR, Hyperparameters(), np.random.default_rng(0), randomisation=name).world
        for name in ("off", "sim-to-real")
    )
    assert np.array_equal(plain.pose, randomised.pose)
    assert not np.array_equal(plain.camera, randomised.camera)


def test_an_evaluation_shows_how_a_policy_bears_another_world(tmp_path: Path) -> None:
    train(configuration(SMALL_CAR), reward=CentreLine(), out=tmp_path, maximum_iterations=1)

    def driven(**scene: str) -> EvaluationResult:
        return evaluate(tmp_path, oval(), direction=Direction.COUNTERCLOCKWISE, rules=RACE, seed=0, **scene)

    race = driven()
    assert driven(look="reinvent", randomisation="off").fingerprint == race.fingerprint
    others = [driven(look="night"), driven(randomisation="sim-to-real"), driven(look="night", randomisation="off")]
    assert len({race.fingerprint, *(other.fingerprint for other in others)}) == 3
    assert others[0].fingerprint == others[2].fingerprint
    assert driven(randomisation="sim-to-real").trace.to_bytes() == others[1].trace.to_bytes() != race.trace.to_bytes()
    for scene in ({"look": "moon"}, {"randomisation": "moon"}):
        with pytest.raises(ValueError, match="moon"):
            driven(**scene)


@pytest.mark.parametrize(
    ("sensors", "network"),
    [
        ((PADDOCK_CAMERA_40X30, LIDAR), PADDOCK_CAMERA.name),
        ((STEREO_CAMERAS,), PADDOCK_CAMERA.name),
        pytest.param((FRONT_FACING_CAMERA,), SHALLOW_CNN.name, marks=pytest.mark.slow),
    ],
)
def test_every_camera_gives_a_folder_that_reads_back(tmp_path: Path, sensors, network: str) -> None:  # type: ignore[no-untyped-def]
    config = configuration(Car(sensors, network, ACTIONS), num_episodes_between_training=5, num_epochs=3)
    result = train(config, reward=CentreLine(), out=tmp_path, maximum_iterations=1)
    assert ModelFolder.read(tmp_path).weights == result.fingerprint


def test_the_core_tells_the_probabilities_that_torch_would_compute() -> None:
    """The update compares the two; the ratio of the first mini-batch is 1 only where they agree."""
    config = configuration(SMALL_CAR, exploration_type="e-greedy", epsilon_steps=10_000)  # type: ignore[arg-type]
    random = np.random.default_rng(0)
    model = ActorCritic(trained_layout(SMALL_CAR, 1), FEATURE_COUNT, random)
    ground = TrainingGround(oval(), SMALL_CAR, config.hyperparameters, random)
    policy = model.layout.policy(model.policy_arrays())
    rollout = ground.drive(policy, np.full(10, -0.5), 5000)
    rows = rollout.done.size
    (pictures,) = rollout.observations
    assert pictures.dtype == np.uint8
    assert pictures.shape == (*rollout.done.shape, 30, 40, 1)
    assert rollout.epsilon == pytest.approx(0.525)
    with torch.no_grad():
        expected, _ = ppo.log_probability_and_entropy(
            model,
            [torch.from_numpy(pictures.reshape(rows, 30, 40, 1))],
            torch.from_numpy(rollout.actions.reshape(rows)),
            rollout.epsilon,
        )
    assert rollout.log_probabilities.reshape(rows) == pytest.approx(expected.numpy(), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_small_camera_learns_an_oval(tmp_path: Path, seed: int) -> None:
    track = TrackLibrary().get("paddock-oval")
    reports: list[IterationReport] = []
    result = train(
        configuration(SMALL_CAR, track=track, seed=seed, limit_ms=180_000, lr=1e-3),
        reward=CentreLine(),
        out=tmp_path,
        on_iteration=reports.append,
        should_stop=lambda: bool(reports) and reports[-1].evaluation_completion >= 100.0,
    )
    assert result.evaluation_completion == 100.0
