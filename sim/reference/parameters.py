"""The `params` of a reward function in plain Python: slow and obvious, for tests to hold the native core to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = Sequence[float]


def plain_parameters(row: Row, columns: Sequence[str], waypoints: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """The dict of one row of reward states, whose columns are those of `sim.reward_state.reward_columns`."""
    told = dict(zip(columns, row, strict=True))
    objects = [_object(told, index) for index in range(sum(name.endswith("_kind") for name in columns))]
    return {
        "all_wheels_on_track": bool(told["all_wheels_on_track"]),
        "x": float(told["x"]),
        "y": float(told["y"]),
        "closest_objects": [int(told.get("closest_object_prev", 0)), int(told.get("closest_object_next", 0))],
        "closest_waypoints": [int(told["closest_waypoint_prev"]), int(told["closest_waypoint_next"])],
        "distance_from_center": float(told["distance_from_center"]),
        "is_crashed": bool(told["is_crashed"]),
        "is_left_of_center": bool(told["is_left_of_center"]),
        "is_offtrack": bool(told["is_offtrack"]),
        "is_reversed": bool(told["is_reversed"]),
        "heading": float(told["heading"]),
        "objects_distance": [float(one["distance"]) for one in objects],
        "objects_heading": [float(one["yaw"]) if one["kind"] else 0.0 for one in objects],
        "objects_left_of_center": [bool(one["is_left_of_center"]) for one in objects],
        "objects_location": [(float(one["x"]), float(one["y"])) for one in objects],
        "objects_speed": [float(one["speed"]) for one in objects],
        "progress": float(told["progress"]),
        "speed": float(told["speed"]),
        "steering_angle": float(told["steering_angle"]),
        "steps": float(told["steps"]),
        "track_length": float(told["track_length"]),
        "track_width": float(told["track_width"]),
        "waypoints": list(waypoints),
        "projection_distance": float(told["projection_distance"]),
        "object_in_camera": bool(told.get("object_in_camera", 0)),
        "objects_distance_from_center": [float(one["distance_from_center"]) for one in objects],
        "sim_time": float(told["sim_time"]),
    }


def _object(told: dict[str, float], index: int) -> dict[str, float]:
    prefix = f"object_{index}_"
    return {name.removeprefix(prefix): value for name, value in told.items() if name.startswith(prefix)}
