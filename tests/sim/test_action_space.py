"""What a car may do: the console's grid, lists and ranges, and what each refuses, by field."""

from __future__ import annotations

import numpy as np
import pytest

from sim.action_space import Action, ActionSpaceError, ContinuousActionSpace, DiscreteActionSpace


def test_the_default_is_the_consoles_ten_actions() -> None:
    expected = [(angle, speed) for angle in (-30.0, -15.0, 0.0, 15.0, 30.0) for speed in (0.4, 0.8)]
    assert DiscreteActionSpace.default().table().tolist() == [list(pair) for pair in expected]


def test_the_grid_spreads_steering_evenly_and_divides_the_speed() -> None:
    space = DiscreteActionSpace.grid(3, 20.0, 3, 3.0)
    assert space.size == 9
    assert sorted({action.steering_deg for action in space.actions}) == [-20.0, 0.0, 20.0]
    assert [action.speed_mps for action in space.actions[:3]] == [1.0, 2.0, 3.0]


def test_one_angle_is_straight_ahead() -> None:
    assert DiscreteActionSpace.grid(1, 30.0, 2, 2.0).actions == (Action(0.0, 1.0), Action(0.0, 2.0))


def test_two_angles_leave_out_straight_ahead() -> None:
    assert {action.steering_deg for action in DiscreteActionSpace.grid(2, 30.0, 1, 1.0).actions} == {-30.0, 30.0}


@pytest.mark.parametrize(
    ("grid", "field"),
    [
        ((0, 30.0, 2, 1.0), "steering_granularity"),
        ((8, 30.0, 2, 1.0), "steering_granularity"),
        ((2.5, 30.0, 2, 1.0), "steering_granularity"),
        ((1, 30.0, 1, 1.0), "steering_granularity"),
        ((5, 0.5, 2, 1.0), "maximum_steering_deg"),
        ((5, 30.1, 2, 1.0), "maximum_steering_deg"),
        ((5, float("nan"), 2, 1.0), "maximum_steering_deg"),
        ((5, 30.0, 0, 1.0), "speed_granularity"),
        ((5, 30.0, 4, 1.0), "speed_granularity"),
        ((5, 30.0, 2, 4.1), "maximum_speed_mps"),
        ((5, 30.0, 2, 0.0), "maximum_speed_mps"),
        ((5, 30.0, 3, 0.2), "maximum_speed_mps"),  # the slowest of three would stand still
    ],
)
def test_a_grid_out_of_range_names_its_field(grid: tuple[int, float, int, float], field: str) -> None:
    with pytest.raises(ActionSpaceError) as refused:
        DiscreteActionSpace.grid(*grid)
    assert refused.value.field == field
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("count", [2, 30])
def test_a_list_has_2_to_30_actions(count: int) -> None:
    assert DiscreteActionSpace((Action(0.0, 1.0),) * count).size == count
    wrong = 1 if count == 2 else 31
    with pytest.raises(ActionSpaceError, match=f"{wrong} actions"):
        DiscreteActionSpace((Action(0.0, 1.0),) * wrong)


def test_an_action_out_of_range_is_named() -> None:
    with pytest.raises(ActionSpaceError, match="-31° is out of range") as refused:
        DiscreteActionSpace((Action(0.0, 1.0), Action(-31.0, 1.0)))
    assert refused.value.field == "actions.1.steering_angle"
    with pytest.raises(ActionSpaceError, match="5 m/s is out of range") as refused:
        DiscreteActionSpace((Action(0.0, 5.0), Action(0.0, 1.0)))
    assert refused.value.field == "actions.0.speed"


def test_indices_become_commands() -> None:
    space = DiscreteActionSpace.default()
    assert space.commands([0, 9, 5]).tolist() == [[-30.0, 0.4], [30.0, 0.8], [0.0, 0.8]]
    assert space.commands(np.array([], dtype=int)).shape == (0, 2)
    for wrong in (-1, 10):
        with pytest.raises(IndexError, match="0 to 9"):
            space.commands([wrong])


def test_outputs_become_commands_within_the_range() -> None:
    space = ContinuousActionSpace(-20.0, 30.0, 0.5, 3.5)
    outputs = [[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0], [-7.0, 9.0]]
    assert space.commands(outputs).tolist() == [[-20.0, 0.5], [30.0, 3.5], [5.0, 2.0], [-20.0, 3.5]]


def test_commands_become_outputs_again() -> None:
    space = ContinuousActionSpace(-20.0, 30.0, 0.5, 3.5)
    outputs = np.array([[-0.5, 0.25], [1.0, -1.0]])
    assert space.outputs(space.commands(outputs)) == pytest.approx(outputs)


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ((-31.0, 30.0, 1.0, 2.0), "steering_low_deg"),
        ((1.0, 30.0, 1.0, 2.0), "steering_low_deg"),
        ((-30.0, -1.0, 1.0, 2.0), "steering_high_deg"),
        ((-30.0, 31.0, 1.0, 2.0), "steering_high_deg"),
        ((0.0, 0.0, 1.0, 2.0), "steering_high_deg"),
        ((-30.0, 30.0, 0.05, 2.0), "speed_low_mps"),
        ((-30.0, 30.0, 1.0, 4.5), "speed_high_mps"),
        ((-30.0, 30.0, 2.0, 2.0), "speed_high_mps"),
        ((-30.0, 30.0, float("inf"), 2.0), "speed_low_mps"),
    ],
)
def test_a_range_that_cannot_be_names_its_field(limits: tuple[float, float, float, float], field: str) -> None:
    with pytest.raises(ActionSpaceError) as refused:
        ContinuousActionSpace(*limits)
    assert refused.value.field == field
