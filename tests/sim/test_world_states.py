"""States for trying a reward function on."""

from __future__ import annotations

import numpy as np
import pytest

from sim.reward_state import COLUMN, REWARD_STATE
from sim.reward_states import sample_reward_states
from sim.track import Direction
from tests.sim.ovals import hairpin, oval, wave


@pytest.mark.parametrize("make", [oval, hairpin, wave])
@pytest.mark.parametrize("direction", list(Direction))
def test_states_are_on_near_and_off_the_track(make: object, direction: Direction) -> None:
    track = make()  # type: ignore[operator]
    states = sample_reward_states(track, direction, 200, seed=0)
    assert states.shape == (200, len(REWARD_STATE))
    assert np.isfinite(states).all()
    off = states[:, COLUMN["is_offtrack"]]
    assert 0.1 < off.mean() < 0.5
    assert states[:, COLUMN["all_wheels_on_track"]].mean() > 0.4
    assert len(np.unique(states[:, COLUMN["closest_waypoint_prev"]])) > 20
    backwards = not np.array_equal(track.driven(direction).centre, track.centre)
    assert (states[:, COLUMN["is_reversed"]] == backwards).all()


def test_the_same_seed_gives_the_same_states() -> None:
    first, again, other = (sample_reward_states(oval(), Direction.CLOCKWISE, 50, seed) for seed in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("count", [1, 7, 333])
def test_there_are_as_many_as_asked_for(count: int) -> None:
    assert len(sample_reward_states(oval(), Direction.COUNTERCLOCKWISE, count, seed=1)) == count


@pytest.mark.parametrize("count", [0, -1, 100_001])
def test_impossible_counts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="count is"):
        sample_reward_states(oval(), Direction.COUNTERCLOCKWISE, count, seed=1)
