"""Where the next episodes begin: one class for each rule of `sim.starts`."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim.reward_state import COLUMN
from sim.starts import checked_starts
from sim.track import Track

ADVANCE = 0.05
"""Each episode starts 5 % of the lap further on, as in the console, plus a random part of those 5 %."""
REMEMBERED = 100
"""So many of the newest mistakes are places to begin before."""
RUN_UP_M = (0.5, 4.0)
"""A car that begins so far before a place, drawn evenly, is there after 0.6 to 2 s, slow or at full speed."""
LONGEST_RUN_UP = 0.25
"""Share of the lap, for short ones."""
HARD_SHARE = 0.5
"""Of the episodes; the others keep the rest of the lap in practice."""


class StartPlaces(Protocol):
    """Says where episodes begin; told of every place at which one ended badly."""

    def next(self, begun: int, count: int) -> NDArray[np.float64]:
        """Fractions of the lap (count,) for the episodes after the `begun` first."""

    def learn(self, states: NDArray[np.float64]) -> None:
        """Reward states (n, columns) in which episodes ended off the track, in a crash, standing or turned back."""


def start_places(name: str, track: Track, rng: np.random.Generator) -> StartPlaces:
    """The rule of that name on a track as it is driven. ValueError where there is none."""
    checked_starts(name)
    if not track.closed:
        return OneStart()
    return {"advance": Advancing, "random": Anywhere, "hard-places": HardPlaces}[name](rng)


class OneStart:
    """The start line of an open track."""

    def next(self, begun: int, count: int) -> NDArray[np.float64]:
        """Zeros."""
        return np.zeros(count)

    def learn(self, states: NDArray[np.float64]) -> None:
        """Nothing."""


class Advancing(OneStart):
    """Each 5 % and a bit further along the lap than the one begun before it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def next(self, begun: int, count: int) -> NDArray[np.float64]:
        """In order."""
        numbers = begun + np.arange(count)
        places: NDArray[np.float64] = (ADVANCE * (numbers + self.rng.random(count))) % 1.0
        return places


class Anywhere(Advancing):
    """Evenly drawn."""

    def next(self, begun: int, count: int) -> NDArray[np.float64]:
        """In no order."""
        return self.rng.random(count)


class HardPlaces(Advancing):
    """Half of the episodes begin a little before a place at which an earlier one ended badly, drawn from the newest:
    what is not mastered is practised most, and no longer than it is needed (cf. Florensa et al. 2017, "Reverse
    curriculum generation", whose starts are those of middling success). Without mistakes all starts advance."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.mistakes: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def learn(self, states: NDArray[np.float64]) -> None:
        """Remember these."""
        length = states[:, COLUMN["track_length"]]
        self.mistakes.extend(zip(states[:, COLUMN["projection_distance"]] / length, length, strict=True))

    def next(self, begun: int, count: int) -> NDArray[np.float64]:
        """Which episodes are for mistakes is drawn, not every second: the others would advance by 10 %."""
        places = super().next(begun, count)
        if not self.mistakes:
            return places
        chosen = self.rng.integers(len(self.mistakes), size=count)
        mistakes = np.array(self.mistakes)[chosen]
        shortest, longest = RUN_UP_M
        run_up = self.rng.uniform(shortest, np.minimum(longest, LONGEST_RUN_UP * mistakes[:, 1])) / mistakes[:, 1]
        before: NDArray[np.float64] = (
            np.where(self.rng.random(count) < HARD_SHARE, mistakes[:, 0] - run_up, places) % 1.0
        )
        return before
