"""A model's folder: what a training leaves, what an evaluation needs, in the console's layout where it has one.

    paddock.json                    what Paddock knows about the model (below)
    model_metadata.json             the car, as the real one reads it
    reward_function.py              the racer's code
    ip/hyperparameters.json         under the real names
    model/best.safetensors          the policy that evaluated best, as `sim.network_layout` names its arrays
    model/last.safetensors          the policy after the last iteration, in the same form
    model/checkpoint.safetensors    everything a training needs to go on
    metrics/training/training-paddock.json
    sim-trace/training/training-simtrace/N-iteration.csv

Every file is written to a temporary name, flushed and renamed. Nothing is ever unpickled. torch is not needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from sim import SIMULATOR_VERSION
from sim.best_choice import USUAL_BEST_BY
from sim.car import Car, CarError
from sim.hyperparameters import HyperparameterError, Hyperparameters
from sim.learning.shape import observed_columns
from sim.looks import USUAL_LOOK
from sim.network_layout import KNOWN_MEANS, MEANS, NetworkLayout, trained_layout
from sim.objects import TrackObjects, objects_json
from sim.policy import Policy
from sim.randomisation import USUAL_RANDOMISATION
from sim.starts import USUAL_STARTS
from sim.track import Direction, Track
from sim.training_scene import Scene, scene_of, unusual
from sim.weights import (
    MAXIMUM_JSON_BYTES,
    ModelError,
    fingerprint,
    read_arrays,
    read_bytes,
    write_arrays,
    write_bytes,
)

__all__ = ["FORMAT", "ModelError", "ModelFolder", "policy_file"]

PolicyArrays = Mapping[str, NDArray[np.float32]]

FORMAT = 1
_HEX = re.compile(r"[0-9a-f]{64}")
BEST = "model/best.safetensors"
LAST = "model/last.safetensors"
CHECKPOINT = "model/checkpoint.safetensors"
METRICS = "metrics/training/training-paddock.json"
TRACES = "sim-trace/training/training-simtrace"


@dataclass(frozen=True)
class ModelFolder:
    """What a folder says about its model, read and checked. `weights` is the fingerprint of the best policy,
    `look` and `randomisation` name the world that it trained in, `starts` and `best_by` how it trained."""

    path: Path
    car: Car
    hyperparameters: Hyperparameters
    reward_code: str
    track_name: str
    track_fingerprint: str
    direction: Direction
    seed: int
    simulator_version: str
    weights: str
    arrays: PolicyArrays
    look: str = USUAL_LOOK
    randomisation: str = USUAL_RANDOMISATION
    starts: str = USUAL_STARTS
    best_by: str = USUAL_BEST_BY
    means: str = MEANS
    """What stands behind the means of continuous actions (`NetworkLayout.means`)."""

    @property
    def layout(self) -> NetworkLayout:
        """The policy's network."""
        return trained_layout(self.car, self.hyperparameters.stack_size, self.means)

    def policy(self) -> Policy:
        """The best policy in the native core."""
        return self.layout.policy(self.arrays)

    @classmethod
    def read(cls, path: Path) -> ModelFolder:
        """Read a folder and check that its parts belong together. ModelError says what is wrong and the mend."""
        about = read_about(path)
        car, hyperparameters = read_car(path), read_hyperparameters(path)
        layout = _layout(car, hyperparameters)
        if about["observation"] != list(observed_columns(car)):
            raise ModelError("this model was trained on other observations than this Paddock has; train it again")
        arrays, _ = read_arrays(path / BEST, policy_arrays_expected(layout))
        found = fingerprint(arrays)
        if found not in (about["fingerprint"], about.get("previous_fingerprint")):
            raise ModelError("model/best.safetensors is not the one that paddock.json names; take the folder anew")
        return cls(
            path=path,
            car=car,
            hyperparameters=hyperparameters,
            reward_code=read_text(path, "reward_function.py"),
            track_name=about["track"]["name"],
            track_fingerprint=about["track"]["fingerprint"],
            direction=Direction(about["direction"]),
            seed=about["seed"],
            simulator_version=about["simulator_version"],
            weights=found,
            arrays={name: array.astype(np.float32) for name, array in arrays.items()},
            means=about.get("means", MEANS),
            **scene_of(about),
        )


def write_model_facts(path: Path, car: Car, hyperparameters: Hyperparameters, reward_code: str) -> None:
    """The files that say how a model is made: the car, the hyperparameters and the reward function."""
    write_json(path / "model_metadata.json", car.to_metadata())
    write_json(path / "ip/hyperparameters.json", hyperparameters.to_dict())
    write_bytes(path / "reward_function.py", reward_code.encode())


def about_model(
    car: Car,
    track: Track,
    direction: Direction,
    seed: int,
    objects: TrackObjects | None = None,
    *,
    parent: ModelFolder | None = None,
    **scene: Unpack[Scene],
) -> dict[str, Any]:
    """What paddock.json says before any weights exist; `race` is there where it trained among objects, `look`,
    `randomisation`, `starts` and `best_by` where these are not the usual ones, `parent`, the fingerprint of the weights
    that it began with, where it did not begin from the start."""
    return {
        "format": FORMAT,
        "simulator_version": SIMULATOR_VERSION,
        "track": {"name": track.name, "fingerprint": track.fingerprint, "length_m": round(track.length_m, 4)},
        "direction": str(direction),
        "seed": seed,
        "network": car.neural_network,
        "sensors": [sensor.name for sensor in car.sensors],
        "observation": list(observed_columns(car)),
        "fingerprint": None,
        **unusual_facts(objects, scene),
        **({} if parent is None else inherited_facts(parent.means, parent.weights)),
    }


def unusual_facts(objects: TrackObjects | None, scene: Scene) -> dict[str, Any]:
    """What paddock.json says besides where a model was not trained as most are."""
    return ({} if objects is None else {"race": objects_json(objects)}) | unusual(scene)


def inherited_facts(means: str, parent: str | None) -> dict[str, str]:
    """What paddock.json says of a model whose weights did not begin here."""
    facts = {} if means == MEANS else {"means": means}
    return facts if parent is None else {**facts, "parent": parent}


def write_best(path: Path, about: dict[str, Any], arrays: PolicyArrays) -> str:
    """Make these arrays the model's best policy; gives their fingerprint.

    paddock.json names the new and the previous weights before the weights themselves are replaced, so the folder is
    whole at every moment, whenever the process dies.
    """
    found = fingerprint(arrays)
    if about["fingerprint"] != found:
        about["previous_fingerprint"] = about["fingerprint"]
        about["fingerprint"] = found
    write_json(path / "paddock.json", about)
    write_arrays(path / BEST, arrays, {"fingerprint": found})
    return found


def policy_file(path: Path, arrays: PolicyArrays) -> None:
    """Write a policy's arrays to a file of its own."""
    write_arrays(path, arrays, {"fingerprint": fingerprint(arrays)})


def policy_arrays_expected(layout: NetworkLayout) -> dict[str, tuple[tuple[int, ...], str]]:
    """Names, shapes and kinds of a policy's arrays."""
    return {name: (shape, "float32") for name, shape in layout.arrays().items()}


def read_about(path: Path) -> dict[str, Any]:
    """paddock.json, checked for what is needed of it."""
    about = read_json_object(path, "paddock.json")
    if about.get("format") != FORMAT:
        raise ModelError(f"paddock.json has format {about.get('format')!r}; this Paddock reads format {FORMAT}")
    track = about.get("track")
    known = {str(direction) for direction in Direction}
    named = isinstance(track, dict) and isinstance(track.get("name"), str) and _is_hex(track.get("fingerprint"))
    seeded = isinstance(about.get("seed"), int) and isinstance(about.get("simulator_version"), str)
    if not (named and seeded and about.get("direction") in known and isinstance(about.get("observation"), list)):
        raise ModelError("paddock.json lacks track, direction, seed, observation or version; take the folder anew")
    if about.get("means", MEANS) not in KNOWN_MEANS:
        raise ModelError("paddock.json: means cannot be; take the folder anew")
    for key in ("fingerprint", "previous_fingerprint", "parent"):
        if about.get(key) is not None and not _is_hex(about[key]):
            raise ModelError(f"paddock.json: {key} is no SHA-256; take the folder anew")
    return about


def read_car(path: Path) -> Car:
    """The car of model_metadata.json."""
    try:
        return Car.from_metadata(read_json_object(path, "model_metadata.json"))
    except CarError as error:
        raise ModelError(f"model_metadata.json: {error}") from error


def read_hyperparameters(path: Path) -> Hyperparameters:
    """The values of ip/hyperparameters.json."""
    try:
        return Hyperparameters.from_dict(read_json_object(path, "ip/hyperparameters.json"))
    except HyperparameterError as error:
        raise ModelError(f"ip/hyperparameters.json: {error}") from error


def read_text(path: Path, name: str) -> str:
    """A text file of the folder."""
    try:
        return read_bytes(path / name, MAXIMUM_JSON_BYTES).decode()
    except UnicodeDecodeError as error:
        raise ModelError(f"{name} is no UTF-8 text; take the folder anew") from error


def read_json_object(path: Path, name: str) -> dict[str, Any]:
    """A JSON object of the folder."""
    try:
        found = json.loads(read_text(path, name))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ModelError(f"{name} is no JSON ({error}); take the folder anew") from error
    if not isinstance(found, dict):
        raise ModelError(f"{name} holds no JSON object; take the folder anew")
    return found


def write_json(path: Path, value: Any) -> None:
    """A JSON file, indented for people."""
    write_bytes(path, (json.dumps(value, indent=2) + "\n").encode())


def _layout(car: Car, hyperparameters: Hyperparameters) -> NetworkLayout:
    try:
        return trained_layout(car, hyperparameters.stack_size)
    except CarError as error:
        raise ModelError(f"model_metadata.json: {error}") from error


def _is_hex(value: Any) -> bool:
    return isinstance(value, str) and _HEX.fullmatch(value) is not None
