"""A model as a form says it: track, car, reward function, hyperparameters, stop time and name."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from portal.forms.numbers import decimal, sentence
from portal.forms.parsing import FormErrors
from sim.hyperparameters import HYPERPARAMETERS, HyperparameterError, HyperparameterRow, Hyperparameters
from sim.track import Direction
from sim.training_scene import CHOICES, scene_of

MINUTE_MS = 60_000
DEFAULT_MINUTES = "10"
STARTER_CAR = ""
"""The value of the `car` field that means the default car."""
CHOOSE = {
    "look": "Please choose a look.",
    "randomisation": "Please choose whether it is randomised.",
    "starts": "Please choose where episodes begin.",
    "best_by": "Please choose what the best iteration is chosen by.",
}
"""What is said where a choice of the training's scene is none of the known ones."""


@dataclass(frozen=True)
class ModelForm:
    """What the form says, checked as far as it can be without the database."""

    name: str
    description: str
    track: str
    direction: Direction
    car: str
    """A car's public id, or empty for the default car."""
    code: str
    hyperparameters: Hyperparameters
    look: str
    randomisation: str
    starts: str
    best_by: str
    training_limit_ms: int


def read_model(submitted: MultiDict[str, str], track_names: list[str]) -> ModelForm:
    """The checked form. Raises FormErrors by field; hyperparameters are named `hp-` and their real name."""
    errors: dict[str, str] = {}
    name, code = submitted.get("name", "").strip(), submitted.get("code", "")
    if not name:
        errors["name"] = "Please give the model a name."
    if submitted.get("track", "") not in track_names:
        errors["track"] = "Please choose a track."
    if submitted.get("direction", "") not in list(Direction):
        errors["direction"] = "Please choose a direction."
    if not code.strip():
        errors["code"] = "Please write a reward function, or take one of the examples."
    scene = scene_of(submitted)
    errors |= {field: CHOOSE[field] for field, name in scene.items() if name not in CHOICES[field].names}
    limit_ms = _limit_ms(submitted.get("minutes", ""), errors)
    hyperparameters = read_hyperparameters(submitted, errors)
    if errors or hyperparameters is None or limit_ms is None:
        raise FormErrors(errors)
    return ModelForm(
        name=name,
        description=submitted.get("description", "").strip()[:1000],
        track=submitted["track"],
        direction=Direction(submitted["direction"]),
        car=submitted.get("car", STARTER_CAR),
        code=code,
        hyperparameters=hyperparameters,
        training_limit_ms=limit_ms,
        **scene,
    )


def limit_ms_of(text: str) -> int:
    """A stop time in minutes as milliseconds. Raises FormErrors for the field `minutes`."""
    errors: dict[str, str] = {}
    limit_ms = _limit_ms(text, errors)
    if limit_ms is None:
        raise FormErrors(errors)
    return limit_ms


def held_ms(text: object) -> int | None:
    """What a stop time in minutes, as typed or as a number, would hold; None for one that is refused."""
    return _limit_ms(str(text), {})


def _limit_ms(text: str, errors: dict[str, str]) -> int | None:
    try:
        minutes = decimal(text)
    except ValueError as error:
        errors["minutes"] = str(error)
        return None
    if not 1 <= minutes <= 1440:
        errors["minutes"] = "Please choose 1 to 1440 minutes."
        return None
    return round(minutes * MINUTE_MS)


def read_hyperparameters(submitted: MultiDict[str, str], errors: dict[str, str]) -> Hyperparameters | None:
    """The checked hyperparameters; a field that is not on the form keeps its default. Problems go into `errors`."""
    values: dict[str, object] = {}
    for row in HYPERPARAMETERS:
        text = submitted.get(f"hp-{row.name}")
        if text is None or (not text.strip() and row.default is None):
            continue
        try:
            values[row.name] = row.check(_value(row, text))
        except HyperparameterError as error:
            errors[f"hp-{row.name}"] = sentence(error.message.removeprefix(f"{row.title}: "))
        except ValueError as error:
            errors[f"hp-{row.name}"] = str(error)
    return None if any(field.startswith("hp-") for field in errors) else Hyperparameters.from_dict(values)


def _value(row: HyperparameterRow, text: str) -> object:
    if row.kind != "choice":
        return decimal(text)
    return next((choice for choice in row.choices if str(choice) == text), text)


def values_of(hyperparameters: Hyperparameters) -> dict[str, str]:
    """What the form shows for hyperparameters: plain decimals, nothing for what is not set."""
    return {f"hp-{name}": plain(value) for name, value in hyperparameters.to_dict().items()}


def says(submitted: MultiDict[str, str], hyperparameters: Hyperparameters) -> bool:
    """Whether a form's hyperparameters are these."""
    return read_hyperparameters(submitted, {}) == hyperparameters


def plain(value: object) -> str:
    """A value as people write it: 0.0003 and not 3e-04, 100000 and not 100000.0."""
    if isinstance(value, float):
        return f"{value:.10f}".rstrip("0").rstrip(".")
    return str(value)
