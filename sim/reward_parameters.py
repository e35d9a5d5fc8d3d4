"""What a reward function is told: the 23 documented parameters of DeepRacer and the 4 that its simulator adds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RewardParameter:
    """One key of `params`: its Python type, its unit or range, and what it means in this simulator."""

    name: str
    type: str
    unit: str
    meaning: str
    documented: bool = True


REWARD_PARAMETERS: tuple[RewardParameter, ...] = (
    RewardParameter(
        "all_wheels_on_track",
        "bool",
        "",
        "True while all four wheels are between the borders. One wheel over the line makes it False.",
    ),
    RewardParameter("x", "float", "m", "Where the car is: its front, 0.14 m ahead of its middle, on the track's map."),
    RewardParameter("y", "float", "m", "Where the car is: its front, 0.14 m ahead of its middle, on the track's map."),
    RewardParameter(
        "closest_objects",
        "[int, int]",
        "index",
        "The objects just behind and just ahead along the centre line, as positions in the lists of objects. "
        "[0, 0] without objects.",
    ),
    RewardParameter(
        "closest_waypoints",
        "[int, int]",
        "index",
        "The waypoint just passed and the next one along the centre line, as positions in waypoints.",
    ),
    RewardParameter(
        "distance_from_center", "float", "m, from 0", "How far the car is from the centre line, on either side."
    ),
    RewardParameter("is_crashed", "bool", "", "True when the car touches an object."),
    RewardParameter("is_left_of_center", "bool", "", "True while the car is left of the centre line as it drives."),
    RewardParameter("is_offtrack", "bool", "", "True when no wheel is left on the track: the episode ends."),
    RewardParameter(
        "is_reversed",
        "bool",
        "",
        "True where the track is driven against its stored direction. A setting of the training, not the car's motion.",
    ),
    RewardParameter(
        "heading",
        "float",
        "°, -180 to 180",
        "Where the car points: 0 along the map's x axis, 90 along its y axis.",
    ),
    RewardParameter(
        "objects_distance",
        "[float]",
        "m, 0 to track_length",
        "Each object's place along the centre line, from the start.",
    ),
    RewardParameter(
        "objects_heading",
        "[float]",
        "rad",
        "Where each object points: 0 for boxes. In radians, though DeepRacer's own page says degrees.",
    ),
    RewardParameter("objects_left_of_center", "[bool]", "", "For each object, whether it is left of the centre line."),
    RewardParameter("objects_location", "[(float, float)]", "m", "Each object's x and y on the track's map."),
    RewardParameter("objects_speed", "[float]", "m/s", "Each object's set speed: 0 for boxes."),
    RewardParameter(
        "progress",
        "float",
        "%, 0 to 100",
        "How much of the lap is done, from where the episode began. 100 is a complete lap.",
    ),
    RewardParameter(
        "speed", "float", "m/s, 0.1 to 4", "The speed that the car was told to drive, not the one it has reached."
    ),
    RewardParameter(
        "steering_angle",
        "float",
        "°, -30 to 30",
        "The steering that the car was told to take; positive is left.",
    ),
    RewardParameter("steps", "float", "from 1", "Steps of this episode so far, 15 in a second."),
    RewardParameter("track_length", "float", "m", "Length of the centre line."),
    RewardParameter("track_width", "float", "m", "Width of the road beside the car."),
    RewardParameter(
        "waypoints",
        "[(float, float)]",
        "m",
        "Points of the centre line in driving order, from the start line; on a circuit the last equals the first.",
    ),
    RewardParameter(
        "projection_distance",
        "float",
        "m",
        "The car's place along the centre line, from the start line.",
        documented=False,
    ),
    RewardParameter(
        "object_in_camera", "bool", "", "True while the next object is in the camera's view.", documented=False
    ),
    RewardParameter(
        "objects_distance_from_center",
        "[float]",
        "m",
        "How far each object is from the centre line.",
        documented=False,
    ),
    RewardParameter("sim_time", "float", "s", "The simulator's clock.", documented=False),
)
