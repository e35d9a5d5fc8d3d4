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


class RewardFailed(Exception):
    """The racer's reward function failed.

    `line` is the line of the racer's code, `parameters` the `params` of the call that failed, `log` what the code
    printed; each may be missing.
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

    def start(self, track: Track, cars: int) -> None:
        """Prepare for a track (as driven) and a number of cars; each car has a namespace of its own."""
        ...

    def rewards(self, states: NDArray[np.float64], cars: NDArray[np.int32]) -> NDArray[np.float64]:
        """Rewards (n,) of states (n, len(REWARD_STATE)); `cars` (n,) says whose they are, each car's in time order.

        Raises RewardFailed.
        """
        ...

    def close(self) -> None:
        """Let go of everything; calling it twice does no harm."""
        ...
