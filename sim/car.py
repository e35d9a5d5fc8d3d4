"""A car: its sensors, its network and what it may do, as the real model_metadata.json writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.action_space import Action, ActionSpace, ActionSpaceError, ContinuousActionSpace, DiscreteActionSpace
from sim.sensors import NETWORKS, PADDOCK_SMALL, SENSORS, TRACK_FEATURES, Sensor, SensorKind

USUAL_ALGORITHM = "clipped_ppo"
ALGORITHMS = (USUAL_ALGORITHM, "sac")
METADATA_VERSION = "5"
MOST_PARAMETERS = 64_000_000
"""Numbers of a network that drives here: 256 MB in a file, and three times that in a checkpoint. The largest that the
console had, its 5-layer CNN behind two cameras, has 58 million."""


class CarError(ValueError):
    """A car that cannot be; `field` is the key of model_metadata.json that is to blame."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Car:
    """Sensors, network, action space and algorithm of a car.

    `version` and `lidar_config` are kept as a file had them, so that writing gives back what was read.
    CarError says what does not fit together.
    """

    sensors: tuple[Sensor, ...]
    neural_network: str
    action_space: ActionSpace
    training_algorithm: str = USUAL_ALGORITHM
    version: str = METADATA_VERSION
    lidar_config: tuple[tuple[str, float], ...] | None = field(default=None)

    def __post_init__(self) -> None:
        if not self.sensors:
            raise CarError("sensor", "a car needs a sensor")
        for kind in SensorKind:
            titles = [sensor.title for sensor in self.sensors if sensor.kind is kind]
            if len(titles) > 1:
                raise CarError("sensor", f"a car carries one {kind} sensor, not {' and '.join(titles)}")
        if self.neural_network not in NETWORKS:
            raise CarError(
                "neural_network", f"there is no network {self.neural_network!r}; known: {', '.join(NETWORKS)}"
            )
        if self.training_algorithm not in ALGORITHMS:
            known = " and ".join(ALGORITHMS)
            raise CarError("training_algorithm", f"there is no algorithm {self.training_algorithm!r}; known: {known}")
        if self.training_algorithm == "sac" and isinstance(self.action_space, DiscreteActionSpace):
            raise CarError("training_algorithm", "SAC needs a continuous action space; choose that or clipped_ppo")

    @classmethod
    def default(cls) -> Car:
        """The car that a newcomer starts with: track vector, small network, the console's ten actions."""
        return cls((TRACK_FEATURES,), PADDOCK_SMALL.name, DiscreteActionSpace.default())

    @classmethod
    def from_metadata(cls, metadata: Any) -> Car:
        """Read the contents of a model_metadata.json (version 4 or 5). Keys that mean nothing here are left aside."""
        if not isinstance(metadata, dict):
            raise CarError("", "a car file holds one JSON object, as model_metadata.json does")
        return cls(
            sensors=_sensors(metadata.get("sensor")),
            neural_network=_text(metadata, "neural_network", PADDOCK_SMALL.name),
            action_space=_action_space(metadata),
            training_algorithm=_text(metadata, "training_algorithm", USUAL_ALGORITHM),
            version=str(metadata.get("version", METADATA_VERSION)),
            lidar_config=_lidar_config(metadata.get("lidar_config")),
        )

    def to_metadata(self) -> dict[str, Any]:
        """What model_metadata.json holds for this car; `from_metadata` gives an equal car back."""
        discrete = isinstance(self.action_space, DiscreteActionSpace)
        metadata: dict[str, Any] = {
            "action_space": _actions_as_json(self.action_space),
            "action_space_type": "discrete" if discrete else "continuous",
            "sensor": [sensor.name for sensor in self.sensors],
            "neural_network": self.neural_network,
            "training_algorithm": self.training_algorithm,
            "version": self.version,
        }
        if self.lidar_config is not None:
            metadata["lidar_config"] = dict(self.lidar_config)
        return metadata

    def check_trainable(self) -> None:
        """CarError where this version of Paddock cannot train the car, with what to choose instead."""
        self.check_drivable()

    def check_drivable(self) -> None:
        """CarError where a policy of this car cannot drive here, whatever trained it."""
        for sensor in self.sensors:
            if not sensor.trainable:
                usable = " or ".join(known.title for known in SENSORS.values() if known.trainable)
                raise CarError("sensor", f"this Paddock cannot train on {sensor.title!r}; choose {usable}")
        network = NETWORKS[self.neural_network]
        kinds = {sensor.kind for sensor in self.sensors}
        camera = SensorKind.CAMERA in kinds
        if not kinds <= network.kinds or camera != bool(network.convolutions):
            fitting = [
                known.title
                for known in NETWORKS.values()
                if kinds <= known.kinds and camera == bool(known.convolutions)
            ]
            seen = " and ".join(sensor.title for sensor in self.sensors)
            mend = f"choose {' or '.join(fitting)}" if fitting else "leave out a sensor"
            raise CarError("neural_network", f"the network {network.title!r} is not for {seen}; {mend}")
        self._check_size()

    def _check_size(self) -> None:
        """CarError for a picture that is too small for the network, or a network that would be too large behind it."""
        from sim.network_layout import layout_of  # it needs cars itself

        title = NETWORKS[self.neural_network].title
        try:
            parameters = layout_of(self).parameters()
        except CarError:
            raise
        except ValueError as error:
            raise CarError("neural_network", f"the picture is too small for the network {title!r}: {error}") from error
        if parameters > MOST_PARAMETERS:
            raise CarError(
                "neural_network",
                f"behind these sensors the network {title!r} has {parameters / 1e6:.0f} million numbers, more than the "
                f"{MOST_PARAMETERS / 1e6:.0f} million of this Paddock; choose a smaller one",
            )

    def trainable(self) -> bool:
        """True where `check_trainable` finds nothing."""
        try:
            self.check_trainable()
        except CarError:
            return False
        return True

    def can_continue(self, other: Car) -> bool:
        """True where the weights of `other` fit this car: same sensors, network, algorithm (SAC's network has a layer
        more), kind and number of actions."""
        return (
            [sensor.name for sensor in self.sensors] == [sensor.name for sensor in other.sensors]
            and self.neural_network == other.neural_network
            and self.training_algorithm == other.training_algorithm
            and type(self.action_space) is type(other.action_space)
            and self.action_space.size == other.action_space.size
        )


def _sensors(names: Any) -> tuple[Sensor, ...]:
    if not isinstance(names, list) or not names:
        raise CarError("sensor", '"sensor" must be a list of names, for example ["LIDAR"]')
    for name in names:
        if not isinstance(name, str) or name not in SENSORS:
            raise CarError("sensor", f"there is no sensor {name!r}; known: {', '.join(SENSORS)}")
    return tuple(SENSORS[name] for name in names)


def _text(metadata: dict[str, Any], key: str, default: str) -> str:
    value = metadata.get(key, default)
    if not isinstance(value, str):
        raise CarError(key, f'"{key}" must be text')
    return value


def _lidar_config(value: Any) -> tuple[tuple[str, float], ...] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(_is_number(number) for number in value.values()):
        raise CarError("lidar_config", '"lidar_config" must be an object of numbers')
    return tuple(value.items())


def _action_space(metadata: dict[str, Any]) -> ActionSpace:
    found = metadata.get("action_space")
    kind = metadata.get("action_space_type", "continuous" if isinstance(found, dict) else "discrete")
    try:
        if kind == "discrete":
            return DiscreteActionSpace(_actions(found))
        if kind == "continuous":
            steering, speed = _range(found, "steering_angle"), _range(found, "speed")
            return ContinuousActionSpace(*steering, *speed)
    except ActionSpaceError as error:
        raise CarError("action_space", f"{error.field}: {error.message}") from None
    raise CarError("action_space_type", f"there is no kind of actions {kind!r}; known: discrete and continuous")


def _actions(found: Any) -> tuple[Action, ...]:
    if not isinstance(found, list):
        raise CarError("action_space", '"action_space" must be a list of {"steering_angle", "speed"}')
    for position, row in enumerate(found):
        if not isinstance(row, dict) or not (_is_number(row.get("steering_angle")) and _is_number(row.get("speed"))):
            raise CarError("action_space", f"action {position} needs numbers for steering_angle and speed")
    numbers = [row.get("index", position) for position, row in enumerate(found)]
    if sorted(numbers, key=str) != sorted(range(len(found)), key=str):
        raise CarError("action_space", f"the indices of the actions must be 0 to {len(found) - 1}, each once")
    ordered = sorted(found, key=lambda row: int(row.get("index", found.index(row))))
    return tuple(Action(float(row["steering_angle"]), float(row["speed"])) for row in ordered)


def _range(found: Any, key: str) -> tuple[float, float]:
    limits = found.get(key) if isinstance(found, dict) else None
    if not isinstance(limits, dict) or not (_is_number(limits.get("low")) and _is_number(limits.get("high"))):
        raise CarError("action_space", f'a continuous action space needs {{"low", "high"}} for "{key}"')
    return float(limits["low"]), float(limits["high"])


def _actions_as_json(space: ActionSpace) -> Any:
    if isinstance(space, DiscreteActionSpace):
        return [
            {"steering_angle": action.steering_deg, "speed": action.speed_mps, "index": index}
            for index, action in enumerate(space.actions)
        ]
    return {
        "steering_angle": {"low": space.steering_low_deg, "high": space.steering_high_deg},
        "speed": {"low": space.speed_low_mps, "high": space.speed_high_mps},
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
