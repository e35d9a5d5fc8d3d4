"""A car as a form says it: by a grid of actions, a list of them, or ranges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from werkzeug.datastructures import MultiDict

from portal.forms.numbers import decimal, sentence, whole
from portal.forms.parsing import FormErrors
from sim.action_space import (
    MAXIMUM_ACTIONS,
    SPEED_GRANULARITIES,
    STEERING_GRANULARITIES,
    Action,
    ActionSpace,
    ActionSpaceError,
    ContinuousActionSpace,
    DiscreteActionSpace,
)
from sim.car import ALGORITHMS, Car, CarError
from sim.sensors import SENSORS, Sensor

BLANK_ROWS = 3
"""Empty rows after a list of actions: without a script they are how actions are added."""
GRID_NUMBERS: dict[str, Callable[[str], float]] = {
    "steering_granularity": whole,
    "maximum_steering_deg": decimal,
    "speed_granularity": whole,
    "maximum_speed_mps": decimal,
}
CLIPPED_PPO, SAC = ALGORITHMS
RANGE_NUMBERS = ("steering_low_deg", "steering_high_deg", "speed_low_mps", "speed_high_mps")
FIELDS = {"sensor": "sensor", "neural_network": "neural_network", "training_algorithm": "training_algorithm"}
"""Where the form shows what `Car` says about a key of its file."""

Value = TypeVar("Value")


class ActionKind(StrEnum):
    """How the form describes the actions."""

    GRID = "grid"
    LIST = "list"
    RANGE = "range"


@dataclass(frozen=True)
class CarForm:
    """What the form says, checked."""

    name: str
    colour: str
    car: Car


def read_car(submitted: MultiDict[str, str]) -> CarForm:
    """The checked form. Raises FormErrors by field; an action of the list is `steering-0` or `speed-0`."""
    errors: dict[str, str] = {}
    if not submitted.get("name", "").strip():
        errors["name"] = "Please give it a name."
    sensors = tuple(SENSORS[name] for name in submitted.getlist("sensor") if name in SENSORS)
    if not sensors:
        errors["sensor"] = "Please choose a sensor."
    space = _action_space(submitted, errors)
    algorithm = CLIPPED_PPO  # of discrete actions there is no other, whatever the part of continuous ones says
    if isinstance(space, ContinuousActionSpace):
        algorithm = submitted.get("training_algorithm", CLIPPED_PPO)
    network = submitted.get("neural_network", "")
    car = _car(sensors, network, space, algorithm, errors) if space and sensors else None
    if errors or car is None:
        raise FormErrors(errors)
    return CarForm(submitted.get("name", "").strip(), submitted.get("colour", ""), car)


def _car(
    sensors: tuple[Sensor, ...], network: str, space: ActionSpace, algorithm: str, errors: dict[str, str]
) -> Car | None:
    try:
        car = Car(sensors, network, space, algorithm)
        car.check_trainable()
    except CarError as error:
        errors[FIELDS.get(error.field, "")] = sentence(error.message)
        return None
    return car


def _action_space(submitted: MultiDict[str, str], errors: dict[str, str]) -> ActionSpace | None:
    kind = submitted.get("action_kind", "")
    if kind not in list(ActionKind):
        errors["action_kind"] = "Please choose how the actions are given."
        return None
    read = {ActionKind.GRID: _grid, ActionKind.LIST: _list, ActionKind.RANGE: _range}[ActionKind(kind)]
    try:
        return read(submitted, errors)
    except ActionSpaceError as error:
        errors[_field_of(error.field)] = sentence(error.message)
        return None


def _field_of(field: str) -> str:
    """`actions.2.steering_angle` of the simulator is `steering-2` on the form."""
    parts = field.split(".")
    return f"{'steering' if parts[2] == 'steering_angle' else 'speed'}-{parts[1]}" if len(parts) == 3 else field


def _number(read: Callable[[str], Value], text: str, field: str, errors: dict[str, str]) -> Value | None:
    try:
        return read(text)
    except ValueError as error:
        errors[field] = str(error)
        return None


def _grid(submitted: MultiDict[str, str], errors: dict[str, str]) -> ActionSpace | None:
    numbers = {name: _number(read, submitted.get(name, ""), name, errors) for name, read in GRID_NUMBERS.items()}
    if None in numbers.values():
        return None
    checked: dict[str, Any] = numbers
    return DiscreteActionSpace.grid(**checked)


def _range(submitted: MultiDict[str, str], errors: dict[str, str]) -> ActionSpace | None:
    numbers = [_number(decimal, submitted.get(name, ""), name, errors) for name in RANGE_NUMBERS]
    return None if None in numbers else ContinuousActionSpace(*(float(number or 0) for number in numbers))


def _list(submitted: MultiDict[str, str], errors: dict[str, str]) -> ActionSpace | None:
    actions = []
    for index, (steering, speed) in enumerate(typed_actions(submitted)):
        angle = _number(decimal, steering, f"steering-{index}", errors)
        pace = _number(decimal, speed, f"speed-{index}", errors)
        if angle is not None and pace is not None:
            actions.append(Action(angle, pace))
    if any(field.startswith(("steering-", "speed-")) for field in errors):
        return None
    return DiscreteActionSpace(tuple(actions))


def typed_actions(submitted: MultiDict[str, str]) -> list[tuple[str, str]]:
    """The rows of the list as they were typed, without the empty ones."""
    rows = zip(submitted.getlist("steering"), submitted.getlist("speed"), strict=False)
    return [(steering, speed) for steering, speed in rows if steering.strip() or speed.strip()]


def shown_rows(values: MultiDict[str, str]) -> list[tuple[str, str]]:
    """The rows that the form shows: what is there, and some empty ones as long as more actions are possible."""
    rows = typed_actions(values)
    return [*rows, *([("", "")] * min(BLANK_ROWS, MAXIMUM_ACTIONS - len(rows)))]


def values_of(car: Car, *, name: str = "", colour: str = "teal") -> MultiDict[str, str]:
    """What the form shows for a car: as a grid where its actions are one, else as a list or ranges."""
    plain = {"name": name, "colour": colour, "neural_network": car.neural_network}
    plain["training_algorithm"] = car.training_algorithm
    space = car.action_space
    listed: tuple[Action, ...] = ()
    if isinstance(space, ContinuousActionSpace):
        limits = (space.steering_low_deg, space.steering_high_deg, space.speed_low_mps, space.speed_high_mps)
        numbers = _DEFAULTS | dict(zip(RANGE_NUMBERS, limits, strict=True))
        plain["action_kind"] = ActionKind.RANGE
    else:
        grid, listed = grid_of(space), space.actions
        numbers = _DEFAULTS | (grid or {})
        plain["action_kind"] = ActionKind.GRID if grid else ActionKind.LIST
    values: MultiDict[str, str] = MultiDict(plain | {key: f"{value:.10g}" for key, value in numbers.items()})
    values.setlist("sensor", [sensor.name for sensor in car.sensors])
    values.setlist("steering", [f"{action.steering_deg:.10g}" for action in listed])
    values.setlist("speed", [f"{action.speed_mps:.10g}" for action in listed])
    return values


_DEFAULTS: dict[str, float] = {
    "steering_granularity": 5,
    "maximum_steering_deg": 30,
    "speed_granularity": 2,
    "maximum_speed_mps": 0.8,
    "steering_low_deg": -30,
    "steering_high_deg": 30,
    "speed_low_mps": 0.5,
    "speed_high_mps": 1,
}


def grid_of(space: DiscreteActionSpace) -> dict[str, float] | None:
    """The generator's four numbers that make this list, or None where it is no grid."""
    angles = {action.steering_deg for action in space.actions}
    speeds = {action.speed_mps for action in space.actions}
    numbers = (len(angles), max(abs(angle) for angle in angles) or 30.0, len(speeds), max(speeds))
    if numbers[0] not in STEERING_GRANULARITIES or numbers[2] not in SPEED_GRANULARITIES:
        return None
    try:
        made = DiscreteActionSpace.grid(*numbers)
    except ActionSpaceError:
        return None
    return dict(zip(GRID_NUMBERS, numbers, strict=True)) if made == space else None
