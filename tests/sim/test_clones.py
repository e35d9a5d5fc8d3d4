"""Trainings that begin with another model's weights."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from sim.action_space import ContinuousActionSpace
from sim.archive_writer import archive
from sim.car import Car
from sim.learning.policy_network import PolicyNetwork
from sim.learning.training import train
from sim.model_archive import read_archive
from sim.model_folder import ModelError, ModelFolder
from sim.network_layout import trained_layout
from sim.sensors import LIDAR, TRACK_FEATURES
from tests.sim.centre_line import CentreLine, configuration
from tests.sim.models import STEERING_CAR, shaken, steering_arrays, write_model
from tests.sim.ovals import oval


@pytest.fixture
def parent(tmp_path: Path) -> ModelFolder:
    """A model that steers well already."""
    arrays = shaken(steering_arrays(), np.random.default_rng(0), 0.01, 1.0)
    return ModelFolder.read(write_model(tmp_path / "parent", oval(), arrays=arrays))


def test_a_clone_begins_with_its_parents_weights_and_is_never_worse(parent: ModelFolder, tmp_path: Path) -> None:
    reports = []
    result = train(
        configuration(seed=5),
        reward=CentreLine(),
        out=tmp_path / "clone",
        parent=parent,
        maximum_iterations=1,
        on_iteration=reports.append,
    )
    assert result.best_lap_ms is not None
    assert result.evaluation_completion == 100.0, "it drives from the start"
    assert reports[0].evaluation_completion > 50.0
    clone = ModelFolder.read(tmp_path / "clone")
    if result.best_iteration == 0:
        assert clone.weights == parent.weights
    assert json.loads((tmp_path / "clone/paddock.json").read_text())["parent"] == parent.weights
    again = read_archive(io.BytesIO(b"".join(archive(tmp_path / "clone", "clone"))))
    assert again.parent == parent.weights


def test_a_clone_that_never_gets_better_keeps_what_it_began_with(parent: ModelFolder, tmp_path: Path) -> None:
    result = train(configuration(), reward=CentreLine(), out=tmp_path / "clone", parent=parent, maximum_iterations=0)
    assert (result.best_iteration, result.fingerprint) == (0, parent.weights)


def test_it_resumes_and_is_the_same_each_time(parent: ModelFolder, tmp_path: Path) -> None:
    for name, caps in (("one", (1, 2)), ("two", (1, 2))):
        for cap in caps:
            train(
                configuration(),
                reward=CentreLine(),
                out=tmp_path / name,
                parent=parent,
                maximum_iterations=cap,
                resume=True,
            )
    last = [(tmp_path / name / "model/last.safetensors").read_bytes() for name in ("one", "two")]
    assert last[0] == last[1]
    with pytest.raises(ModelError, match="another parent"):
        train(configuration(), reward=CentreLine(), out=tmp_path / "one", maximum_iterations=3, resume=True)


def test_clipped_means_go_on(tmp_path: Path) -> None:
    """A model of the console's continuous PPO: its means are clipped, in training too."""
    folder = write_model(tmp_path / "parent", oval(), arrays=steering_arrays())
    about = json.loads((folder / "paddock.json").read_text())
    (folder / "paddock.json").write_text(json.dumps({**about, "means": "linear"}))
    parent = ModelFolder.read(folder)
    train(configuration(), reward=CentreLine(), out=tmp_path / "clone", parent=parent, maximum_iterations=1)
    assert ModelFolder.read(tmp_path / "clone").layout.means == "linear"


@pytest.mark.parametrize(
    ("car", "stack_size", "says"),
    [
        (Car((LIDAR,), "PADDOCK_SMALL", ContinuousActionSpace()), 1, "this car has others"),
        (Car((TRACK_FEATURES,), "LIDAR", ContinuousActionSpace()), 1, "this car has others"),
        (STEERING_CAR, 2, "the parent sees 1 pictures at once, this training would see 2"),
    ],
)
def test_a_parent_of_another_kind_is_refused(
    parent: ModelFolder, tmp_path: Path, car: Car, stack_size: int, says: str
) -> None:
    config = configuration(car, stack_size=stack_size)
    with pytest.raises(ModelError, match=says):
        train(config, reward=CentreLine(), out=tmp_path / "clone", parent=parent, maximum_iterations=1)
    assert not (tmp_path / "clone/model/best.safetensors").exists()


def test_a_network_takes_only_its_own_arrays() -> None:
    network = PolicyNetwork(trained_layout(STEERING_CAR, 1), np.random.default_rng(0))
    arrays = steering_arrays()
    network.load(arrays)
    assert all(np.array_equal(array, arrays[name]) for name, array in network.arrays().items())
    with pytest.raises(ValueError, match="not the arrays of this network"):
        network.load({"policy.0.weight": arrays["policy.0.weight"]})
