"""The `params` of the native core against those of plain Python, and what a function may do to them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.sandbox.parameters import Plan, parameters_maker, parameters_plan
from sim.native._core import RewardParameters
from sim.objects import Bots, Boxes, TrackObjects
from sim.reference.parameters import plain_parameters
from sim.reward_state import REWARD_STATE, reward_columns
from sim.reward_states import sample_reward_states
from sim.track import Direction, Track
from tests.jobs.sandbox.conftest import States

Params = dict[str, Any]
WAYPOINTS = [(0.5, 1.0), (1.5, 2.0), (2.5, 3.0), (0.5, 1.0)]


def typed(value: Any) -> Any:
    """The value with the type of everything in it, so that 1, 1.0 and True differ, as do -0.0 and 0.0."""
    if isinstance(value, dict):
        return {key: typed(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [typed(entry) for entry in value]
    return type(value), repr(value)


@pytest.mark.parametrize("objects", [None, Boxes(1), Boxes(6), Bots(3, speed_mps=0.5)], ids=str)
def test_they_equal_the_reference_to_the_type(objects: TrackObjects | None, track: Track) -> None:
    states = sample_reward_states(track, Direction.COUNTERCLOCKWISE, 300, 5, objects)
    columns = reward_columns(0 if objects is None else objects.count)
    waypoints = [(x, y) for x, y in track.centre.tolist()]
    make = parameters_maker(columns, states, waypoints)
    for index, row in enumerate(states.tolist()):
        assert typed(make(index)) == typed(plain_parameters(row, columns, waypoints))


ODD = st.floats() | st.sampled_from([0.0, -0.0, 1.0, 5e-324, float("nan"), float("inf")])
INDICES = [index for index, name in enumerate(reward_columns(2)) if name.startswith("closest_")]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(ODD, min_size=38, max_size=38), min_size=1, max_size=4), st.integers(0, 2**31))
def test_any_numbers_come_through_as_they_are(rows: list[list[float]], index: int) -> None:
    columns = reward_columns(2)
    states = np.array(rows)
    states[:, INDICES] = index
    make = parameters_maker(columns, states, WAYPOINTS)
    for at in [*range(len(rows)), 0]:
        assert typed(make(at)) == typed(plain_parameters(states[at].tolist(), columns, WAYPOINTS))


def test_rows_that_change_meanwhile_are_read_anew(states: States) -> None:
    memory = bytearray(states[:2].tobytes())
    make = parameters_maker(REWARD_STATE, memoryview(memory).cast("d", (2, len(REWARD_STATE))), WAYPOINTS)
    before = make(0)
    memory[:] = states[2:4].tobytes()
    assert before == plain_parameters(states[0].tolist(), REWARD_STATE, WAYPOINTS)
    assert make(0) == plain_parameters(states[2].tolist(), REWARD_STATE, WAYPOINTS)


def spoil(params: Params) -> None:
    params["objects_speed"].append(9.0)
    params["closest_waypoints"].reverse()
    params["closest_objects"].clear()
    params["waypoints"][1] = (7.0, 7.0)
    params["objects_location"] *= 2
    params["heading"] = "north"
    params["mine"] = params
    del params["x"]


MISCHIEF: dict[str, Callable[[Params], object]] = {
    "spoils everything": spoil,
    "sorts in place": lambda params: [params[key].sort(reverse=True) for key in ("waypoints", "objects_distance")],
    "adds waypoints": lambda params: params["waypoints"].append((1.0, 1.0)),
    "drops waypoints": lambda params: params["waypoints"].pop(),
    "puts an equal point in": lambda params: params["waypoints"].__setitem__(0, (WAYPOINTS[0][0], WAYPOINTS[0][1])),
    "empties it": lambda params: params.clear(),
    "puts itself in": lambda params: params["waypoints"].__setitem__(0, params["waypoints"]),
}


@pytest.mark.parametrize("name", MISCHIEF)
def test_what_is_done_to_one_never_reaches_another(name: str, track: Track) -> None:
    objects = Boxes(2)
    states, columns = sample_reward_states(track, Direction.COUNTERCLOCKWISE, 20, 5, objects), reward_columns(2)
    make = parameters_maker(columns, states, WAYPOINTS)
    for index, row in enumerate(states.tolist()):
        made = make(index)
        assert typed(made) == typed(plain_parameters(row, columns, WAYPOINTS))
        MISCHIEF[name](made)


def test_what_a_function_keeps_stays_as_it_was(track: Track) -> None:
    states, columns = sample_reward_states(track, Direction.COUNTERCLOCKWISE, 50, 5, Boxes(2)), reward_columns(2)
    make = parameters_maker(columns, states, WAYPOINTS)
    whole = [make(index) for index in range(50)]
    expected = [plain_parameters(row, columns, WAYPOINTS) for row in states.tolist()]
    assert whole == expected
    parts = [make(index)[key] for index in range(50) for key in ("waypoints", "closest_waypoints", "objects_location")]
    keys = ("waypoints", "closest_waypoints", "objects_location")
    assert parts == [params[key] for params in expected for key in keys]
    assert len({id(part) for part in parts}) == len(parts)


def test_nothing_is_left_behind(states: States) -> None:
    make = parameters_maker(REWARD_STATE, states, WAYPOINTS)
    for _ in range(3):
        for index in range(len(states)):
            make(index)["kept"] = object()
    blocks = sys.getallocatedblocks()
    for _ in range(20):
        for index in range(len(states)):
            make(index)["kept"] = object()
    assert abs(sys.getallocatedblocks() - blocks) < 50


@pytest.mark.parametrize(
    ("plan", "error", "message"),
    [
        ([("x", "colour", [0])], ValueError, "no kind 'colour'"),
        ([("x", "number", [2])], ValueError, "a column that no reward state has"),
        ([("x", "number", [])], ValueError, "made of one column"),
        ([("x", "points", [0])], ValueError, "half a pair"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan: Plan, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        RewardParameters(plan, np.zeros((1, 2)), [])


def test_rows_and_indices_that_cannot_be_are_refused() -> None:
    states = np.zeros((1, len(REWARD_STATE)))
    make = parameters_maker(REWARD_STATE, states, WAYPOINTS)
    with pytest.raises(IndexError):
        make(1)
    states[0, REWARD_STATE.index("closest_waypoint_prev")] = float("nan")
    with pytest.raises(ValueError, match="no whole number"):
        make(0)
    with pytest.raises(TypeError):
        RewardParameters(parameters_plan(REWARD_STATE), np.zeros((1, 19), np.float32), [])
