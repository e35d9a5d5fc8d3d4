"""The rule of the default reward function, computed in this process for all states at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.reward_state import COLUMN
from sim.track import Track


class CentreLine:
    """A reward source without a sandbox: shows what that costs, and rewards those that have none."""

    def start(self, track: Track, cars: int, objects: int = 0) -> None:
        """Nothing to prepare."""

    def rewards(self, states: NDArray[np.float64], cars: NDArray[np.int32]) -> NDArray[np.float64]:
        """1, 0.5, 0.1 or 0.001 by the distance from the centre line."""
        share = states[:, COLUMN["distance_from_center"]] / states[:, COLUMN["track_width"]]
        return np.select([share <= 0.1, share <= 0.25, share <= 0.5], [1.0, 0.5, 0.1], 1e-3)

    def close(self) -> None:
        """Nothing to let go of."""
