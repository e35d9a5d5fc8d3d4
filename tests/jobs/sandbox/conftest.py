"""A real track, real states and a real sandbox for every test of this folder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.sandbox import RewardProcess
from sim.reward_states import sample_reward_states
from sim.track import Direction, Track
from sim.track_library import TrackLibrary

States = NDArray[np.float64]
RunCode = Callable[..., NDArray[np.float64]]


@pytest.fixture(scope="session")
def track() -> Track:
    return TrackLibrary().get("paddock-oval")


@pytest.fixture(scope="session")
def states(track: Track) -> States:
    return sample_reward_states(track, Direction.COUNTERCLOCKWISE, 200, 7)


@pytest.fixture
def run_code(track: Track, states: States) -> RunCode:
    """Runs code on the first `rows` states in a fresh sandbox; raises RewardFailed as training would see it."""

    def run(code: str, rows: int = 200, deadline_s: float = 5.0) -> NDArray[np.float64]:
        with RewardProcess(code, deadline_s=deadline_s) as process:
            process.start(track, 1)
            return process.rewards(states[:rows], np.zeros(rows, dtype=np.int32))

    return run
