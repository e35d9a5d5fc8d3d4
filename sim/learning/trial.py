"""The evaluation between updates: the policy as it would race, in the two forms that the console had.

Plain: from several starts, each until its first ending. Continuous: a race's three laps in one go from the start line,
put back with the usual penalties wherever it leaves the track.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sim.car import Car
from sim.drive_rows import DriveRows, drive_until_done
from sim.driver import LIDAR_NOISE_M, camera_of, needs_lidar, rollout_of
from sim.episode import STATUS_CODE, STEP_S, EpisodeRules, EpisodeStatus
from sim.looks import USUAL_LOOK
from sim.metrics import EpisodeRecord
from sim.objects import TrackObjects
from sim.policy import Policy
from sim.reward_state import COLUMN
from sim.sector_lidar import sectors_of
from sim.track import Track
from sim.world import World

STARTS = 16
LAPS = 3
MOST_STEPS = 20 * 60 * 15
MOST_POINTS = 400
LEAST_RACE_MPS = 0.3
"""A race drive is given up once its laps take longer than at this mean speed, penalties included."""
ONE_LAP_PERCENT = 100.0 / LAPS
"""Before the plain form gets this far a race drive would be resets one after another."""

_PAUSE = STATUS_CODE[EpisodeStatus.PAUSE]


@dataclass(frozen=True)
class RaceDrive:
    """Three laps in one go as a race scores them: per cent of them driven, their rows with penalties, and resets."""

    completion: float
    steps: int
    resets: int

    @property
    def total_steps(self) -> int | None:
        """What a race ranks by; None where not all laps were driven."""
        return self.steps if self.completion >= 100.0 else None


@dataclass(frozen=True)
class Trial:
    """`completion`: mean per cent of LAPS laps driven; `best_lap_steps` of all clean laps and `mean_lap_steps`, their
    mean; `drive` of the first car; `race` where that form was driven too."""

    completion: float
    best_lap_steps: int | None
    mean_lap_steps: float | None
    drive: list[list[float]]
    shares: tuple[float, ...]
    steps: tuple[int, ...]
    status: tuple[int, ...]
    race: RaceDrive | None = None

    def records(self, episode: int) -> tuple[EpisodeRecord, ...]:
        """For the metrics; no reward is asked for in evaluation, so it is 0 there."""
        outcome = zip(self.steps, self.shares, self.status, strict=True)
        return tuple(
            EpisodeRecord(episode, index + 1, "evaluation", 0.0, steps, share, status)
            for index, (steps, share, status) in enumerate(outcome)
        )


class Trials:
    """Where a training's policies are evaluated: one world for each form, the same for every policy.

    Nothing is randomised, as in a race. An open track has one start and one lap. Threads change no bit.
    """

    def __init__(
        self,
        car: Car,
        track: Track,
        *,
        seed: int,
        stack_size: int,
        objects: TrackObjects | None = None,
        look: str = USUAL_LOOK,
        threads: int = 1,
    ) -> None:
        self.threads = threads
        self.car, self.track, self.seed, self.stack_size = car, track, seed, stack_size
        self.objects, self.look = objects, look
        self.laps, starts = (LAPS, STARTS) if track.closed else (1, 1)
        longest = round(self.laps * track.length_m / LEAST_RACE_MPS / STEP_S)
        continuous = track.closed
        plain = EpisodeRules(laps=self.laps, continuous=continuous, maximum_steps=MOST_STEPS, auto_reset=False)
        self.plain = self._world(starts, plain)
        racing = EpisodeRules.racing(laps=self.laps, maximum_steps=min(MOST_STEPS, longest))
        self.racing = self._world(1, racing)

    def drive(self, policy: Policy, *, race: bool = False) -> Trial:
        """Both forms; the race's only where the plain one is worth a lap, unless `race` asks for it in any case."""
        starts = np.arange(self.plain.cars) / self.plain.cars
        driven = self._driven(policy, self.plain, starts)
        laps = [steps for rows in driven for steps in _lap_steps(rows)]
        ends = np.array([rows.states[-1] for rows in driven])
        completed = np.array([len(rows.lap_ends) for rows in driven])
        progress = np.where(completed >= self.laps, 0.0, np.clip(ends[:, COLUMN["progress"]], 0.0, 100.0))
        shares = (100.0 * completed + progress) / self.laps
        path = driven[0].states
        stride = -(-len(path) // MOST_POINTS)
        completion = float(shares.mean())
        return Trial(
            completion=completion,
            best_lap_steps=min(laps, default=None),
            mean_lap_steps=float(np.mean(laps)) if laps else None,
            drive=[_point(state) for state in path[::stride]],
            shares=tuple(shares.tolist()),
            steps=tuple(int(steps) for steps in ends[:, COLUMN["steps"]]),
            status=tuple(int(rows.status[-1]) for rows in driven),
            race=self._race(policy, driven[0]) if race or completion >= ONE_LAP_PERCENT else None,
        )

    def _race(self, policy: Policy, plain: DriveRows) -> RaceDrive:
        if len(plain.lap_ends) >= self.laps:
            return RaceDrive(100.0, plain.lap_ends[-1][0], 0)  # no reset, so that it is the very same drive
        (rows,) = self._driven(policy, self.racing, np.zeros(1))
        done = len(rows.lap_ends)
        progress = 0.0 if done >= self.laps else float(np.clip(rows.states[-1, COLUMN["progress"]], 0.0, 100.0))
        return RaceDrive((100.0 * done + progress) / self.laps, len(rows.status), _resets(rows))

    def _world(self, cars: int, rules: EpisodeRules) -> World:
        lidar = needs_lidar(self.car)
        return World(
            self.track,
            cars,
            seed=self.seed,
            rules=rules,
            lidar=lidar,
            lidar_noise_m=LIDAR_NOISE_M if lidar else 0.0,
            camera=camera_of(self.car, self.look),
            sectors=sectors_of(self.car),
            objects=self.objects,
            threads=self.threads,
        )

    def _driven(self, policy: Policy, world: World, starts: NDArray[np.float64]) -> tuple[DriveRows, ...]:
        world.reset(None, starts if self.track.closed else None, self.seed)
        return drive_until_done(rollout_of(policy, self.car, world, self.stack_size, threads=self.threads))


def _lap_steps(rows: DriveRows) -> list[int]:
    """Of each complete lap of one car."""
    ends = [0, *(end for end, _ in rows.lap_ends)]
    return [end - begin for begin, end in pairwise(ends)]


def _resets(rows: DriveRows) -> int:
    """How often the car was put back: each time it comes to stand in the pause of a penalty."""
    paused = rows.status == _PAUSE
    return int((paused[1:] & ~paused[:-1]).sum())


def _point(state: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """[x, y, heading_deg, speed], to the millimetre."""
    return [round(float(state[COLUMN[name]]), 3) for name in ("x", "y", "heading", "speed")]
