"""The best lap that a long search finds, without any learning by a network: a driver of some hundred numbers, moved by
CMA-ES towards the highest speed over flying laps in the simulator itself.

The driver steers by a table over the lap plus five gains on what the car does now, and its speed is a table over the
lap. Whatever line and speeds are fastest with this car follow from the lap time alone; nothing is assumed about racing
lines. Laps count under the rules that trainings are evaluated by: until no wheel is on the track.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from bench.evolution import Evolution, Numbers
from sim.action_space import ContinuousActionSpace
from sim.drive_rows import DriveRows
from sim.episode import STEP_S, EpisodeRules
from sim.learning.trial import LAPS, MOST_STEPS
from sim.reward_state import COLUMN
from sim.track import Track
from sim.world import FEATURES, World

RULES = EpisodeRules(laps=LAPS, continuous=True, maximum_resets=0, maximum_steps=MOST_STEPS, auto_reset=False)
FELT = [FEATURES.index(name) for name in ("offset", "heading_error_sin", "sideways_speed", "yaw_rate", "hinge_angle")]
FIRST_GAINS = np.array([-12.0, -30.0, 0.0, -10.0, -10.0])
"""Degrees of steering per unit of each: a driver that keeps to the centre line at 1 m/s on every track that we know."""
GAIN_SCALES = np.array([5.0, 10.0, 5.0, 5.0, 5.0])
FIRST_SPEED_MPS, SPEED_SCALE_MPS, STEERING_SCALE_DEG = 1.0, 0.3, 5.0
DEGREES_PER_CURVATURE, BEND_AHEAD_M, BEND_WIDTH_M = 22.0, 0.3, 0.35
KNOT_M = 0.4
LEAST_KNOTS, MOST_KNOTS = 24, 96
TABLE = 1024
CANDIDATES = 64
FIRST_SIGMA, LEAST_SIGMA = 0.3, 0.004
FINISHED = 1e6


@dataclass(frozen=True)
class Line:
    """A driver's numbers with its mean flying lap, seconds; None where it does not finish. `generations` of the search
    that found it, `searches` begun."""

    numbers: Numbers
    lap_s: float | None
    generations: int
    searches: int


def flying_lap_s(rows: DriveRows) -> float | None:
    """Mean time of the laps after the first, of a car that began at the start line; None where it did not finish.

    The line is crossed somewhere within a step; where, the places before and after it say. So laps of a hundred steps
    can be told apart by less than one.
    """
    if len(rows.lap_ends) < LAPS:
        return None
    places = rows.states[:, COLUMN["projection_distance"]]
    length = float(rows.states[0, COLUMN["track_length"]])
    way = np.concatenate([[0.0], np.cumsum(_moved(np.diff(places), length))])
    first, last = (_crossing(way, lap * length) for lap in (1, LAPS))
    return (last - first) / (LAPS - 1) * STEP_S


def _moved(difference: Numbers, length: float) -> Numbers:
    """Metres along the line between two places of it, the short way round."""
    return (difference + 0.5 * length) % length - 0.5 * length


def _crossing(way: Numbers, metres: float) -> float:
    """Rows after the first at which so many metres were made; the last row where they are short by a rounding."""
    after = int(np.argmax(way >= metres)) if way[-1] >= metres else len(way) - 1
    return after - 1 + float((metres - way[after - 1]) / (way[after] - way[after - 1]))


def smooth(knots: Numbers) -> Numbers:
    """(n, TABLE) from (n, knots) evenly round the lap: the cubic through them (Catmull and Rom 1974)."""
    count = knots.shape[1]
    at = np.arange(TABLE) * count / TABLE
    whole = at.astype(np.int64)
    part = at - whole
    a, b, c, d = (knots[:, (whole + shift) % count] for shift in (-1, 0, 1, 2))
    return b + 0.5 * part * (c - a + part * (2 * a - 5 * b + 4 * c - d + part * (3 * (b - c) + d - a)))


class Drivers:
    """So many drivers at once, each alone on the track."""

    def __init__(self, track: Track, actions: ContinuousActionSpace, cars: int) -> None:
        self.world = World(track, cars, seed=0, rules=replace(RULES, laps=LAPS + 1))  # to see the last line crossed
        self.low, self.high = actions.low(), actions.high()
        self.length = float(self.world.reward_states[0, COLUMN["track_length"]])

    def drive(self, numbers: Numbers, most_steps: int) -> tuple[Numbers, Numbers]:
        """Metres made (n,) until off the track or `most_steps`, and mean flying laps (n,) in steps, NaN where LAPS are
        not done; of drivers (n, their numbers)."""
        world, cars, length = self.world, len(numbers), self.length
        knots = (numbers.shape[1] - len(FELT)) // 2
        steering, speed = smooth(numbers[:, :knots]).ravel(), smooth(numbers[:, knots : 2 * knots]).ravel()
        gains, row = numbers[:, 2 * knots :], TABLE * np.arange(cars)
        world.reset(None, np.zeros(cars))
        place = world.reward_states[:, COLUMN["projection_distance"]].copy()
        way, on_road = np.zeros(cars), np.ones(cars, np.bool_)
        crossings = np.full((2, cars), np.nan)
        actions = np.empty((cars, 2))
        for step in range(most_steps):
            at = row + np.minimum((place * (TABLE / length)).astype(np.int64), TABLE - 1)
            actions[:, 0] = steering[at] + (world.features[:, FELT] * gains).sum(1)
            actions[:, 1] = speed[at]
            world.step(np.clip(actions, self.low, self.high))
            now = world.reward_states[:, COLUMN["projection_distance"]]
            moved = np.where(on_road, _moved(now - place, length), 0.0)
            for line, lap in zip(crossings, (1, LAPS), strict=True):
                over = on_road & np.isnan(line) & (way + moved >= lap * length)
                line[over] = step + (lap * length - way[over]) / moved[over]
            way += moved
            place = now.copy()
            on_road &= ~world.done & np.isnan(crossings[1])
            if not on_road.any():
                break
        return way, (crossings[1] - crossings[0]) / (LAPS - 1)


def first_driver(track: Track) -> tuple[Numbers, Numbers]:
    """Numbers of a slow driver on the centre line, and how far each may sensibly move."""
    ends = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(track.centre, axis=0).T))])
    length = float(ends[-1])
    knots = int(np.clip(round(length / KNOT_M), LEAST_KNOTS, MOST_KNOTS))
    along = np.arange(knots) / knots * length + BEND_AHEAD_M
    points = [
        np.column_stack([np.interp((along + shift) % length, ends, axis) for axis in track.centre.T])
        for shift in (-BEND_WIDTH_M, 0.0, BEND_WIDTH_M)
    ]
    into, out_of = points[1] - points[0], points[2] - points[1]
    turned = np.arctan2(into[:, 0] * out_of[:, 1] - into[:, 1] * out_of[:, 0], (into * out_of).sum(1))
    steering = np.clip(turned / BEND_WIDTH_M * DEGREES_PER_CURVATURE, -30.0, 30.0)
    numbers = np.concatenate([steering, np.full(knots, FIRST_SPEED_MPS), FIRST_GAINS])
    scales = np.concatenate([np.full(knots, STEERING_SCALE_DEG), np.full(knots, SPEED_SCALE_MPS), GAIN_SCALES])
    return numbers, scales


def search(
    track: Track, actions: ContinuousActionSpace, seconds: float, seed: int, most_generations: int = 10**9
) -> Line:
    """The fastest driver that so many seconds of processor time find on a closed track, as it is driven.

    A search whose spread has died out begins anew, in turn from the slow driver and from the best one known, with
    other random numbers. ValueError for an open track, which has no flying lap.
    """
    if not track.closed:
        raise ValueError(f"{track.name} is open; a flying lap needs a closed track")
    began = time.process_time()
    numbers, scales = first_driver(track)
    drivers = Drivers(track, actions, CANDIDATES)
    best = Line(numbers, None, 0, 0)
    generations = searches = 0
    fastest = np.inf

    def left() -> bool:
        return time.process_time() - began < seconds and generations < most_generations

    while left():
        again = searches % 2 == 1 and best.lap_s is not None
        begin, sigma = (best.numbers, 0.3 * FIRST_SIGMA) if again else (numbers, FIRST_SIGMA)
        evolution = Evolution(begin, scales, sigma, CANDIDATES, seed + searches)
        searches += 1
        quickest = np.inf
        while left() and evolution.sigma * evolution.lengths.max() > LEAST_SIGMA:
            candidates = evolution.ask()
            way, laps = drivers.drive(candidates, _most_steps(drivers.length, quickest))
            scores = np.where(np.isnan(laps), way, FINISHED - np.nan_to_num(laps))
            evolution.tell(scores)
            generations += 1
            if not np.isnan(laps).all():
                quickest = min(quickest, float(np.nanmin(laps)))
            if quickest < fastest:
                fastest = quickest
                best = Line(candidates[scores.argmax()].copy(), fastest * STEP_S, generations, searches)
    return Line(best.numbers, best.lap_s, generations, searches)


def _most_steps(length: float, quickest: float) -> int:
    """Enough for LAPS laps at 1.5 m/s, or for all that are not much slower than the quickest so far."""
    least_mps = 1.5
    return int(LAPS * length / least_mps / STEP_S) if np.isinf(quickest) else int(quickest * (LAPS + 0.2)) + 40
