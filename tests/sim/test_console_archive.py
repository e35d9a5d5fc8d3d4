"""Archives of the console and its kin: the weights come out of the graph as they are; what is hostile is refused."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
from sim.archive_writer import archive
from sim.car import Car
from sim.car_archive import car_archive, frozen_graph, metadata_of
from sim.console_archive import ConsoleModel, read_console_archive
from sim.episode import EpisodeRules
from sim.evaluation import evaluate
from sim.frozen_policy import _Walk, read_policy
from sim.graph_reader import LARGEST_BYTES, Graph
from sim.graph_writer import GraphWriter
from sim.model_archive import ArchivedModel
from sim.model_folder import ModelFolder
from sim.model_import import read_model
from sim.network_layout import trained_layout
from sim.sensors import (
    CONSOLE_MIDDLE_CNN,
    FRONT_FACING_CAMERA,
    LIDAR,
    MIDDLE_CNN,
    PADDOCK_CAMERA,
    PADDOCK_CAMERA_40X30,
    SECTOR_LIDAR,
    SHALLOW_CNN,
    STEREO_CAMERAS,
)
from sim.track import Direction
from sim.track_library import TrackLibrary
from sim.weights import ModelError
from sim.wire import part, varint, whole
from tests.sim.camera_frames import Trained, driven_world, frames, trained
from tests.sim.console_graphs import CoachGraph, coach_graph
from tests.sim.models import write_model

ONE, RANGE = DiscreteActionSpace.default(), ContinuousActionSpace()
CARS = {
    "3 layers": Car((FRONT_FACING_CAMERA,), SHALLOW_CNN.name, ONE),
    "3 layers, continuous": Car((FRONT_FACING_CAMERA,), SHALLOW_CNN.name, RANGE),
    "stereo and LIDAR": Car((STEREO_CAMERAS, LIDAR), SHALLOW_CNN.name, ONE),
    "LIDAR named first, 5 layers": Car((SECTOR_LIDAR, FRONT_FACING_CAMERA), MIDDLE_CNN.name, RANGE),
    "5 layers as the console built them": Car((FRONT_FACING_CAMERA,), CONSOLE_MIDDLE_CNN.name, ONE),
    "SAC": Car((FRONT_FACING_CAMERA,), SHALLOW_CNN.name, RANGE, "sac"),
}
SMALL = Car((PADDOCK_CAMERA_40X30,), PADDOCK_CAMERA.name, ONE)
CODE = "def reward_function(params):\n    return float(params['speed'])\n"
HYPERPARAMETERS = {"batch_size": 128, "lr": 0.0003, "num_epochs": 5, "discount_factor": 0.99, "loss_type": "huber"}


@pytest.fixture(scope="module")
def small() -> Trained:
    return trained(SMALL)


@pytest.fixture(scope="module")
def graph(small: Trained) -> bytes:
    """A small graph: of Paddock's small camera network behind the real camera, so that tests are quick."""
    return frozen_graph(small.car, small.layout, small.arrays)


def metadata(car: Car = SMALL, **changes: Any) -> bytes:
    said = {**car.to_metadata(), "sensor": ["FRONT_FACING_CAMERA"], "neural_network": SHALLOW_CNN.name}
    return json.dumps({**said, **changes}).encode()


def packed(files: dict[str, bytes], kind: int = tarfile.PAX_FORMAT, **changes: Any) -> bytes:
    """A .tar.gz as other programs make it, folders included."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz", format=kind) as tar:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), 12345.678
            for key, value in changes.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(content))
    return sink.getvalue()


def read(data: bytes) -> ConsoleModel:
    return read_console_archive(io.BytesIO(data))


def refused(data: bytes) -> str:
    with pytest.raises(ModelError) as caught:
        read(data)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    return message


# Weights


@pytest.mark.parametrize("name", CARS)
def test_the_weights_of_a_console_graph_drive_as_it_says(name: str) -> None:
    car = CARS[name]
    policy = trained(car)
    means = "linear" if name in ("3 layers, continuous", "LIDAR named first, 5 layers") else "tanh"
    found = read_policy(Graph.read(coach_graph(car, policy.layout, policy.arrays)), car)
    assert found.car == car
    assert found.layout == replace(policy.layout, means=means)
    assert all(np.array_equal(found.arrays[key], policy.arrays[key]) for key in policy.arrays)
    rows = frames(car, driven_world(car))
    given = found.layout.policy(found.arrays).forward(rows)
    expected = policy.layout.policy(policy.arrays).forward(rows)
    assert (np.tanh(given) if means == "linear" else given) == pytest.approx(expected, abs=1e-6)


def test_a_5_layer_model_of_the_console_comes_with_the_network_that_it_had_there() -> None:
    """Its metadata names the 5-layer CNN; what drives here writes the same name for the physical car."""
    car = CARS["5 layers as the console built them"]
    layout = trained_layout(car, 1)
    graph = coach_graph(car, layout, {name: np.ones(shape, np.float32) for name, shape in layout.arrays().items()})
    said = json.dumps({**car.to_metadata(), "neural_network": MIDDLE_CNN.name}).encode()
    found = read(packed({"agent/model.pb": graph, "model_metadata.json": said}))
    assert found.policy.car.neural_network == CONSOLE_MIDDLE_CNN.name
    assert not [note for note in found.notes if "graph" in note]
    assert metadata_of(found.policy.car)["neural_network"] == MIDDLE_CNN.name


@pytest.mark.parametrize("axes", [[0, 1], [1, 0]], ids=["as it lies", "turned"])
def test_a_layer_on_each_place_is_read_only_where_nothing_is_turned(axes: list[int]) -> None:
    graph = CoachGraph(turned=axes)
    seen = graph.placeholder("camera", (-1, 4, 5, 2))
    kernel, bias = np.arange(4, dtype=np.float32).reshape(2, 2), np.ones(2, np.float32)
    graph.arithmetic("relu", "Relu", graph.per_place("dense", seen, kernel, bias))
    walk = _Walk(Graph.read(graph.to_bytes()))
    if axes == [0, 1]:
        layer, before = walk._per_place(walk.graph.node("relu")) or pytest.fail("no layer")
        assert before == "camera"
        assert np.array_equal(layer.kernel, kernel[np.newaxis, np.newaxis])
        assert (layer.activation, layer.stride) == ("relu", 1)
    else:
        with pytest.raises(ModelError, match="turns"):
            walk._per_place(walk.graph.node("relu"))


def test_what_the_graph_does_to_its_input_goes_into_the_first_layer() -> None:
    """A picture that is shifted by a half as well: the first convolution sees it so."""
    car = CARS["3 layers"]
    policy = trained(car)
    found = read_policy(Graph.read(coach_graph(car, policy.layout, policy.arrays, offset=0.5)), car)
    (rows,) = frames(car, driven_world(car))
    moved = {key: array.copy() for key, array in policy.arrays.items()}
    first = moved["policy.camera.0.weight"]
    moved["policy.camera.0.bias"] = moved["policy.camera.0.bias"] - 0.5 * first.sum(axis=(1, 2, 3))
    expected = policy.layout.policy(moved).forward([rows])
    assert found.layout.policy(found.arrays).forward([rows]) == pytest.approx(expected, abs=1e-4)
    assert np.abs(expected - policy.layout.policy(policy.arrays).forward([rows])).max() > 0.1


@pytest.mark.parametrize("car", [CARS["stereo and LIDAR"], SMALL], ids=["stereo and LIDAR", "small picture"])
def test_an_archive_for_the_car_comes_back_bit_for_bit(car: Car, tmp_path: Path) -> None:
    policy = trained(car)
    write_model(tmp_path, TrackLibrary().get("paddock-oval"), car, policy.arrays)
    found = read(car_archive(ModelFolder.read(tmp_path)))
    assert (found.policy.car, found.policy.layout) == (car, policy.layout)
    assert all(found.policy.arrays[key].tobytes() == array.tobytes() for key, array in policy.arrays.items())


def test_an_imported_model_drives_and_is_archived_again(graph: bytes, tmp_path: Path) -> None:
    track = TrackLibrary().get("paddock-oval")
    found = read(packed({"agent/model.pb": graph, "model_metadata.json": metadata()}))
    found.on(track, Direction.CLOCKWISE, CODE, "Swift").write(tmp_path / "one")
    folder = ModelFolder.read(tmp_path / "one")
    assert (folder.track_name, folder.direction, folder.reward_code) == ("paddock-oval", "clockwise", CODE)
    rules = EpisodeRules.racing(laps=1, maximum_steps=40)
    drive = evaluate(tmp_path / "one", track, direction=Direction.CLOCKWISE, rules=rules, seed=1)
    again = read_model(io.BytesIO(b"".join(archive(tmp_path / "one", "Swift"))))
    assert isinstance(again, ArchivedModel)
    again.write(tmp_path / "two")
    same = evaluate(tmp_path / "two", track, direction=Direction.CLOCKWISE, rules=rules, seed=1)
    assert same.fingerprint == drive.fingerprint


def test_means_that_are_clipped_stay_so_in_paddocks_archive(tmp_path: Path) -> None:
    car = replace(SMALL, action_space=RANGE)
    policy = trained(car)
    clipped = replace(policy.layout, means="linear")
    graph = frozen_graph(car, clipped, policy.arrays)
    said = metadata(car)
    found = read(packed({"agent/model.pb": graph, "model_metadata.json": said}))
    assert found.policy.layout.means == "linear"
    found.on(TrackLibrary().get("paddock-oval"), Direction.CLOCKWISE, CODE, "Swift").write(tmp_path)
    again = read_model(io.BytesIO(b"".join(archive(tmp_path, "Swift"))))
    assert isinstance(again, ArchivedModel)
    assert again.means == "linear"
    assert ModelFolder.read(tmp_path).layout == clipped


# What else is in an archive


def console_folder(graph: bytes, other: bytes) -> dict[str, bytes]:
    """As the console's download of a whole model, in a folder."""
    checkpoints = {"best_checkpoint": {"name": "7_Step-1234.ckpt"}, "last_checkpoint": {"name": "9_Step-1500.ckpt"}}
    return {
        "my-model/ip/hyperparameters.json": json.dumps(HYPERPARAMETERS).encode(),
        "my-model/logs/training/training-20230101-robomaker.log": b"x" * 5000,
        "my-model/model/7_Step-1234.ckpt.data-00000-of-00001": b"y" * 5000,
        "my-model/model/deepracer_checkpoints.json": json.dumps(checkpoints).encode(),
        "my-model/model/model_7.pb": graph,
        "my-model/model/model_9.pb": other,
        "my-model/model_metadata.json": metadata(),
        "my-model/reward_function.py": CODE.encode(),
        "my-model/training_params_1-2.yaml": b'JOB_TYPE: "TRAINING"\nWORLD_NAME: "reinvent_base"\n',
        "my-model/videos/" + "long-folder-name/" * 12 + "0-video.mp4": b"z" * 5000,
    }


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["PAX", "GNU"])
def test_a_whole_folder_tells_everything_and_its_best_checkpoint_counts(
    kind: int, graph: bytes, small: Trained
) -> None:
    found = read(packed(console_folder(graph, b"not read"), kind))
    assert (found.name, found.world, found.code) == ("my-model", "reinvent_base", CODE)
    assert found.graph == "my-model/model/model_7.pb"
    assert (found.hyperparameters.batch_size, found.hyperparameters.num_epochs) == (128, 5)
    assert np.array_equal(found.policy.arrays["policy.0.weight"], small.arrays["policy.0.weight"])
    assert any("names the network DEEP_CONVOLUTIONAL_NETWORK_SHALLOW" in note for note in found.notes)


def test_without_checkpoints_told_the_latest_graph_counts(graph: bytes) -> None:
    files = {"model/model_2.pb": b"old", "model/model_10.pb": graph, "model_metadata.json": metadata()}
    found = read(packed(files))
    assert found.graph == "model/model_10.pb"
    assert (found.name, found.code, found.world) == ("", "", "")
    assert "no hyperparameters" in found.notes[0]


def test_checkpoints_without_a_graph_are_told_what_to_add() -> None:
    files = {
        "model/7_Step-1234.ckpt.data-00000-of-00001": b"x",
        "model/7_Step-1234.ckpt.index": b"y",
        "model_metadata.json": metadata(),
    }
    assert "Add the model_N.pb that the training wrote beside each checkpoint" in refused(packed(files))


def test_an_early_console_model_is_read(graph: bytes) -> None:
    """It named no sensor and no network, its actions had no kind, and they were faster than the simulator let them."""
    actions = [{"steering_angle": angle, "speed": 8, "index": 3} for angle in (-30, -15, 0, 15, 30)] * 2
    said = json.dumps({"action_space": actions}).encode()
    found = read(packed({"agent/model.pb": graph, "model_metadata.json": said}))
    space = found.policy.car.action_space
    assert isinstance(space, DiscreteActionSpace)
    assert {action.speed_mps for action in space.actions} == {4.0}
    assert any("is cut to -30°, 4 m/s" in note for note in found.notes)


def renamed(name: str) -> str:
    return name.replace("FRONT_FACING_CAMERA", "observation")


def test_the_one_camera_had_other_names_in_early_graphs(graph: bytes, small: Trained) -> None:
    nodes = Graph.read(graph).nodes
    early = {
        renamed(name): replace(node, name=renamed(name), inputs=tuple(renamed(one) for one in node.inputs))
        for name, node in nodes.items()
    }
    found = read_policy(Graph(early), Car((FRONT_FACING_CAMERA,), SHALLOW_CNN.name, ONE))
    assert found.layout == small.layout


def test_hyperparameters_that_cannot_be_give_way_with_a_note(graph: bytes) -> None:
    odd = {**HYPERPARAMETERS, "lr": 0.1, "batch_size": 777, "num_layers": 3}
    files = {
        "agent/model.pb": graph,
        "model_metadata.json": metadata(),
        "hyperparameters.json": json.dumps(odd).encode(),
    }
    found = read(packed(files))
    assert (found.hyperparameters.lr, found.hyperparameters.batch_size, found.hyperparameters.num_epochs) == (
        0.0003,
        64,
        5,
    )
    assert [note.split(" ")[0] for note in found.notes if "not possible" in note] == ["batch_size", "lr"]


# What is refused


def strange(graph: bytes) -> dict[str, tuple[dict[str, bytes], str]]:
    good = {"agent/model.pb": graph, "model_metadata.json": metadata()}
    stopped = [{"speed": 1, "steering_angle": 0}] * 31

    def says(what: str, **changes: Any) -> tuple[dict[str, bytes], str]:
        return good | {"model_metadata.json": metadata(**changes)}, what

    return {
        "no graph": ({"model_metadata.json": metadata()}, "There is no frozen graph"),
        "no metadata": ({"agent/model.pb": graph}, "There is no model_metadata.json"),
        "no graph at all": (good | {"agent/model.pb": b"PK\x03\x04 no graph"}, "no frozen graph"),
        "other actions": says("none that this Paddock has", car=replace(SMALL, action_space=RANGE)),
        "another sensor": says("Its graph sees", sensor=["STEREO_CAMERAS"]),
        "an unknown sensor": says("no sensor 'RADAR'", sensor=["RADAR"]),
        "two cameras": says("one camera sensor", sensor=["FRONT_FACING_CAMERA", "STEREO_CAMERAS"]),
        "31 actions": says("31 actions", action_space=stopped),
        "deep JSON": (good | {"model_metadata.json": b"[" * 50_000}, "too deeply"),
        "a name that leads out": (good | {"../agent/model.pb": b""}, "leads out of it"),
        "an absolute name": (good | {"/etc/passwd": b""}, "leads out of it"),
        "a backslash": (good | {"..\\x": b""}, "leads out of it"),
        "a large reward function": (good | {"reward_function.py": b"#" * 70_000}, "larger than it ever is"),
    }


@pytest.mark.parametrize("what", list(strange(b"")))
def test_what_is_strange_is_refused_in_one_sentence(what: str, graph: bytes) -> None:
    files, says = strange(graph)[what]
    assert says in refused(packed(files))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, b"S"])
def test_links_and_devices_are_refused(kind: bytes, graph: bytes) -> None:
    data = packed({"agent/model.pb": b""}, tarfile.GNU_FORMAT, type=kind, linkname="/etc/passwd")
    assert "The archive holds a" in refused(data)


def test_an_archive_that_is_cut_short_or_damaged_is_refused(graph: bytes) -> None:
    whole_one = packed({"agent/model.pb": graph, "model_metadata.json": metadata()})
    assert "cut short" in refused(whole_one[:-1000])
    assert refused(whole_one[:2000] + bytes(200) + whole_one[2200:])
    assert "no .tar.gz" in refused(b"hello" * 100)


def test_a_bomb_is_refused_in_a_moment_without_eating_memory() -> None:
    """Zeros that would unpack to more than a whole folder ever has, and a header that says it has a gigabyte."""
    data = packed({"model/videos.bin": bytes(64 * 1024**2)})
    tracemalloc.start()
    began = time.process_time()
    assert "no model_metadata.json" in refused(data)
    assert time.process_time() - began < 5.0
    assert tracemalloc.get_traced_memory()[1] < 8 * 1024**2
    tracemalloc.stop()
    large = tarfile.TarInfo("agent/model.pb")
    large.size = LARGEST_BYTES + 1
    header = large.tobuf(tarfile.USTAR_FORMAT)
    assert "285 MB: its network has more numbers than any that drives here (64 mill" in refused(
        gzip.compress(header + bytes(1024))
    )


# Graphs


def nodes_of(*nodes: bytes) -> bytes:
    return b"".join(part(1, node) for node in nodes)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "has no nodes"),
    "a length beyond the end": (lambda: varint(1 << 3 | 2) + varint(10**6), "cut short"),
    "an endless number": (lambda: b"\xff" * 20, "cut short"),
    "groups": (lambda: varint(1 << 3 | 3), "not in use"),
    "a million nodes": (lambda: nodes_of(*[b""] * 20_000), "one name|more than"),
    "two nodes of one name": (lambda: nodes_of(part(1, "a"), part(1, "a")), "one name"),
    "a long name": (lambda: nodes_of(part(1, "a" * 600)), "600 characters"),
    "no text": (lambda: nodes_of(part(1, b"\xff\xfe")), "no frozen graph"),
    "many inputs": (lambda: nodes_of(part(1, "a") + b"".join(part(3, "b") for _ in range(90))), "more than 64 inputs"),
    "no output": (lambda: nodes_of(part(1, "a") + part(2, "Const")), "no output of a policy"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_graph_is_refused(what: str) -> None:
    content, says = HOSTILE[what]
    with pytest.raises(ModelError, match=says):
        read_policy(Graph.read(content()), SMALL)


def test_a_graph_that_goes_round_in_a_circle_is_refused() -> None:
    circle = part(2, "Identity") + part(3, "x/ppo_head_0/policy")
    with pytest.raises(ModelError, match=r"more often|does not end"):
        read_policy(Graph.read(nodes_of(part(1, "x/ppo_head_0/policy") + circle)), SMALL)


def test_arrays_must_be_what_their_shape_says() -> None:
    for tensor, says in (
        (whole(1, 1) + part(2, part(2, whole(1, 3))) + part(4, bytes(8)), "8 bytes for 3 numbers"),
        (whole(1, 1) + part(2, part(2, whole(1, 10**9))) + part(4, bytes(8)), "the shape"),
        (whole(1, 1) + part(2, part(2, whole(1, -1))) + part(4, bytes(8)), "the shape"),
        (whole(1, 2) + part(2, part(2, whole(1, 1))) + part(4, bytes(8)), "neither float32 nor int32"),
        (whole(1, 1) + part(2, part(2, whole(1, 1))) + part(4, b"\0\0\xc0\x7f"), "no finite numbers"),
        (whole(1, 1) + part(2, part(2, whole(1, 1))), "has no numbers"),
    ):
        node = part(1, "a") + part(2, "Const") + part(5, part(1, "value") + part(2, part(8, tensor)))
        with pytest.raises(ModelError, match=says):
            Graph.read(nodes_of(node)).array("a")


def test_one_value_may_stand_for_all() -> None:
    tensor = whole(1, 1) + part(2, part(2, whole(1, 3))) + part(5, np.array([1.5], "<f4").tobytes())
    node = part(1, "a") + part(2, "Const") + part(5, part(1, "value") + part(2, part(8, tensor)))
    array = Graph.read(nodes_of(node)).array("a")
    assert array is not None
    assert array.tolist() == [1.5, 1.5, 1.5]


def test_no_damage_to_a_graph_makes_anything_but_a_refusal(graph: bytes, small: Trained) -> None:
    """Bytes of everything but the arrays are changed, and the graph is cut anywhere."""
    random = np.random.default_rng(0)
    places = [place for name in (b"Conv2D", b"policy", b"kernel", b"strides") for place in _places(graph, name)]
    outcomes = set()
    for _ in range(300):
        broken = bytearray(graph)
        at = int(random.choice(places)) + int(random.integers(-24, 24))
        broken[max(0, at)] = int(random.integers(256))
        if random.random() < 0.2:
            broken = broken[: int(random.integers(len(broken)))]
        try:
            found = read_policy(Graph.read(bytes(broken)), Car((FRONT_FACING_CAMERA,), SHALLOW_CNN.name, ONE))
            assert found.layout == small.layout
            outcomes.add("read")
        except ModelError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def _places(content: bytes, name: bytes) -> list[int]:
    found, at = [], content.find(name)
    while at >= 0:
        found.append(at)
        at = content.find(name, at + 1)
    return found


def test_a_network_that_paddock_does_not_have_is_told_in_words() -> None:
    writer = GraphWriter()
    value = writer.placeholder(
        "main_level/agent/main/online/network_0/FRONT_FACING_CAMERA/FRONT_FACING_CAMERA", (-1, 120, 160, 1)
    )
    value = writer.convolution("c", value, np.ones((9, 9, 1, 4), np.float32), np.ones(4, np.float32), 8)
    value = writer.applied("r", "Relu", value)
    value = writer.flattened("f", value, 14 * 19 * 4)
    for name, inputs, outputs in (("d", 14 * 19 * 4, 8), ("e", 8, 10)):
        value = writer.dense(name, value, np.ones((inputs, outputs), np.float32), np.ones(outputs, np.float32))
        value = writer.applied(f"{name}_", "Relu", value) if name == "d" else value
    writer.applied("x/ppo_head_0/policy", "Softmax", value)
    car = Car((FRONT_FACING_CAMERA,), SHALLOW_CNN.name, ONE)
    with pytest.raises(ModelError, match="FRONT_FACING_CAMERA: 4/9/8; then 8, 10"):
        read_policy(Graph.read(writer.to_bytes()), car)


def test_the_layout_of_sac_has_the_layer_of_its_head() -> None:
    assert trained_layout(CARS["SAC"], 1).trunk == (512, 256)
    assert CARS["SAC"].trainable()
