"""Reading a model's archive, a .tar.gz that anybody may have made: nothing of it is believed, run or unpickled.

Only the files that `sim.model_folder` knows may be in it. Of those the ones that make the model drive are read: each
has a greatest size, JSON a schema and a depth, weights exactly the names, shapes and numbers that the car and its
network need. Logs and the checkpoint are passed over. What is written afterwards is made anew from what was checked,
under our own names.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from sim import tar_stream
from sim.archive_writer import LARGEST_LAST_BYTES
from sim.best_choice import BEST_BY, USUAL_BEST_BY
from sim.car import Car, CarError
from sim.hyperparameters import HyperparameterError, Hyperparameters
from sim.learning.shape import observed_columns
from sim.looks import LOOKS, USUAL_LOOK
from sim.model_folder import (
    BEST,
    CHECKPOINT,
    FORMAT,
    LAST,
    METRICS,
    TRACES,
    inherited_facts,
    policy_arrays_expected,
    unusual_facts,
    write_json,
    write_model_facts,
)
from sim.network_layout import KNOWN_MEANS, MEANS, NetworkLayout, trained_layout
from sim.objects import ObjectsError, TrackObjects, objects_from_json
from sim.randomisation import RANDOMISATIONS, USUAL_RANDOMISATION
from sim.starts import STARTS, USUAL_STARTS
from sim.tar_stream import ANEW
from sim.track import Direction, TrackError, check_name
from sim.training_scene import scene_in
from sim.weights import MAXIMUM_HEADER_BYTES, Arrays, ModelError, fingerprint, write_arrays

__all__ = ["ArchivedModel", "ModelError", "read_archive"]

MOST_UNPACKED_BYTES = 336 * 1024**2
"""Of the whole archive. A day's training leaves some 35 MB: 256 traces, 50,000 rows of metrics, the weights; those of
the 3-layer CNN are 23 MB, of the largest network that drives here 256 MB."""
LARGEST_JSON_BYTES = 64 * 1024
LARGEST_CODE_BYTES = 64 * 1024
DEEPEST_JSON = 16
LARGEST_SEED = 2**31 - 1
KIBI, MEBI = 1024, 1024**2
READ = {
    "paddock.json": LARGEST_JSON_BYTES,
    "model_metadata.json": LARGEST_JSON_BYTES,
    "ip/hyperparameters.json": LARGEST_JSON_BYTES,
    "reward_function.py": LARGEST_CODE_BYTES,
    BEST: 250 * MEBI,
    LAST: LARGEST_LAST_BYTES,
}
"""Files that are read, with their greatest sizes; all but the last policy must be there."""
PASSED_OVER = {CHECKPOINT: 97 * MEBI, METRICS: 32 * MEBI, "best-drive.json": MEBI}
TRACE = re.compile(re.escape(TRACES) + r"/[1-9][0-9]{0,8}-iteration\.csv")
LARGEST_TRACE_BYTES = 2 * MEBI
FOLDER = re.compile(r"[A-Za-z0-9_-]{1,64}")
TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A text of JSON. It matches from every quote, closed or not, so that no file makes it look at a byte twice."""
HEX = re.compile(r"[0-9a-f]{64}")
ABOUT = {
    "format",
    "simulator_version",
    "track",
    "direction",
    "seed",
    "network",
    "sensors",
    "observation",
    "fingerprint",
}
ALSO_ABOUT = {"previous_fingerprint", "best", "race", "look", "randomisation", "starts", "best_by", "means", "parent"}


@dataclass(frozen=True, eq=False)
class ArchivedModel:
    """A model as its archive has it, checked. `name` is the archive's folder, `weights` the best policy's hash."""

    name: str
    car: Car
    hyperparameters: Hyperparameters
    reward_code: str
    track_name: str
    track_fingerprint: str
    track_length_m: float
    direction: Direction
    seed: int
    simulator_version: str
    weights: str
    best: Arrays
    last: Arrays | None
    objects: TrackObjects | None = None
    look: str = USUAL_LOOK
    randomisation: str = USUAL_RANDOMISATION
    starts: str = USUAL_STARTS
    best_by: str = USUAL_BEST_BY
    means: str = MEANS
    parent: str | None = None
    """Fingerprint of the weights that its training began with, if it began with any."""

    def write(self, folder: Path) -> None:
        """A model's folder, made anew; `sim.model_folder.ModelFolder` reads it."""
        write_model_facts(folder, self.car, self.hyperparameters, self.reward_code)
        write_json(folder / "paddock.json", self._about())
        write_arrays(folder / BEST, self.best, {"fingerprint": self.weights})
        if self.last is not None:
            write_arrays(folder / LAST, self.last, {"fingerprint": fingerprint(self.last)})

    def _about(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "simulator_version": self.simulator_version,
            "track": {
                "name": self.track_name,
                "fingerprint": self.track_fingerprint,
                "length_m": self.track_length_m,
            },
            "direction": str(self.direction),
            "seed": self.seed,
            "network": self.car.neural_network,
            "sensors": [sensor.name for sensor in self.car.sensors],
            "observation": list(observed_columns(self.car)),
            "fingerprint": self.weights,
            **unusual_facts(self.objects, scene_in(self)),
            **inherited_facts(self.means, self.parent),
        }


def read_archive(packed: BinaryIO) -> ArchivedModel:
    """The model of a .tar.gz. ModelError, in one sentence or two with the mend, for anything that is none.

    Reads at most the greatest sizes above into memory; stops at the first thing that is wrong.
    """
    names = _Names()
    found = dict(tar_stream.files(packed, budget=MOST_UNPACKED_BYTES, largest=names.largest))
    found = {name.partition("/")[2]: content for name, content in found.items()}
    for name in READ:
        if name != LAST and name not in found:
            raise ModelError(f"{name} is missing from the archive. {ANEW}")
    return _model(names.folder, found)


class _Names:
    """What may be in the archive: known names, each once, in one folder."""

    def __init__(self) -> None:
        self.folder = ""
        self.seen: set[str] = set()

    def largest(self, name: str) -> tuple[int, bool]:
        folder, _, inside = name.partition("/")
        if not FOLDER.fullmatch(folder) or (self.folder and folder != self.folder):
            raise ModelError(f"The files of a model lie in one folder; {name[:80]!r} does not. {ANEW}")
        self.folder = folder
        if inside in self.seen:
            raise ModelError(f"{inside} is in the archive twice. {ANEW}")
        self.seen.add(inside)
        if inside in READ:
            return READ[inside], True
        if inside in PASSED_OVER:
            return PASSED_OVER[inside], False
        if TRACE.fullmatch(inside):
            return LARGEST_TRACE_BYTES, False
        raise ModelError(f"{inside[:80]!r} is no file of a model. {ANEW}")


def _model(folder: str, found: dict[str, bytes]) -> ArchivedModel:
    about = _about(found["paddock.json"])
    car, hyperparameters, layout = _made_of(found["model_metadata.json"], found["ip/hyperparameters.json"])
    if about["observation"] != list(observed_columns(car)):
        raise ModelError("This model was trained on other observations than this Paddock has. Train it again.")
    expected = policy_arrays_expected(layout)
    best = checked_arrays(BEST, found[BEST], expected)
    weights = fingerprint(best)
    if weights not in (about["fingerprint"], about.get("previous_fingerprint")):
        raise ModelError(f"{BEST} is not the one that paddock.json names. {ANEW}")
    return ArchivedModel(
        name=folder,
        car=car,
        hyperparameters=hyperparameters,
        reward_code=checked_code(found["reward_function.py"]),
        track_name=about["track"]["name"],
        track_fingerprint=about["track"]["fingerprint"],
        track_length_m=float(about["track"]["length_m"]),
        direction=Direction(about["direction"]),
        seed=about["seed"],
        simulator_version=about["simulator_version"],
        weights=weights,
        best=best,
        last=checked_arrays(LAST, found[LAST], expected) if LAST in found else None,
        objects=_race(about.get("race")),
        look=_one_of(LOOKS, about.get("look", USUAL_LOOK), "look"),
        randomisation=_one_of(RANDOMISATIONS, about.get("randomisation", USUAL_RANDOMISATION), "randomisation"),
        starts=_one_of(STARTS, about.get("starts", USUAL_STARTS), "starts"),
        best_by=_one_of(BEST_BY, about.get("best_by", USUAL_BEST_BY), "choice of the best"),
        means=_one_of(KNOWN_MEANS, about.get("means", MEANS), "kind of means"),
        parent=about.get("parent"),
    )


def _about(data: bytes) -> dict[str, Any]:
    """paddock.json, where it says all that it must, and nothing else."""
    about = checked_json("paddock.json", data)
    if about.get("format") != FORMAT or isinstance(about.get("format"), bool):
        said = repr(about.get("format"))[:20]
        raise ModelError(f"paddock.json has format {said}; this Paddock reads format {FORMAT}. Update Paddock.")
    if not ABOUT <= set(about) <= ABOUT | ALSO_ABOUT:
        odd = ", ".join(sorted(set(about) ^ ABOUT)[:3])
        raise ModelError(f"paddock.json says too little or too much ({odd[:80]}). {ANEW}")
    if not all(_fits(about[name], check) for name, check in _CHECKS.items()):
        wrong = next(name for name, check in _CHECKS.items() if not _fits(about[name], check))
        raise ModelError(f"paddock.json: {wrong} cannot be. {ANEW}")
    for name in ("previous_fingerprint", "parent"):
        if about.get(name) is not None and not _is_hex(about[name]):
            raise ModelError(f"paddock.json: {name} cannot be. {ANEW}")
    return about


def _one_of(known: Collection[str], value: Any, what: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise ModelError(f"paddock.json: this Paddock has no {what} {value!r:.40}. Update Paddock.")
    return value


def _race(found: Any) -> TrackObjects | None:
    """The boxes or bots that it was trained among. ModelError for what no training can have had."""
    if found is None:
        return None
    try:
        if isinstance(found, dict):
            return objects_from_json(found)
    except (ObjectsError, OverflowError):
        pass
    raise ModelError(f"paddock.json: race cannot be. {ANEW}")


def _fits(value: Any, check: Any) -> bool:
    return bool(check(value))


def _is_hex(value: Any) -> bool:
    return isinstance(value, str) and HEX.fullmatch(value) is not None


def _is_track(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"name", "fingerprint", "length_m"}:
        return False
    length_m = value["length_m"]
    if isinstance(length_m, bool) or not isinstance(length_m, (int, float)) or not 0 < length_m < 1e6:
        return False
    try:
        return isinstance(value["name"], str) and bool(check_name(value["name"])) and _is_hex(value["fingerprint"])
    except TrackError:
        return False


_CHECKS: dict[str, Any] = {
    "simulator_version": lambda value: isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._+-]{1,32}", value),
    "track": _is_track,
    "direction": lambda value: value in [str(direction) for direction in Direction],
    "seed": lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_SEED,
    "observation": lambda value: isinstance(value, list),
    "fingerprint": _is_hex,
}


def _made_of(metadata: bytes, hyperparameters: bytes) -> tuple[Car, Hyperparameters, NetworkLayout]:
    try:
        car = Car.from_metadata(checked_json("model_metadata.json", metadata))
        values = Hyperparameters.from_dict(checked_json("ip/hyperparameters.json", hyperparameters))
        return car, values, trained_layout(car, values.stack_size)
    except (CarError, HyperparameterError) as error:
        file = "model_metadata.json" if isinstance(error, CarError) else "ip/hyperparameters.json"
        raise ModelError(f"{file}: {str(error)[:200]}.") from None
    except ModelError:
        raise
    except (TypeError, ValueError, OverflowError, KeyError, AttributeError):
        raise ModelError(
            f"model_metadata.json or ip/hyperparameters.json holds values that cannot be. {ANEW}"
        ) from None


def checked_code(data: bytes) -> str:
    """The text of a reward function. ModelError for what is none."""
    try:
        code = data.decode()
    except UnicodeDecodeError:
        raise ModelError(f"reward_function.py is no UTF-8 text. {ANEW}") from None
    if "\0" in code or not code.strip():
        raise ModelError(f"reward_function.py holds no code. {ANEW}")
    return code


def checked_json(name: str, data: bytes) -> dict[str, Any]:
    """An object of plain JSON: UTF-8, not deep, no name twice, no NaN or infinity. ModelError else."""
    if _depth(data) > DEEPEST_JSON:
        raise ModelError(f"{name} is nested too deeply. {ANEW}")
    try:
        found = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        raise ModelError(f"{name} is no plain JSON. {ANEW}") from None
    if not isinstance(found, dict):
        raise ModelError(f"{name} holds no JSON object. {ANEW}")
    return found


def _depth(data: bytes) -> int:
    """How deeply objects and lists are nested, before anything parses them; brackets in texts do not count."""
    deepest = depth = 0
    for bracket in re.findall(rb"[\[{\]}]", TEXT.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def checked_arrays(name: str, data: bytes, expected: dict[str, tuple[tuple[int, ...], str]]) -> Arrays:
    """float32 arrays of a safetensors file that holds exactly the expected ones, and all of it. ModelError else.

    The header is checked here before a single number is looked at: the arrays must cover the rest of the file without
    gaps and overlaps.
    """
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= size <= min(MAXIMUM_HEADER_BYTES, len(data) - 8):
        raise ModelError(f"{name} is no safetensors file. {ANEW}")
    header, body = checked_json(name, data[8 : 8 + size]), data[8 + size :]
    header.pop("__metadata__", None)
    if set(header) != set(expected):
        odd = ", ".join(sorted(set(header) ^ set(expected))[:4])
        raise ModelError(f"{name} does not fit this model's network ({odd[:120]}). {ANEW}")
    arrays: Arrays = {}
    spans = []
    for key, (shape, _kind) in expected.items():
        begin, end = _span(name, key, header[key], shape)
        spans.append((begin, end))
        if end > len(body):
            raise ModelError(f"{name} is cut short. {ANEW}")
        array = np.frombuffer(body[begin:end], "<f4").reshape(shape).astype(np.float32)
        if not np.isfinite(array).all():
            raise ModelError(f"{name}: {key} holds values that are no finite numbers. Use an earlier download.")
        arrays[key] = array
    spans.sort()
    ends = [0, *(end for _, end in spans)]
    if [begin for begin, _ in spans] != ends[:-1] or ends[-1] != len(body):
        raise ModelError(f"{name}: its arrays overlap or leave gaps. {ANEW}")
    return arrays


def _span(name: str, key: str, said: Any, shape: tuple[int, ...]) -> tuple[int, int]:
    """Where an array lies, where its kind, shape and size are the expected ones."""
    wrong = ModelError(f"{name}: {key} is not float32 {shape}, which the car and its network need. {ANEW}")
    if not isinstance(said, dict) or set(said) != {"dtype", "shape", "data_offsets"}:
        raise wrong
    offsets = said["data_offsets"]
    if said["dtype"] != "F32" or said["shape"] != list(shape) or not isinstance(offsets, list) or len(offsets) != 2:
        raise wrong
    begin, end = offsets
    whole = all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in offsets)
    if not whole or end - begin != 4 * math.prod(shape):
        raise wrong
    return begin, end
