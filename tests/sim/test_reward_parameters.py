"""The table of what a reward function is told."""

from __future__ import annotations

from sim.reward_parameters import REWARD_PARAMETERS
from sim.reward_state import REWARD_STATE

OF_OBJECTS = {
    "closest_objects",
    "objects_distance",
    "objects_heading",
    "objects_left_of_center",
    "objects_location",
    "objects_speed",
    "object_in_camera",
    "objects_distance_from_center",
}


def test_23_parameters_are_documented_and_4_are_not() -> None:
    assert sum(row.documented for row in REWARD_PARAMETERS) == 23
    assert sum(not row.documented for row in REWARD_PARAMETERS) == 4
    assert len({row.name for row in REWARD_PARAMETERS}) == 27


def test_every_parameter_says_what_it_is() -> None:
    for row in REWARD_PARAMETERS:
        assert row.meaning.endswith("."), row.name
        assert row.type, row.name
        assert row.unit or row.type in {"bool", "[bool]"}, row.name


def test_the_simulator_answers_every_parameter_without_objects() -> None:
    told = {row.name for row in REWARD_PARAMETERS} - OF_OBJECTS - {"waypoints", "closest_waypoints"}
    assert told <= set(REWARD_STATE)
    assert set(REWARD_STATE) - told == {"closest_waypoint_prev", "closest_waypoint_next"}
