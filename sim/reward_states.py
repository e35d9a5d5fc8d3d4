"""Real states of a track for trying a reward function on, made by driving a clumsy car."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.episode import EpisodeRules
from sim.objects import TrackObjects
from sim.reward_state import COLUMN
from sim.track import Direction, Track
from sim.world import FEATURES, World

MAXIMUM_COUNT = 100_000
_CARS = 16
_AIM, _HINGE = FEATURES.index("ahead_y_1m"), FEATURES.index("hinge_angle")
_OFF_TRACK_SHARE = 0.15


def sample_reward_states(
    track: Track, direction: Direction, count: int, seed: int, objects: TrackObjects | None = None
) -> NDArray[np.float64]:
    """`count` rows (count, columns) of cars driving `track` (as stored) in `direction`, among `objects` if given.

    The cars steer towards the centre line with a will of their own now and then, at all speeds: most rows are on the
    track, some near or over a border, about one in seven wholly off it. Steps begin at 2; the same arguments give the
    same rows.
    ValueError for a count outside 1..100000.
    """
    if not 1 <= count <= MAXIMUM_COUNT:
        raise ValueError(f"count is {count}; it must be 1 to {MAXIMUM_COUNT}")
    driven = track.driven(direction)
    is_reversed = not np.array_equal(driven.centre, track.centre)
    rules = EpisodeRules(start="random", maximum_steps=150)
    world = World(driven, _CARS, seed=seed, rules=rules, objects=objects, is_reversed=is_reversed)
    wished_off = int(count * _OFF_TRACK_SHARE)
    return _drive(world, np.random.default_rng(seed), count - wished_off, wished_off)


def _drive(world: World, random: np.random.Generator, on: int, off: int) -> NDArray[np.float64]:
    """Rows of running cars until there are enough on the track and, by putting cars outside, off it."""
    rows: list[NDArray[np.float64]] = []
    wander = np.zeros(_CARS)
    speed = random.uniform(0.5, 3.0, _CARS)
    for _ in range(-(-on // _CARS) * 8):
        wander = 0.9 * wander + random.normal(0.0, 6.0, _CARS)
        wished = 60.0 * world.features[:, _AIM].astype(np.float64) + wander
        steering = np.clip(wished + 3.0 * (wished - np.degrees(world.features[:, _HINGE] / 2.0)), -30.0, 30.0)
        before = world.done.copy()
        world.step(np.ascontiguousarray(np.column_stack([steering, speed])))
        speed = np.where(before, random.uniform(0.5, 3.0, _CARS), speed)
        rows.extend(world.reward_states[i].copy() for i in np.flatnonzero(~before))
        if len(rows) >= on:
            break
    outside = _beside(world, random, off)
    return np.ascontiguousarray(np.vstack([np.array(rows[:on]).reshape(-1, len(world.reward_columns)), outside]))


def _beside(world: World, random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Rows of cars standing beside the track, from just over the border to a track's width away."""
    rows: list[NDArray[np.float64]] = []
    centre = world.track.centre
    while len(rows) < count:
        at = random.integers(0, len(centre) - 1, _CARS)
        along = centre[at + 1] - centre[at]
        yaw = np.arctan2(along[:, 1], along[:, 0])
        away = random.choice([-1.0, 1.0], _CARS) * world.track.width_m * random.uniform(0.55, 1.5, _CARS)
        spot = centre[at] + np.column_stack([-np.sin(yaw), np.cos(yaw)]) * away[:, None]
        world.place(np.ascontiguousarray(np.column_stack([spot, yaw + random.normal(0.0, 0.5, _CARS)])))
        found = world.reward_states[:, COLUMN["is_offtrack"]] == 1.0
        rows.extend(world.reward_states[found].copy())
    return np.array(rows[:count]).reshape(-1, len(world.reward_columns))
