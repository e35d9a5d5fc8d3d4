"""Logs in the console's layout: deepracer-utils reads a real training and evaluation of ours, without a change."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sim.action_space import DiscreteActionSpace
from sim.archive_writer import archive_of
from sim.car import Car
from sim.episode import EpisodeRules
from sim.evaluation import evaluate
from sim.learning.training import train
from sim.metrics import evaluation_metrics
from sim.model_folder import TRACES
from sim.sensors import TRACK_FEATURES
from sim.track import Direction
from sim.training_logs import DrivenEvaluation, log_files
from tests.sim.centre_line import CentreLine, configuration
from tests.sim.ovals import oval

HOW = "deepracer-utils is not here: `./run test` installs it, or pip install -r tests/readers.lock"
CAR = Car((TRACK_FEATURES,), "PADDOCK_SMALL", DiscreteActionSpace.default())
ENDED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
EPISODES = 20


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of some iterations, and an evaluation of its model."""
    folder = tmp_path_factory.mktemp("trained")
    config = configuration(CAR, num_episodes_between_training=EPISODES)
    train(config, reward=CentreLine(), out=folder / "model", maximum_iterations=8)
    rules = EpisodeRules.racing(laps=2, maximum_steps=400, continuous=False)
    drive = evaluate(folder / "model", oval(), direction=Direction.COUNTERCLOCKWISE, rules=rules, seed=1)
    (folder / "evaluation").mkdir()
    (folder / "evaluation/simtrace.csv").write_text(drive.trace.to_simtrace_csv())
    (folder / "evaluation/metrics.json").write_text(evaluation_metrics(drive.outcomes))
    return folder


def files_of(trained: Path) -> dict[str, bytes]:
    driven = DrivenEvaluation(trained / "evaluation", ENDED, "beef")
    return dict(log_files(trained / "model", ENDED, "cafe", [driven]))


@pytest.fixture(scope="module")
def unpacked(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The download, as somebody unpacks it."""
    folder = tmp_path_factory.mktemp("unpacked")
    packed = b"".join(archive_of(files_of(trained).items(), "swift-logs", 0))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        tar.extractall(folder, filter="data")
    return folder / "swift-logs"


@pytest.fixture(scope="module")
def deepracer() -> Any:
    return pytest.importorskip("deepracer.logs", reason=HOW)


def rows_of(trained: Path) -> list[list[str]]:
    """What the training's own traces hold, in their order."""
    paths = sorted((trained / "model" / TRACES).glob("*.csv"), key=lambda path: int(path.name.split("-")[0]))
    return [line.split(",") for path in paths for line in path.read_text().splitlines()[1:]]


def test_the_layout_is_the_consoles(trained: Path) -> None:
    files = files_of(trained)
    for name in (
        "model/model_metadata.json",
        "ip/hyperparameters.json",
        "reward_function.py",
        "metrics/training/training-20260304050607-cafe.json",
        "sim-trace/training/training-simtrace/0-iteration.csv",
        "logs/training/training-20260304050607-cafe-robomaker.log",
        "sim-trace/evaluation/20260304050607-beef/evaluation-simtrace/0-iteration.csv",
        "logs/evaluation/evaluation-20260304050607-beef-robomaker.log",
        "metrics/evaluation/evaluation-20260304050607-beef.json",
    ):
        assert name in files
    assert len(json.loads(files["metrics/evaluation/evaluation-20260304050607-beef.json"])["metrics"]) == 2


def test_nothing_of_a_drive_is_lost_and_each_episode_has_a_number_of_its_own(trained: Path) -> None:
    files = files_of(trained)
    names = sorted(
        (name for name in files if "training-simtrace" in name), key=lambda name: int(name.split("/")[-1].split("-")[0])
    )
    assert [int(name.split("/")[-1].split("-")[0]) for name in names] == list(range(len(names)))
    told = [line.split(",") for name in names for line in files[name].decode().splitlines()[1:]]
    assert [row[1:] for row in told] == [row[1:] for row in rows_of(trained)]
    for index, name in enumerate(names):
        numbers = [int(line.split(",")[0]) for line in files[name].decode().splitlines()[1:]]
        assert set(numbers) <= set(range(index * EPISODES, (index + 1) * EPISODES))
        assert numbers == sorted(numbers)
        assert numbers[-1] == (index + 1) * EPISODES - 1


def test_deepracer_utils_reads_the_training(deepracer: Any, trained: Path, unpacked: Path) -> None:
    log = deepracer.DeepRacerLog(str(unpacked))
    assert log.fh.type.name == "CONSOLE_MODEL_WITH_LOGS"
    log.load_training_trace()
    rows, own = log.dataframe(), rows_of(trained)
    assert len(rows) == len(own) > 100
    assert rows["x"].tolist() == pytest.approx([float(row[2]) for row in own])
    assert rows["reward"].sum() == pytest.approx(sum(float(row[8]) for row in own), rel=1e-6)
    assert rows["unique_episode"].tolist() == rows["episode"].tolist()
    assert (rows["iteration"] == rows["episode"] // EPISODES).all()
    assert log.action_space() == CAR.to_metadata()["action_space"]
    assert log.hyperparameters()["num_episodes_between_training"] == EPISODES
    assert log.agent_and_network()["network"] == "PADDOCK_SMALL"


def test_it_reads_the_simulators_log_to_the_same_rows(deepracer: Any, unpacked: Path) -> None:
    traced, logged = deepracer.DeepRacerLog(str(unpacked)), deepracer.DeepRacerLog(str(unpacked))
    traced.load_training_trace()
    logged.load()
    columns = ["iteration", "episode", "steps", "x", "y", "yaw", "speed", "reward", "progress", "tstamp"]
    one, other = (log.dataframe().sort_values(["episode", "steps"])[columns] for log in (traced, logged))
    assert one.to_numpy() == pytest.approx(other.to_numpy())
    assert logged.agent_and_network()["world"] == oval().name


def test_it_sums_up_episodes_as_they_were(deepracer: Any, trained: Path, unpacked: Path) -> None:
    log = deepracer.DeepRacerLog(str(unpacked))
    log.load_training_trace()
    summed = deepracer.AnalysisUtils.simulation_agg(log.dataframe())
    done = [row for row in rows_of(trained) if row[9] == "True"]
    assert len(summed) == len(done)
    assert sorted(summed["progress"]) == pytest.approx(sorted(float(row[11]) for row in done))


def test_it_reads_the_evaluation(deepracer: Any, unpacked: Path) -> None:
    log = deepracer.DeepRacerLog(str(unpacked))
    log.load_evaluation_trace()
    rows = log.dataframe()
    assert set(rows["stream"]) == {"20260304050607"}
    assert set(rows["episode"]) == {0, 1}


def test_it_reads_the_metrics(deepracer: Any, unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")  # its reader of files makes a client of a store first
    name = unpacked / "metrics/training/training-20260304050607-cafe.json"
    metrics = deepracer.TrainingMetrics(None, fname=str(name)).metrics
    told = json.loads(name.read_text())["metrics"]
    assert metrics["completion"].tolist() == [row["completion_percentage"] for row in told]


def test_a_training_that_was_thinned_out_is_numbered_without_gaps(trained: Path, tmp_path: Path) -> None:
    traces = trained / "model" / TRACES
    kept = sorted(traces.glob("*.csv"), key=lambda path: int(path.name.split("-")[0]))[1::2]
    folder = tmp_path / TRACES
    folder.mkdir(parents=True)
    for path in (*kept, *(trained / "model").glob("*.json"), trained / "model/reward_function.py"):
        target = folder / path.name if path in kept else tmp_path / path.name
        target.write_bytes(path.read_bytes())
    (tmp_path / "ip").mkdir()
    (tmp_path / "ip/hyperparameters.json").write_bytes((trained / "model/ip/hyperparameters.json").read_bytes())
    names = [name for name, _ in log_files(tmp_path, ENDED, "cafe") if "simtrace" in name]
    assert names == [f"{TRACES}/{index}-iteration.csv" for index in range(len(kept))]
