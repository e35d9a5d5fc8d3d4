"""The `params` dict of a reward function, built from one row of reward states.

The row's columns are numbers; here they become the types of DeepRacer's table: booleans are bool, waypoint indices
are ints, the rest are floats. Each call gets a dict, a waypoints list and object lists of its own, as in DeepRacer,
where the whole dict is copied at every step: what a function does to them never reaches the next call. The waypoints
themselves are tuples and shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Point = tuple[float, float]
MakeParameters = Callable[[Sequence[float], list[Point]], dict[str, Any]]
"""(row of reward states, waypoints) -> params."""

_BOOLEANS = frozenset({"all_wheels_on_track", "is_crashed", "is_left_of_center", "is_offtrack", "is_reversed"})
_PAIRS = {"closest_waypoints": ("closest_waypoint_prev", "closest_waypoint_next")}
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


def parameters_source(columns: Sequence[str]) -> str:
    """Python source of `make_parameters`: a copied template, filled in by straight assignments.

    Copying a dict of the right keys and storing into it beats a dict display of 27 entries by a third.
    """
    names = {column: f"v{index}" for index, column in enumerate(columns)}
    in_pairs = {column for pair in _PAIRS.values() for column in pair}
    entries = {
        column: f"{name} != 0.0" if column in _BOOLEANS else name
        for column, name in names.items()
        if column not in in_pairs
    }
    entries |= {key: f"[int({names[first]}), int({names[second]})]" for key, (first, second) in _PAIRS.items()}
    entries |= _NO_OBJECTS | {"waypoints": "waypoints[:]"}
    lines = [
        f"def make_parameters(row, waypoints, copy=dict.fromkeys({list(entries)!r}).copy):",
        f"    {', '.join(names.values())} = row",
        "    params = copy()",
        *(f"    params[{key!r}] = {value}" for key, value in entries.items()),
        "    return params",
    ]
    return "\n".join(lines)


def parameters_maker(columns: Sequence[str]) -> MakeParameters:
    """Compile `parameters_source`; the columns' names are ours, never a racer's."""
    namespace: dict[str, Any] = {}
    exec(parameters_source(columns), namespace)  # noqa: S102
    maker: MakeParameters = namespace["make_parameters"]
    return maker
