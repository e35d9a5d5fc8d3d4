"""The memory of what was driven: what follows what, what is not learned from, and where it ends."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.episode import STATUS_CODE, EpisodeStatus
from sim.learning.replay_memory import ReplayMemory
from sim.learning.rollouts import Rollout

OFF, COMPLETE = STATUS_CODE[EpisodeStatus.OFF_TRACK], STATUS_CODE[EpisodeStatus.LAP_COMPLETE]


def rollout(first: int, steps: int, cars: int = 2, ended: dict[tuple[int, int], int] | None = None) -> Rollout:
    """Steps whose features and observations say when and by whom they were driven."""
    said = np.stack(np.broadcast_arrays(np.arange(first, first + steps)[:, None], np.arange(cars)), -1)
    features = said.astype(np.float32)
    status = np.zeros((steps, cars), np.uint8)
    done = np.zeros((steps, cars), np.bool_)
    for place, code in (ended or {}).items():
        status[place], done[place] = code, True
    return Rollout(
        observations=(features * 10.0,),
        features=features,
        next_features=features,
        actions=np.full((steps, cars, 2), 1.5, np.float32),
        log_probabilities=np.zeros((steps, cars), np.float32),
        states=np.zeros((steps, cars, 1)),
        status=status,
        done=done,
        first_car_states=np.zeros((steps, 1)),
        first_car_status=np.zeros(steps, np.uint8),
        epsilon=0.0,
    )


def paid(first: int, steps: int, cars: int = 2) -> NDArray[np.float64]:
    return np.repeat(np.arange(first, first + steps, dtype=np.float64)[:, None], cars, 1)


def pairs(memory: ReplayMemory) -> set[tuple[float, float, float, float]]:
    """(step, car, next step, 1 where terminal) of all that can be learned from."""
    found = memory.transitions(memory.learnable(), 1.0)
    rows = zip(found.features.tolist(), found.next_features.tolist(), found.terminal.tolist(), strict=True)
    return {(now[0], now[1], after[0], over) for now, after, over in rows if over or now[1] == after[1]}


def test_a_step_is_followed_by_the_same_cars_next_one_in_the_next_rollout_too() -> None:
    memory = ReplayMemory(100, 10**6)
    memory.add(rollout(0, 3), paid(0, 3))
    memory.add(rollout(3, 2), paid(3, 2))
    assert pairs(memory) == {(step, car, step + 1, 0.0) for step in range(4) for car in range(2)}
    found = memory.transitions(memory.learnable(), 2.0)
    assert found.rewards.tolist() == [step / 2.0 for step in range(4) for _ in range(2)]
    assert found.observations[0].tolist() == (10.0 * found.features).tolist()
    assert found.next_observations[0].tolist() == (10.0 * found.next_features).tolist()
    assert found.actions.tolist() == [[1.0, 1.0]] * 8, "actions as the car got them"


def test_a_complete_lap_is_passed_over_and_leaving_the_track_is_final() -> None:
    memory = ReplayMemory(100, 10**6)
    memory.add(rollout(0, 3, ended={(0, 0): COMPLETE, (1, 1): OFF, (2, 1): OFF}), paid(0, 3))
    found = memory.transitions(memory.learnable(), 1.0)
    told = [(int(now[0]), int(now[1]), over) for now, over in zip(found.features, found.terminal.tolist(), strict=True)]
    assert told == [(0, 1, 0.0), (1, 0, 0.0), (1, 1, 1.0), (2, 1, 1.0)]


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_the_oldest_steps_go_first(steps: int) -> None:
    memory = ReplayMemory(8, 10**6)
    for first in range(0, 21, steps):
        memory.add(rollout(first, steps), paid(first, steps))
    assert len(memory) == 8
    last = first + steps - 1
    assert pairs(memory) == {(step, car, step + 1, 0.0) for step in range(last - 3, last) for car in range(2)}
    assert memory.reward_size() == pytest.approx(np.sqrt(np.mean(np.arange(last - 3, last + 1) ** 2.0)))


def test_large_rows_end_it_by_their_bytes() -> None:
    memory = ReplayMemory(10**6, 10 * 2 * (2 * 4 + 2 * 4 + 2 * 4 + 4 + 8))
    memory.add(rollout(0, 30), paid(0, 30))
    assert len(memory) == 20
