"""Training as a racer sees it: laps learned, files left, reasons to end, going on after an interruption."""

from __future__ import annotations

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.action_space import DiscreteActionSpace
from sim.car import Car, CarError
from sim.episode import EpisodeRules
from sim.evaluation import evaluate
from sim.learning import training
from sim.learning.reports import IterationReport, TrainingConfig, TrainingResult
from sim.learning.rollouts import MOST_STEPS_PER_CAR, TrainingGround
from sim.learning.trace_shelf import TraceShelf
from sim.learning.training import Training, train
from sim.learning.trial import Trial, Trials
from sim.model_folder import BEST, LAST, METRICS, TRACES, ModelError, ModelFolder
from sim.network_layout import trained_layout
from sim.policy import Policy
from sim.reward_state import RewardFailed
from sim.sensors import MIDDLE_CNN, STEREO_CAMERAS
from sim.track import Direction
from sim.track_library import TrackLibrary
from sim.weights import fingerprint
from tests.sim.centre_line import CODE, FAST_CAR, LIDAR_CAR, CentreLine, configuration
from tests.sim.ovals import oval, wave


def train_until_laps(config: TrainingConfig, out: Path, scale: float = 1.0) -> tuple[TrainingResult, IterationReport]:
    """Train until the policy drives three laps from every start."""
    reports: list[IterationReport] = []
    result = train(
        config,
        reward=CentreLine(scale),
        out=out,
        on_iteration=reports.append,
        should_stop=lambda: bool(reports) and reports[-1].evaluation_completion >= 100.0,
    )
    return result, reports[-1]


def test_a_new_racers_model_completes_three_clean_laps(tmp_path: Path) -> None:
    """Default car, default hyperparameters, the default reward's rule, an own oval."""
    track = TrackLibrary().get("paddock-oval")
    config = configuration(Car.default(), track=track, direction=Direction.CLOCKWISE, seed=3)
    result, last = train_until_laps(config, tmp_path)
    assert result.ended_because == "stopped"
    assert result.evaluation_completion == 100.0
    assert last.best
    assert 10 < len(last.drive) <= 400
    driven = evaluate(tmp_path, track, direction=Direction.CLOCKWISE, rules=EpisodeRules.racing(laps=3), seed=0)
    assert [lap.complete for lap in driven.laps] == [True] * 3
    assert driven.best_lap_ms is not None


@pytest.mark.parametrize("scale", [1e-3, 1e5])
def test_rewards_of_any_size_teach_the_same(tmp_path: Path, scale: float) -> None:
    result, _ = train_until_laps(configuration(FAST_CAR, seed=1), tmp_path, scale)
    assert result.evaluation_completion == 100.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("car", [Car.default(), FAST_CAR, LIDAR_CAR], ids=["default", "fast", "lidar"])
def test_it_learns_an_oval_from_every_seed(tmp_path: Path, car: Car, seed: int) -> None:
    config = configuration(car, track=TrackLibrary().get("paddock-oval"), seed=seed, limit_ms=120_000)
    result, _ = train_until_laps(config, tmp_path)
    assert result.evaluation_completion == 100.0


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TrackLibrary().names()))
@pytest.mark.parametrize("direction", list(Direction))
def test_it_learns_every_circuit_that_ships(tmp_path: Path, name: str, direction: Direction) -> None:
    config = configuration(track=TrackLibrary().get(name), direction=direction, limit_ms=110_000)
    result, _ = train_until_laps(config, tmp_path)
    assert result.evaluation_completion == 100.0


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    results = [
        train(configuration(LIDAR_CAR, seed=seed), reward=CentreLine(), out=tmp_path / name, maximum_iterations=2)
        for name, seed in (("one", 5), ("two", 5), ("other", 6))
    ]
    last = [(tmp_path / name / LAST).read_bytes() for name in ("one", "two", "other")]
    assert results[0].ended_because == "iterations"
    assert last[0] == last[1] != last[2]
    assert results[0].steps == results[1].steps


def test_a_large_network_is_evaluated_once_as_much_was_learned_as_the_last_evaluation_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "LARGE_NETWORK", 1)
    monkeypatch.setattr(training, "PASSES_OF_VISIT", 0.5)
    costs: dict[int, int] = {}
    drive = Trials.drive
    reports: list[IterationReport] = []

    def noted(*given: Any, **named: Any) -> Trial:
        trial = drive(*given, **named)
        costs[len(reports) + 1] = sum(trial.steps)
        return trial

    monkeypatch.setattr(Trials, "drive", noted)
    config = configuration(seed=1)
    train(config, reward=CentreLine(), out=tmp_path, on_iteration=reports.append, maximum_iterations=24)
    assert max(costs.values()) > 2_000, "it learns to lap"
    assert 5 < len(costs) < 20
    passes, due = 0.0, 0
    for before, report in itertools.pairwise([None, *reports]):
        assert report is not None
        steps = report.steps - (before.steps if before else 0)
        passes += steps * (1.0 + 0.5 * config.hyperparameters.num_epochs)
        phases = [record.phase for record in report.records]
        assert (report.iteration in costs) == (passes >= due) == ("evaluation" in phases)
        if report.iteration in costs:
            passes, due = 0.0, costs[report.iteration]
        else:
            assert before is not None
            assert report.evaluation_completion == before.evaluation_completion
            assert report.drive == before.drive
            assert not report.best


def test_a_resumed_training_goes_on_where_it_was(tmp_path: Path) -> None:
    config = configuration(seed=2)
    first = train(config, reward=CentreLine(), out=tmp_path, maximum_iterations=2)
    before = (tmp_path / LAST).read_bytes()
    reports: list[IterationReport] = []
    second = train(
        config,
        reward=CentreLine(),
        out=tmp_path,
        on_iteration=reports.append,
        maximum_iterations=4,
        resume=True,
    )
    assert [report.iteration for report in reports] == [3, 4]
    assert second.steps > first.steps
    assert second.episodes > first.episodes
    assert second.elapsed_ms > first.elapsed_ms
    assert (tmp_path / LAST).read_bytes() != before
    rows = json.loads((tmp_path / METRICS).read_text())["metrics"]
    training = [row["episode"] for row in rows if row["phase"] == "training"]
    assert training == list(range(1, second.episodes + 1))


def test_two_resumes_from_one_checkpoint_agree_to_the_bit(tmp_path: Path) -> None:
    results = []
    for name in ("one", "two"):
        for cap in (1, 3):
            train(configuration(), reward=CentreLine(), out=tmp_path / name, maximum_iterations=cap, resume=True)
        results.append((tmp_path / name / LAST).read_bytes())
    assert results[0] == results[1]


def test_a_folder_whose_network_sees_or_does_other_things_is_not_resumed(tmp_path: Path) -> None:
    train(configuration(Car.default()), reward=CentreLine(), out=tmp_path, maximum_iterations=1)
    fewer = replace(Car.default(), action_space=DiscreteActionSpace(DiscreteActionSpace.default().actions[:4]))
    for config, message in (
        (configuration(fewer), "trained with actions of another kind or number"),
        (configuration(replace(Car.default(), action_space=FAST_CAR.action_space)), "another kind or number"),
        (
            configuration(Car.default(), stack_size=2),
            "trained to see 1 at once, not 2; resume it with a stack_size of 1",
        ),
    ):
        with pytest.raises(ModelError, match=message):
            train(config, reward=CentreLine(), out=tmp_path, maximum_iterations=2, resume=True)


def test_a_folder_of_another_track_is_not_resumed(tmp_path: Path) -> None:
    train(configuration(), reward=CentreLine(), out=tmp_path, maximum_iterations=1)
    other = configuration(track=oval(straight_m=6.0))
    with pytest.raises(ModelError, match="another track"):
        train(other, reward=CentreLine(), out=tmp_path, maximum_iterations=2, resume=True)


def test_the_last_good_policy_is_kept_when_the_reward_function_fails(tmp_path: Path) -> None:
    reports: list[IterationReport] = []
    with pytest.raises(RewardFailed, match="division by zero") as caught:
        train(configuration(), reward=CentreLine(fails_in=3), out=tmp_path, on_iteration=reports.append)
    assert caught.value.line == 2
    assert [report.iteration for report in reports] == [1, 2]
    assert ModelFolder.read(tmp_path).reward_code == CODE
    again = train(configuration(), reward=CentreLine(), out=tmp_path, maximum_iterations=3, resume=True)
    assert again.iterations == 3


def test_a_reward_function_that_fails_at_once_leaves_a_whole_folder(tmp_path: Path) -> None:
    with pytest.raises(RewardFailed):
        train(configuration(), reward=CentreLine(fails_in=1), out=tmp_path)
    assert len(ModelFolder.read(tmp_path).arrays) == 6


class NotANumber(CentreLine):
    def rewards(self, states, cars):  # type: ignore[no-untyped-def]
        return super().rewards(states, cars) * np.nan


def test_rewards_that_are_no_numbers_end_the_training(tmp_path: Path) -> None:
    with pytest.raises(RewardFailed, match="finite"):
        train(configuration(), reward=NotANumber(), out=tmp_path)


@pytest.mark.parametrize(
    ("hyperparameters", "options", "ending"),
    [
        ({"term_cond_max_episodes": 30}, {}, "episodes"),
        ({"term_cond_avg_score": 0.5}, {}, "target"),
        ({}, {"should_stop": lambda: True}, "stopped"),
        ({}, {"patience_ms": 0}, "hopeless"),
        ({}, {"maximum_iterations": 1}, "iterations"),
    ],
)
def test_a_training_says_why_it_ended(tmp_path: Path, hyperparameters: dict, options: dict, ending: str) -> None:  # type: ignore[type-arg]
    result = train(configuration(**hyperparameters), reward=CentreLine(), out=tmp_path, **options)
    assert result.ended_because == ending


def test_a_training_ends_when_its_time_is_over(tmp_path: Path) -> None:
    result = train(configuration(limit_ms=300), reward=CentreLine(), out=tmp_path)
    assert result.ended_because == "time"
    assert result.elapsed_ms >= 300
    assert ModelFolder.read(tmp_path).weights == result.fingerprint


def test_time_counts_over_a_resume(tmp_path: Path) -> None:
    first = train(configuration(limit_ms=200), reward=CentreLine(), out=tmp_path)
    second = train(configuration(limit_ms=200), reward=CentreLine(), out=tmp_path, resume=True)
    assert second.iterations == first.iterations
    assert second.ended_because == "time"


def test_the_reward_source_is_started_with_the_track_as_driven(tmp_path: Path) -> None:
    reward = CentreLine()
    config = configuration(direction=Direction.CLOCKWISE)
    train(config, reward=reward, out=tmp_path, maximum_iterations=1)
    assert reward.started_with is not None
    assert reward.started_with[0].fingerprint == config.track.driven(Direction.CLOCKWISE).fingerprint
    assert reward.started_with[1] == 20


def test_an_open_track_can_be_learned_on(tmp_path: Path) -> None:
    config = configuration(track=wave(), direction=Direction.COUNTERCLOCKWISE)
    result = train(config, reward=CentreLine(), out=tmp_path, maximum_iterations=2)
    assert result.iterations == 2


def test_e_greedy_exploration_and_a_stack_of_observations_learn_too(tmp_path: Path) -> None:
    config = configuration(Car.default(), exploration_type="e-greedy", epsilon_steps=2000, stack_size=2)  # type: ignore[arg-type]
    result, _ = train_until_laps(config, tmp_path)
    assert result.evaluation_completion == 100.0


def test_a_car_that_cannot_be_trained_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.car.MOST_PARAMETERS", 50_000_000)
    car = Car((STEREO_CAMERAS,), MIDDLE_CNN.name, DiscreteActionSpace.default())
    with pytest.raises(CarError, match="58 million numbers"):
        train(replace(configuration(), car=car), reward=CentreLine(), out=tmp_path / "model")
    assert not (tmp_path / "model").exists()


def straight_on() -> Policy:
    """All numbers zero."""
    layout = trained_layout(FAST_CAR, 1)
    return layout.policy({name: np.zeros(shape, np.float32) for name, shape in layout.arrays().items()})


def test_a_rollout_gathers_the_episodes_between_updates_or_a_bounded_number_of_steps() -> None:
    ground = TrainingGround(
        oval(), FAST_CAR, configuration(num_episodes_between_training=30).hyperparameters, np.random.default_rng(0)
    )
    rollout = ground.drive(straight_on(), np.array([-0.5, -0.5]), 0)
    steps, cars = rollout.done.shape
    assert cars == 30
    assert rollout.done.sum() >= 30 or steps == MOST_STEPS_PER_CAR
    ended = rollout.done[:-1]
    assert (rollout.states[1:, :, 14][ended] == 2).all()


@pytest.mark.parametrize("starts", ["advance", "random"])
def test_a_step_leads_to_what_the_next_one_begins_with(starts: str) -> None:
    ground = TrainingGround(oval(), FAST_CAR, configuration().hyperparameters, np.random.default_rng(0), starts=starts)
    for _ in range(3):
        rollout = ground.drive(straight_on(), np.array([-0.5, -0.5]), 0)
        goes_on = ~rollout.done[:-1]
        assert goes_on.any()
        assert not goes_on.all()
        assert np.array_equal(rollout.next_features[:-1][goes_on], rollout.features[1:][goes_on])


def test_traces_and_metrics_have_the_consoles_layout(tmp_path: Path, deepracer_data: Path) -> None:
    train(configuration(Car.default()), reward=CentreLine(), out=tmp_path, maximum_iterations=8)
    console = deepracer_data / "logs/console-reinvent-2018"
    theirs = (console / TRACES / "0-iteration.csv").read_text().splitlines()
    ours = next((tmp_path / TRACES).iterdir()).read_text().splitlines()
    assert ours[0] == theirs[0]
    assert ours[1].split(",")[15] == theirs[1].split(",")[15] == "prepare"
    for mine, real in zip(ours[2].split(","), theirs[2].split(","), strict=True):
        assert kind(mine) == kind(real), (mine, real)
    metrics = json.loads(next((console / "metrics/training").iterdir()).read_text())
    mine = json.loads((tmp_path / METRICS).read_text())
    assert mine.keys() == metrics.keys()
    assert mine["metrics"][0].keys() == metrics["metrics"][0].keys()
    assert {type(value) for value in mine["metrics"][0].values()} == {int, str}


def test_episodes_stand_whole_in_the_file_of_the_iteration_in_which_they_end(tmp_path: Path) -> None:
    """Sixteen cars drive 32 steps in an iteration, so most episodes run over several; as metrics, they are numbered."""
    config = configuration(num_episodes_between_training=5)
    train(config, reward=CentreLine(), out=tmp_path, maximum_iterations=12)
    metrics = json.loads((tmp_path / METRICS).read_text())["metrics"]
    told = {row["episode"]: row for row in metrics if row["phase"] == "training"}
    files = sorted((tmp_path / TRACES).iterdir(), key=lambda path: int(path.name.split("-")[0]))
    episodes = [whole for path in files for whole in episodes_of(path)]
    assert 2 <= len(files) <= len(episodes)
    assert max(len(rows) for rows in episodes) > 33, "none ran over two iterations"
    numbers = [int(rows[0]["episode"]) for rows in episodes]
    assert numbers == sorted(set(numbers))
    for number, rows in zip(numbers, episodes, strict=True):
        assert [float(row["steps"]) for row in rows] == list(range(1, len(rows) + 1))
        assert [row["done"] for row in rows] == ["False"] * (len(rows) - 1) + ["True"]
        assert [row["episode_status"] == "prepare" for row in rows] == [True] + [False] * (len(rows) - 1)
        first, second = ([row[name] for name in ("steer", "throttle", "action")] for row in rows[:2])
        assert first == second
        assert float(first[1]) >= 0.5
        row = told[number + 1]
        assert row["elapsed_time_in_milliseconds"] == round(len(rows) * 1000 / 15)
        assert row["episode_status"].lower() == rows[-1]["episode_status"].replace("_", " ")
        assert row["reward_score"] == pytest.approx(sum(float(row["reward"]) for row in rows), abs=0.51)


def episodes_of(path: Path) -> list[list[dict[str, str]]]:
    """The rows of a file by episode, each of which must lie together."""
    rows = list(csv.DictReader(path.read_text().splitlines()))
    found = [list(group) for _, group in itertools.groupby(rows, key=lambda row: row["episode"])]
    assert len({episode[0]["episode"] for episode in found}) == len(found)
    return found


def kind(text: str) -> str:
    if text in ("True", "False"):
        return "bool"
    try:
        return "int" if str(int(text)) == text else "float"
    except ValueError:
        return "float" if text.replace(".", "").replace("-", "").isdecimal() else "word"


def test_a_long_training_keeps_a_bounded_number_of_traces(tmp_path: Path) -> None:
    ground = TrainingGround(oval(), FAST_CAR, configuration().hyperparameters, np.random.default_rng(0))
    rollout = ground.drive(straight_on(), np.array([-0.5, -0.5]), 0)
    shelf = TraceShelf(tmp_path, FAST_CAR, oval(), most_files=8)
    for iteration in range(1, 19):
        shelf.put(iteration, rollout, np.zeros(rollout.done.shape), 0)
    numbers = sorted(int(path.name.split("-")[0]) for path in tmp_path.iterdir())
    assert len(numbers) <= 8
    assert numbers == [number for number in range(1, 19) if number % shelf.stride == 0]
    assert TraceShelf(tmp_path, FAST_CAR, oval(), most_files=8).stride == shelf.stride


def test_iterations_in_which_no_episode_ended_leave_no_trace(tmp_path: Path) -> None:
    ground = TrainingGround(oval(), FAST_CAR, configuration().hyperparameters, np.random.default_rng(0))
    rollout = ground.drive(straight_on(), np.array([-0.5, -0.5]), 0)
    end = int(rollout.done[:, 0].argmax()) + 1
    shelf = TraceShelf(tmp_path, FAST_CAR, oval())
    cuts = [0, end // 2, end - 1, len(rollout.done)]
    for iteration, (first, last) in enumerate(itertools.pairwise(cuts), start=1):
        names = ("actions", "first_car_states", "first_car_status", "states", "status", "done")
        part = replace(rollout, **{name: getattr(rollout, name)[first:last] for name in names})
        shelf.put(iteration, part, np.zeros(part.done.shape), 0)
    assert [path.name for path in tmp_path.iterdir()] == ["3-iteration.csv"]
    assert len(episodes_of(tmp_path / "3-iteration.csv")[0]) == end + 1


def test_the_best_policy_is_the_one_whose_fingerprint_is_told(tmp_path: Path) -> None:
    result = train(configuration(), reward=CentreLine(), out=tmp_path, maximum_iterations=3)
    folder = ModelFolder.read(tmp_path)
    assert result.fingerprint == folder.weights == fingerprint(folder.arrays)
    assert (tmp_path / BEST).stat().st_size < 100_000


def test_numbers_that_run_away_leave_actor_critic_and_the_scale_of_the_returns_as_they_were(tmp_path: Path) -> None:
    from sim.learning.ppo_learner import PpoLearner

    training = Training(configuration(FAST_CAR), CentreLine(), tmp_path, resume=False)
    training.iterate()
    learner = training.learner
    assert isinstance(learner, PpoLearner)
    good = {name: adam.flat.clone() for name, adam in learner.adams.items()}
    returns = learner.besides()["returns"].tolist()
    learner.pace = float("nan")
    with pytest.raises(ModelError, match="ran away"):
        training.iterate()
    assert all(bool((adam.flat == good[name]).all()) for name, adam in learner.adams.items())
    assert learner.besides()["returns"].tolist() == returns
