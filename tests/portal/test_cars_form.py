"""The form of a car: every field's error, and what it shows for a car that is there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from werkzeug.datastructures import MultiDict

from portal.forms.car import ActionKind, read_car, shown_rows, values_of
from portal.forms.parsing import FormErrors
from sim.action_space import Action, ContinuousActionSpace, DiscreteActionSpace
from sim.car import Car
from sim.sensors import LIDAR, LIDAR_DENSE

UNEVEN = DiscreteActionSpace((Action(-20.0, 0.7), Action(0.0, 2.5), Action(13.5, 1.1)))


def form(**changes: str | list[str]) -> MultiDict[str, str]:
    values = values_of(Car.default(), name="Bolt")
    for name, value in changes.items():
        values.setlist(name, value if isinstance(value, list) else [value])
    return values


def errors(values: MultiDict[str, str]) -> dict[str, str]:
    with pytest.raises(FormErrors) as wrong:
        read_car(values)
    return wrong.value.by_field


@pytest.mark.parametrize(
    "car",
    [
        Car.default(),
        replace(Car.default(), action_space=UNEVEN, sensors=(LIDAR,), neural_network=LIDAR_DENSE.name),
        replace(Car.default(), action_space=ContinuousActionSpace(-20, 15.5, 0.75, 3.25)),
        replace(Car.default(), action_space=ContinuousActionSpace(), training_algorithm="sac"),
        replace(Car.default(), action_space=DiscreteActionSpace.grid(1, 30, 3, 1.5)),
    ],
    ids=["default", "list", "range", "SAC", "one angle"],
)
def test_what_the_form_shows_for_a_car_reads_back_as_that_car(car: Car) -> None:
    assert read_car(values_of(car, name="Bolt")).car == car


def test_a_grid_is_shown_as_its_generator_and_a_list_as_a_list() -> None:
    grid = values_of(Car.default())
    assert [grid[name] for name in ("action_kind", "steering_granularity", "maximum_speed_mps")] == ["grid", "5", "0.8"]
    assert values_of(replace(Car.default(), action_space=UNEVEN))["action_kind"] == ActionKind.LIST


def test_sac_is_for_ranges_and_forgotten_where_the_actions_become_a_list() -> None:
    assert read_car(form(action_kind="range", training_algorithm="sac")).car.training_algorithm == "sac"
    assert read_car(form(training_algorithm="sac")).car == Car.default()
    wrong = errors(form(action_kind="range", training_algorithm="dqn"))
    assert "clipped_ppo and sac" in wrong["training_algorithm"]


def test_a_comma_is_a_decimal_point() -> None:
    space = read_car(form(maximum_speed_mps="1,6")).car.action_space
    assert isinstance(space, DiscreteActionSpace)
    assert max(action.speed_mps for action in space.actions) == 1.6


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", " ", "name"),
        ("sensor", [], "sensor"),
        ("sensor", ["RADAR"], "sensor"),
        ("neural_network", "", "network"),
        ("action_kind", "", "actions"),
        ("steering_granularity", "8", "1 to 7"),
        ("steering_granularity", "2.5", "whole number"),
        ("maximum_steering_deg", "31", "between 1 and 30"),
        ("maximum_steering_deg", "", "fill this in"),
        ("speed_granularity", "4", "1 to 3"),
        ("maximum_speed_mps", "4.1", "between 0.1 and 4"),
        ("maximum_speed_mps", "nan", "number"),
        ("maximum_speed_mps", "fast", "number"),
    ],
)
def test_a_wrong_field_says_what_is_wrong_with_it(field: str, value: str | list[str], says: str) -> None:
    found = errors(form(**{field: value}))
    assert set(found) == {field}
    assert says in found[field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steering_low_deg", "-31"),
        ("steering_high_deg", "-1"),
        ("speed_low_mps", "0"),
        ("speed_high_mps", "0.4"),
        ("speed_high_mps", "x"),
    ],
)
def test_a_wrong_limit_of_a_range_is_named(field: str, value: str) -> None:
    assert set(errors(form(action_kind="range", **{field: value}))) == {field}


def test_a_wrong_action_of_the_list_is_named_by_its_row() -> None:
    listed = {"action_kind": "list", "steering": ["0", "", "45"], "speed": ["1", "", "1"]}
    assert set(errors(form(**listed))) == {"steering-1"}
    listed = {"action_kind": "list", "steering": ["0", "10"], "speed": ["", "fast"]}
    assert errors(form(**listed)) == {"speed-0": "Please fill this in.", "speed-1": "Please give a number."}


def test_a_list_of_one_action_is_too_short() -> None:
    found = errors(form(action_kind="list", steering=["0", ""], speed=["1", ""]))
    assert set(found) == {"actions"}
    assert "between 2 and 30" in found["actions"]


def test_empty_rows_of_the_list_do_not_count() -> None:
    car = read_car(form(action_kind="list", steering=["", "-10", "", "10"], speed=["", "1", "", "2"])).car
    assert car.action_space == DiscreteActionSpace((Action(-10, 1), Action(10, 2)))


def test_the_form_offers_empty_rows_until_thirty() -> None:
    assert len(shown_rows(form(steering=["0"] * 10, speed=["1"] * 10))) == 13
    assert len(shown_rows(form(steering=["0"] * 29, speed=["1"] * 29))) == 30
