"""Presets as the forms of models and cars offer them: one press fills the form in, and all can be changed after."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from portal.forms import car as car_form
from portal.forms import model as model_form
from portal.forms.parsing import FormErrors
from portal.garage_parts import CarFacts, car_facts
from sim.presets import PRESETS, Preset

FIELD = "preset"
"""The button that was pressed; its value is the preset's name."""
_CAR = "preset-"
"""Before a preset's name: its car in a model form, where other values are public ids or empty."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One preset on a form; `is_in_force` while the form's fields are the ones that it fills in."""

    name: str
    title: str
    description: str
    facts: CarFacts | None
    car: str
    """The value of a model form's `car` that means its car."""
    is_in_force: bool


def fill_model(values: MultiDict[str, str]) -> None:
    """Set the car and the hyperparameters of a model form to the pressed preset's; everything else stays as typed.

    FormErrors for a preset that is not there.
    """
    name = values.get(FIELD, "")
    preset = _named(name)
    filled = model_form.values_of(preset.hyperparameters)
    for field in [field for field in values if field.startswith("hp-")]:
        values.poplist(field)
    for field, value in (filled | {"car": _CAR + name}).items():
        values[field] = value


def filled_car(values: MultiDict[str, str]) -> MultiDict[str, str]:
    """A car form with the pressed preset's sensors, network and actions, its name and colour as typed.

    FormErrors for a preset that is not there.
    """
    car = _named(values.get(FIELD, "")).car
    return car_form.values_of(car, name=values.get("name", ""), colour=values.get("colour", ""))


def offers_for_model(values: MultiDict[str, str]) -> list[Offer]:
    """In the order in which they are offered."""

    def is_in_force(name: str, preset: Preset) -> bool:
        return values.get("car") == _CAR + name and model_form.says(values, preset.hyperparameters)

    return [_offer(name, preset, is_in_force(name, preset)) for name, preset in PRESETS.items()]


def offers_for_car(values: MultiDict[str, str]) -> list[Offer]:
    """In the order in which they are offered."""
    try:
        named = MultiDict(values)
        named["name"] = "a car"
        said = car_form.read_car(named).car
    except FormErrors:
        said = None
    return [_offer(name, preset, preset.car == said) for name, preset in PRESETS.items()]


def preset_of_car(value: str) -> Preset | None:
    """The preset whose car a model form's `car` means, if it means one."""
    return PRESETS.get(value.removeprefix(_CAR)) if value.startswith(_CAR) else None


def _named(name: str) -> Preset:
    if name not in PRESETS:
        raise FormErrors({FIELD: "There is no such preset. Please choose one of those on the form."})
    return PRESETS[name]


def _offer(name: str, preset: Preset, is_in_force: bool) -> Offer:
    facts = car_facts(preset.car.to_metadata())
    return Offer(name, preset.title, preset.description, facts, _CAR + name, is_in_force)
