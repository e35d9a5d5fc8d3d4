"""The `params` dicts of a reward function: which columns of a row of reward states become which key, and of what type.

Booleans are bool, indices of waypoints and objects are ints, the rest are floats, as in DeepRacer's table; columns
`object_0_x` and so on become one list for each key about objects. Each call gets a dict, a waypoints list and object
lists of its own, as in DeepRacer, where the whole dict is copied at every step: what a function does to them never
reaches the next call. The waypoints themselves are tuples and shared. The native core makes the dicts;
`sim.reference.parameters` is the same in plain Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from sim.native._core import RewardParameters

Point = tuple[float, float]
MakeParameters = Callable[[int], dict[str, Any]]
"""(index of a row of reward states) -> params."""
Plan = list[tuple[str, str, list[int]]]
"""(key, kind, columns) of each key but `waypoints`. Kinds of one column: number, flag; lists: wholes, numbers, flags,
points (x, y, x, y, ...), headings (yaw, kind, yaw, kind, ...: 0.0 where the kind is 0, a box)."""

_BOOLEANS = frozenset(
    {"all_wheels_on_track", "is_crashed", "is_left_of_center", "is_offtrack", "is_reversed", "object_in_camera"}
)
_PAIRS = {
    "closest_waypoints": ("closest_waypoint_prev", "closest_waypoint_next"),
    "closest_objects": ("closest_object_prev", "closest_object_next"),
}
_OBJECT = re.compile(r"object_(\d+)_(\w+)")
_OF_OBJECTS = {
    "objects_distance": ("numbers", ("distance",)),
    "objects_heading": ("headings", ("yaw", "kind")),
    "objects_left_of_center": ("flags", ("is_left_of_center",)),
    "objects_location": ("points", ("x", "y")),
    "objects_speed": ("numbers", ("speed",)),
    "objects_distance_from_center": ("numbers", ("distance_from_center",)),
}
"""Of one object's columns. A box's heading is 0 in the real simulator, however it stands."""
NO_COLUMN = -1
"""Of what a function is told about objects where there are none: 0."""


def parameters_plan(columns: Sequence[str]) -> Plan:
    """How the dict is made of rows with these columns."""
    at = {name: index for index, name in enumerate(columns)}
    in_pairs = {column for pair in _PAIRS.values() for column in pair}
    single = [name for name in columns if name not in in_pairs and not _OBJECT.fullmatch(name)]
    plan = [(name, "flag" if name in _BOOLEANS else "number", [at[name]]) for name in single]
    if "object_in_camera" not in at:
        plan.append(("object_in_camera", "flag", [NO_COLUMN]))
    plan += [(key, "wholes", [at.get(name, NO_COLUMN) for name in pair]) for key, pair in _PAIRS.items()]
    objects = sorted({int(match[1]) for name in columns if (match := _OBJECT.fullmatch(name))})
    for key, (kind, names) in _OF_OBJECTS.items():
        plan.append((key, kind, [at[f"object_{index}_{name}"] for index in objects for name in names]))
    return plan


def parameters_maker(columns: Sequence[str], states: Any, waypoints: list[Point]) -> MakeParameters:
    """Makes the dict of a row of `states` (n, columns) float64, an array or a memoryview that may change meanwhile."""
    return RewardParameters(parameters_plan(columns), states, waypoints).row
