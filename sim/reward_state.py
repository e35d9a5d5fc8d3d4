"""What a reward function is told about one step, as columns of an array, and who answers with the rewards."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.track import Track

REWARD_STATE: tuple[str, ...] = (
    "all_wheels_on_track",
    "x",
    "y",
    "closest_waypoint_prev",
    "closest_waypoint_next",
    "distance_from_center",
    "is_crashed",
    "is_left_of_center",
    "is_offtrack",
    "is_reversed",
    "heading",
    "progress",
    "speed",
    "steering_angle",
    "steps",
    "track_length",
    "track_width",
    "projection_distance",
    "sim_time",
)
"""Columns of a row of reward states, float64. Booleans are 0 or 1; heading and steering_angle are in degrees,
lengths in metres, speed (the commanded one) in m/s, progress in percent, sim_time in seconds."""

COLUMN: dict[str, int] = {name: index for index, name in enumerate(REWARD_STATE)}

OBJECTS_STATE: tuple[str, ...] = ("closest_object_prev", "closest_object_next", "object_in_camera")
"""Where there are objects these columns follow: which of them are just behind and just ahead along the centre line,
and whether the one ahead is in the camera's view."""

OBJECT_STATE: tuple[str, ...] = (
    "x",
    "y",
    "yaw",
    "speed",
    "distance",
    "distance_from_center",
    "is_left_of_center",
    "kind",
)
"""Then these for each object, boxes and bots first, then the other cars of a shared track: its middle in metres, where
it points (rad, boxes too), its set speed (0 for boxes), its place along the centre line and its distance from it in
metres, the side, and its kind, an index into OBJECT_KINDS."""

OBJECT_COLUMN: dict[str, int] = {name: index for index, name in enumerate(OBJECT_STATE)}

OBJECT_KINDS: tuple[str, ...] = ("box", "bot", "car", "parked")
"""A parked car has ended its drive and is not on the road."""


MAXIMUM_REWARD = 1e5
"""Rewards are finite and within plus and minus this."""


def reward_columns(objects: int = 0) -> tuple[str, ...]:
    """Names of the columns of a row of reward states in a world where each car has so many objects."""
    if objects == 0:
        return REWARD_STATE
    each = (f"object_{index}_{name}" for index in range(objects) for name in OBJECT_STATE)
    return (*REWARD_STATE, *OBJECTS_STATE, *each)


def objects_in(states: NDArray[np.float64]) -> NDArray[np.float64]:
    """The columns about objects of reward states (..., columns), as a view (..., objects, len(OBJECT_STATE))."""
    first = len(REWARD_STATE) + len(OBJECTS_STATE)
    count = max(0, states.shape[-1] - first) // len(OBJECT_STATE)
    rows = states[..., first : first + count * len(OBJECT_STATE)]
    return rows.reshape(*states.shape[:-1], count, len(OBJECT_STATE))


class RewardFailed(Exception):
    """The racer's reward function failed.

    `line` is the line of the racer's code, `parameters` the `params` of the call that failed without the waypoints,
    `log` what the code printed; each may be missing.
    """

    def __init__(
        self, message: str, *, line: int | None = None, parameters: dict[str, Any] | None = None, log: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.parameters = parameters
        self.log = log


class RewardSource(Protocol):
    """Answers rewards for batches of states. Rewards do not influence how cars move, so a whole rollout of
    steps x cars rows is handed over at once."""

    def start(self, track: Track, cars: int, objects: int = 0) -> None:
        """Prepare for a track (as driven), a number of cars and of objects that each of them is told of; each car has
        a namespace of its own."""
        ...

    def rewards(self, states: NDArray[np.float64], cars: NDArray[np.int32]) -> NDArray[np.float64]:
        """Rewards (n,) of states (n, len(reward_columns(objects))); `cars` (n,) says whose they are, each car's in time
        order.

        Raises RewardFailed.
        """
        ...

    def close(self) -> None:
        """Let go of everything; calling it twice does no harm."""
        ...
