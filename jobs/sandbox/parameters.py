"""The `params` dict of a reward function, built from one row of reward states.

The row's columns are numbers; here they become the types of DeepRacer's table: booleans are bool, indices of waypoints
and objects are ints, the rest are floats; columns `object_0_x` and so on become one list for each key about objects.
Each call gets a dict, a waypoints list and object lists of its own, as in DeepRacer, where the whole dict is copied at
every step: what a function does to them never reaches the next call. The waypoints themselves are tuples and shared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

Point = tuple[float, float]
MakeParameters = Callable[[Sequence[float], list[Point]], dict[str, Any]]
"""(row of reward states, waypoints) -> params."""

_BOOLEANS = frozenset(
    {"all_wheels_on_track", "is_crashed", "is_left_of_center", "is_offtrack", "is_reversed", "object_in_camera"}
)
_PAIRS = {
    "closest_waypoints": ("closest_waypoint_prev", "closest_waypoint_next"),
    "closest_objects": ("closest_object_prev", "closest_object_next"),
}
_OBJECT = re.compile(r"object_(\d+)_(\w+)")
_NO_OBJECTS = {
    "closest_objects": "[0, 0]",
    "objects_distance": "[]",
    "objects_heading": "[]",
    "objects_left_of_center": "[]",
    "objects_location": "[]",
    "objects_speed": "[]",
    "object_in_camera": "False",
    "objects_distance_from_center": "[]",
}
"""What a function is told about objects when there are none."""
_OF_OBJECTS = {
    "objects_distance": "{distance}",
    "objects_heading": "{yaw} if {kind} else 0.0",
    "objects_left_of_center": "{is_left_of_center} != 0.0",
    "objects_location": "({x}, {y})",
    "objects_speed": "{speed}",
    "objects_distance_from_center": "{distance_from_center}",
}
"""Of one object's columns. Kind 0 is a box, whose heading the real simulator gives as 0 however it stands."""


def parameters_source(columns: Sequence[str]) -> str:
    """Python source of `make_parameters`: a copied template, filled in by straight assignments.

    Copying a dict of the right keys and storing into it beats a dict display of 27 entries by a third.
    """
    names = {column: f"v{index}" for index, column in enumerate(columns)}
    in_pairs = {column for pair in _PAIRS.values() for column in pair}
    entries = _NO_OBJECTS | {
        column: f"{name} != 0.0" if column in _BOOLEANS else name
        for column, name in names.items()
        if column not in in_pairs and not _OBJECT.fullmatch(column)
    }
    for key, (first, second) in _PAIRS.items():
        if first in names:
            entries[key] = f"[int({names[first]}), int({names[second]})]"
    objects = _columns_of_objects(names)
    if objects:
        entries |= {key: f"[{', '.join(one.format(**each) for each in objects)}]" for key, one in _OF_OBJECTS.items()}
    entries |= {"waypoints": "waypoints[:]"}
    lines = [
        f"def make_parameters(row, waypoints, copy=dict.fromkeys({list(entries)!r}).copy):",
        f"    {', '.join(names.values())} = row",
        "    params = copy()",
        *(f"    params[{key!r}] = {value}" for key, value in entries.items()),
        "    return params",
    ]
    return "\n".join(lines)


def _columns_of_objects(names: dict[str, str]) -> list[dict[str, str]]:
    """For each object its columns by their name without its number."""
    found: dict[str, dict[str, str]] = {}
    for column, name in names.items():
        if match := _OBJECT.fullmatch(column):
            found.setdefault(match[1], {})[match[2]] = name
    return list(found.values())


def parameters_maker(columns: Sequence[str]) -> MakeParameters:
    """Compile `parameters_source`; the columns' names are ours, never a racer's."""
    namespace: dict[str, Any] = {}
    exec(parameters_source(columns), namespace)  # noqa: S102
    maker: MakeParameters = namespace["make_parameters"]
    return maker
