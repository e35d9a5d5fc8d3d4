"""Model folders come from other people: what is broken, foreign or hostile is refused with one plain line."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from sim.model_folder import BEST, ModelError, ModelFolder, read_about, write_best
from sim.track import Direction
from sim.weights import MAXIMUM_BYTES, fingerprint, read_arrays, write_arrays, write_bytes
from tests.sim.models import STEERING_CAR, steering_arrays, write_model
from tests.sim.ovals import oval


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", oval())


def test_a_folder_gives_back_what_was_written(model: Path) -> None:
    folder = ModelFolder.read(model)
    assert folder.car == STEERING_CAR
    assert (folder.track_name, folder.track_fingerprint) == ("oval", oval().fingerprint)
    assert folder.direction is Direction.COUNTERCLOCKWISE
    assert folder.weights == fingerprint(steering_arrays())
    assert folder.policy().sees == tuple(tower.sees for tower in folder.layout.towers)
    assert folder.arrays.keys() == steering_arrays().keys()
    for name, array in steering_arrays().items():
        assert np.array_equal(folder.arrays[name], array)


def test_no_temporary_file_is_left(model: Path) -> None:
    assert not [path for path in model.rglob("*") if path.name.endswith(".tmp")]


def test_a_failed_write_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    write_bytes(target, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bytes(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_is_whole_between_naming_and_replacing_its_weights(model: Path) -> None:
    """The process may die after paddock.json names the new weights and before they are there."""
    old = (model / BEST).read_bytes()
    write_best(model, read_about(model), steering_arrays(gain=3.0))
    (model / BEST).write_bytes(old)
    assert ModelFolder.read(model).weights == fingerprint(steering_arrays())


def replace_json(name: str, **values: object) -> Callable[[Path], None]:
    def change(model: Path) -> None:
        path = model / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


def replace_weights(**changes: np.ndarray) -> Callable[[Path], None]:  # type: ignore[type-arg]
    def change(model: Path) -> None:
        arrays = {name: array for name, array in {**steering_arrays(), **changes}.items() if array.size}
        (model / BEST).write_bytes(safetensors.numpy.save(arrays))

    return change


def write(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda model: (model / name).write_bytes(data) and None


HUGE_HEADER = struct.pack("<Q", 2**40) + b"{}"
FAR_OFFSETS = json.dumps({"policy.0.bias": {"dtype": "F32", "shape": [64], "data_offsets": [0, 2**40]}}).encode()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda model: (model / BEST).unlink(), "train it"),
        (lambda model: (model / "paddock.json").unlink(), "paddock.json"),
        (lambda model: (model / "model_metadata.json").unlink(), "model_metadata.json"),
        (write("paddock.json", b"[1, 2]"), "no JSON object"),
        (write("paddock.json", b"{"), "no JSON"),
        (write("paddock.json", b"[" * 100_000), "no JSON"),
        (write("reward_function.py", b"\xff\xfe\x00"), "UTF-8"),
        (replace_json("paddock.json", format=99), "format 99"),
        (replace_json("paddock.json", track="oval"), "lacks track"),
        (replace_json("paddock.json", direction="sideways"), "lacks track, direction"),
        (replace_json("paddock.json", observation=["speed"]), "other observations"),
        (replace_json("paddock.json", fingerprint="0" * 64), "not the one"),
        (replace_json("paddock.json", fingerprint="zz"), "no SHA-256"),
        (replace_json("ip/hyperparameters.json", batch_size=7), "hyperparameters.json"),
        (replace_json("model_metadata.json", neural_network="HUGE"), "model_metadata.json"),
        (replace_json("model_metadata.json", sensor=["LIDAR"]), "other observations"),
        (write(BEST, b""), "no safetensors"),
        (write(BEST, b"\x80\x04\x95pickle"), "no safetensors"),
        (write(BEST, HUGE_HEADER), "no safetensors"),
        (write(BEST, struct.pack("<Q", 4) + b"nope"), "broken"),
        (write(BEST, struct.pack("<Q", len(FAR_OFFSETS)) + FAR_OFFSETS + bytes(256)), "broken"),
        (replace_weights(**{"policy.0.bias": np.zeros(0, np.float32)}), "does not fit"),
        (replace_weights(**{"extra": np.zeros(3, np.float32)}), "does not fit"),
        (replace_weights(**{"policy.0.bias": np.zeros(65, np.float32)}), "need float32"),
        (replace_weights(**{"policy.0.bias": np.zeros(64, np.float64)}), "need float32"),
        (replace_weights(**{"policy.0.bias": np.full(64, np.nan, np.float32)}), "no finite"),
        (replace_weights(**{"policy.0.bias": np.ones(64, np.float32)}), "not the one"),
    ],
)
def test_a_spoiled_folder_is_refused(model: Path, spoil: Callable[[Path], object], says: str) -> None:
    spoil(model)
    with pytest.raises(ModelError, match=says) as caught:
        ModelFolder.read(model)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_read(model: Path) -> None:
    with (model / BEST).open("r+b") as file:
        file.truncate(MAXIMUM_BYTES + 1)
    with pytest.raises(ModelError, match="more than"):
        ModelFolder.read(model)


def test_notes_travel_with_the_arrays(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.safetensors", {"x": np.arange(3.0)}, {"random": {"state": 2**100}})
    arrays, notes = read_arrays(tmp_path / "a.safetensors", {"x": ((3,), "float64")})
    assert arrays["x"].tolist() == [0.0, 1.0, 2.0]
    assert notes == {"random": {"state": 2**100}}


def test_the_fingerprint_sees_names_shapes_kinds_and_values() -> None:
    base = {"a": np.arange(4, dtype=np.float32)}
    others = [
        {"b": np.arange(4, dtype=np.float32)},
        {"a": np.arange(4, dtype=np.float32).reshape(2, 2)},
        {"a": np.arange(4, dtype=np.float64)},
        {"a": np.array([0, 1, 2, 4], np.float32)},
    ]
    assert len({fingerprint(arrays) for arrays in (base, *others)}) == 5
    assert fingerprint({"a": np.asfortranarray(base["a"])}) == fingerprint(base)
