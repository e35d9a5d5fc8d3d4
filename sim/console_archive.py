"""A model that the console, DeepRacer for Cloud or DeepRacer on AWS gave out, as a .tar.gz: its car, hyperparameters,
reward function, and the weights of its frozen graph.

Either the whole folder (`model/model_N.pb`, `model_metadata.json`, `ip/hyperparameters.json`, `reward_function.py`,
training parameters), or the archive for the physical car (`agent/model.pb`, `model_metadata.json`). Nothing of it is
believed or run; everything else in it is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from sim import SIMULATOR_VERSION
from sim.action_space import MAXIMUM_SPEED_MPS, MAXIMUM_STEERING_DEG, MINIMUM_SPEED_MPS
from sim.car import MOST_PARAMETERS, Car, CarError
from sim.foreign_tar import TooLarge, foreign_files
from sim.frozen_policy import SAME_NAMES, FrozenPolicy, read_policy
from sim.graph_reader import LARGEST_BYTES, Graph
from sim.hyperparameters import ROWS, HyperparameterError, Hyperparameters
from sim.model_archive import LARGEST_CODE_BYTES, LARGEST_JSON_BYTES, ArchivedModel, checked_code, checked_json
from sim.sensors import CONSOLE_MIDDLE_CNN, FRONT_FACING_CAMERA, MIDDLE_CNN, SHALLOW_CNN
from sim.track import Direction, Track
from sim.weights import ModelError, fingerprint

MOST_UNPACKED_BYTES = 1024**3
"""A whole folder has logs and videos, which are passed over."""
METADATA, HYPERPARAMETERS, CODE = "model_metadata.json", "hyperparameters.json", "reward_function.py"
CHECKPOINTS = "deepracer_checkpoints.json"
SMALL = {METADATA: LARGEST_JSON_BYTES, HYPERPARAMETERS: LARGEST_JSON_BYTES, CODE: LARGEST_CODE_BYTES}
PARAMETERS = re.compile(r"training_params(_[0-9A-Za-z-]{1,64})?\.ya?ml")
GRAPH = re.compile(r"(agent|model)/model(_\d{1,9})?\.pb")
WORLD = re.compile(r"""^WORLD_NAME:\s*['"]?([A-Za-z0-9_-]{1,64})['"]?\s*$""", re.MULTILINE)
CHECKPOINT = re.compile(r"(\d{1,9})_Step-\d{1,12}\.ckpt")
MOST_NOTES = 8
BUILT_AS = {MIDDLE_CNN.name: CONSOLE_MIDDLE_CNN.name}
"""What the console built under a name that stands for another network here."""
WHAT = (
    "Paddock reads its own archives, the console's, DeepRacer for Cloud's and DeepRacer on AWS's: a .tar.gz with "
    "model_metadata.json and agent/model.pb or model/model_N.pb."
)


@dataclass(frozen=True, eq=False)
class ConsoleModel:
    """What was found: `name` is the archive's own folder, empty where it has none; `code` and `world` (the track of
    its training) are empty where it does not tell them. `notes` say what had to be changed, for people."""

    name: str
    policy: FrozenPolicy
    hyperparameters: Hyperparameters
    code: str
    world: str
    graph: str
    notes: tuple[str, ...]

    def on(self, track: Track, direction: Direction, code: str, name: str) -> ArchivedModel:
        """The model for a garage: its home track, the reward function that a training of it would take, its name."""
        return ArchivedModel(
            name=name,
            car=self.policy.car,
            hyperparameters=self.hyperparameters,
            reward_code=code,
            track_name=track.name,
            track_fingerprint=track.fingerprint,
            track_length_m=round(track.length_m, 4),
            direction=direction,
            seed=0,
            simulator_version=SIMULATOR_VERSION,
            weights=fingerprint(self.policy.arrays),
            best=dict(self.policy.arrays),
            last=None,
            means=self.policy.layout.means,
        )


def read_console_archive(packed: BinaryIO, each: Callable[[str], None] = lambda _: None) -> ConsoleModel:
    """The model of such an archive, which must be seekable: where it has several graphs it is read again, so that only
    one is ever in memory. `each` is told every name.

    ModelError, in a sentence or two, for anything that is none.
    """
    contents = _Contents(each)
    try:
        for name, content in foreign_files(packed, budget=MOST_UNPACKED_BYTES, largest=contents.look):
            contents.keep(name, content)
    except TooLarge as error:
        raise _explained(error) from None
    metadata = contents.nearest(METADATA)
    if metadata is not None and not contents.graphs and contents.has_checkpoints:
        raise ModelError(
            "There are TensorFlow checkpoints (.ckpt) in the archive, which are not read, but no frozen graph. Add the "
            "model_N.pb that the training wrote beside each checkpoint, in the same folder."
        )
    if metadata is None or not contents.graphs:
        missing = METADATA if metadata is None else "frozen graph (agent/model.pb or model/model_N.pb)"
        raise ModelError(f"There is no {missing} in the archive. {WHAT}")
    notes = _Notes()
    car = car_of(checked_json(METADATA, metadata), notes)
    hyperparameters = _hyperparameters(contents.nearest(HYPERPARAMETERS), notes)
    code = contents.nearest(CODE)
    wanted = contents.best_graph()
    if contents.whole is None:
        packed.seek(0)
        one = foreign_files(
            packed, budget=MOST_UNPACKED_BYTES, largest=lambda name: LARGEST_BYTES if name == wanted else None
        )
        try:
            contents.whole = next(one)[1]
        except TooLarge as error:
            raise _explained(error) from None
    policy = read_policy(Graph.read(contents.whole), car)
    if policy.car.neural_network not in (car.neural_network, BUILT_AS.get(car.neural_network)):
        notes.add(f"model_metadata.json names the network {car.neural_network}; the graph has another one")
    return ConsoleModel(
        name=contents.folder(),
        policy=policy,
        hyperparameters=hyperparameters,
        code="" if code is None else checked_code(code),
        world=contents.world(),
        graph=wanted,
        notes=tuple(notes.said),
    )


def _explained(error: TooLarge) -> ModelError:
    """Of a graph, that its network is too large; of any other file, that the file is."""
    if not error.name.endswith(".pb"):
        return error
    return ModelError(
        f"{error.name[:120]} has {error.size / 1e6:.0f} MB: its network has more numbers than any that drives here "
        f"({MOST_PARAMETERS / 1e6:.0f} million)."
    )


@dataclass
class _Notes:
    said: list[str] = field(default_factory=list)

    def add(self, note: str) -> None:
        if len(self.said) < MOST_NOTES:
            self.said.append(note[:200])


class _Contents:
    """What lies where in the archive."""

    def __init__(self, each: Callable[[str], None]) -> None:
        self._each = each
        self.small: dict[str, bytes] = {}
        self.graphs: dict[str, int] = {}
        """Names of graphs, and the iterations that their names tell; -1 for agent/model.pb."""
        self.has_checkpoints = False
        self.whole: bytes | None = None
        """The first agent/model.pb, which counts before all other graphs."""

    def look(self, name: str) -> int | None:
        """How large a file may be that is read at once; graphs but the first agent/model.pb are only noted."""
        self._each(name)
        base = PurePosixPath(name).name
        self.has_checkpoints |= CHECKPOINT.match(base) is not None
        match = GRAPH.fullmatch("/".join(PurePosixPath(name).parts[-2:]))
        if match is not None and len(self.graphs) < 64:
            first = not match[2] and -1 not in self.graphs.values()
            self.graphs[name] = int(match[2][1:]) if match[2] else -1
            return LARGEST_BYTES if first else None
        if len(self.small) >= 64:
            return None
        if base == CHECKPOINTS or PARAMETERS.fullmatch(base):
            return LARGEST_JSON_BYTES
        return SMALL.get(base)

    def keep(self, name: str, content: bytes) -> None:
        if name in self.graphs:
            self.whole = content
        else:
            self.small.setdefault(name, content)

    def nearest(self, base: str) -> bytes | None:
        """The file of that name that lies least deep; the first one of equals."""
        found = [name for name in self.small if PurePosixPath(name).name == base]
        return self.small[min(found, key=lambda name: name.count("/"))] if found else None

    def best_graph(self) -> str:
        """agent/model.pb; else that of the best checkpoint, where the archive tells it; else the latest."""
        whole = next((name for name, iteration in self.graphs.items() if iteration < 0), None)
        if whole is not None:
            return whole
        best = self._best_iteration()
        fitting = [name for name, iteration in self.graphs.items() if iteration == best]
        return fitting[0] if fitting else max(self.graphs, key=lambda name: self.graphs[name])

    def _best_iteration(self) -> int | None:
        said = self.nearest(CHECKPOINTS)
        if said is None:
            return None
        checkpoints = checked_json(CHECKPOINTS, said)
        for kind in ("best_checkpoint", "last_checkpoint"):
            row = checkpoints.get(kind)
            name = row.get("name") if isinstance(row, dict) else None
            match = CHECKPOINT.fullmatch(name) if isinstance(name, str) else None
            if match is not None and int(match[1]) in self.graphs.values():
                return int(match[1])
        return None

    def world(self) -> str:
        """The track that the training's parameters name."""
        for name, content in self.small.items():
            if PARAMETERS.fullmatch(PurePosixPath(name).name):
                match = WORLD.search(content.decode("utf-8", "replace"))
                if match is not None:
                    return match[1]
        return ""

    def folder(self) -> str:
        """The folder that everything lies in, if there is one."""
        tops = {name.partition("/")[0] for name in [*self.small, *self.graphs] if "/" in name}
        flat = any("/" not in name for name in self.small)
        return tops.pop() if len(tops) == 1 and not flat else ""


def car_of(metadata: dict[str, Any], notes: _Notes) -> Car:
    """The car of a model_metadata.json of any age. ModelError for one that this Paddock cannot drive."""
    known = dict(metadata)
    sensors = known.get("sensor") or [FRONT_FACING_CAMERA.name]
    if isinstance(sensors, list):
        known["sensor"] = [SAME_NAMES.get(name, name) if isinstance(name, str) else name for name in sensors]
    known.setdefault("neural_network", SHALLOW_CNN.name)
    known["action_space"] = _within(known.get("action_space"), notes)
    if not isinstance(known.get("lidar_config"), dict):
        known.pop("lidar_config", None)
    try:
        car = Car.from_metadata(known)
        car.check_drivable()
    except CarError as error:
        raise ModelError(f"{METADATA}: {str(error)[:200]}.") from None
    except (TypeError, ValueError, OverflowError, KeyError, AttributeError):
        raise ModelError(f"{METADATA} holds values that cannot be.") from None
    return car


def _within(actions: Any, notes: _Notes) -> Any:
    """Actions as the real simulator carried them out: speeds and angles beyond its limits were cut to them.

    Numbers of actions that are not 0, 1, 2… give way to their order, which is the order of the network's outputs.
    """
    if not isinstance(actions, list) or not all(isinstance(row, dict) for row in actions):
        return actions
    cut: list[dict[str, float]] = []
    for row in actions:
        speed, angle = row.get("speed"), row.get("steering_angle")
        if not all(isinstance(value, (int, float)) for value in (speed, angle)):
            return actions
        slower = min(max(float(speed), MINIMUM_SPEED_MPS), MAXIMUM_SPEED_MPS)
        straighter = min(max(float(angle), -MAXIMUM_STEERING_DEG), MAXIMUM_STEERING_DEG)
        if (slower, straighter) != (speed, angle):
            notes.add(
                f"action {len(cut)} ({angle:g}°, {speed:g} m/s) is cut to {straighter:g}°, {slower:g} m/s, as the "
                "simulator did"
            )
        cut.append({"steering_angle": straighter, "speed": slower})
    return cut


def _hyperparameters(content: bytes | None, notes: _Notes) -> Hyperparameters:
    """Values that can be; others give way to the defaults, with a note. They matter only for trainings to come."""
    if content is None:
        notes.add("there are no hyperparameters in it; the defaults stand")
        return Hyperparameters()
    values: dict[str, Any] = {}
    for name, value in checked_json(HYPERPARAMETERS, content).items():
        if name not in ROWS:
            continue
        try:
            values[name] = ROWS[name].check(value)
        except HyperparameterError:
            notes.add(f"{name} {value!r:.40} is not possible here; the default {ROWS[name].default} stands")
    return Hyperparameters(**{**values, "stack_size": 1})
