"""The evaluation between updates: the policy as it would race, from several starts, until its first ending."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sim.car import Car
from sim.drive_rows import DriveRows, drive_until_done
from sim.driver import LIDAR_NOISE_M, camera_of, needs_lidar, rollout_of
from sim.episode import EpisodeRules
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


@dataclass(frozen=True)
class Trial:
    """`completion`: mean per cent of LAPS laps driven; `best_lap_steps` of all clean laps; `drive` of the first car."""

    completion: float
    best_lap_steps: int | None
    drive: list[list[float]]
    shares: tuple[float, ...]
    steps: tuple[int, ...]
    status: tuple[int, ...]

    def records(self, episode: int) -> tuple[EpisodeRecord, ...]:
        """For the metrics; no reward is asked for in evaluation, so it is 0 there."""
        outcome = zip(self.steps, self.shares, self.status, strict=True)
        return tuple(
            EpisodeRecord(episode, index + 1, "evaluation", 0.0, steps, share, status)
            for index, (steps, share, status) in enumerate(outcome)
        )


def trial_drive(
    policy: Policy,
    car: Car,
    track: Track,
    *,
    seed: int,
    stack_size: int,
    objects: TrackObjects | None = None,
    look: str = USUAL_LOOK,
    threads: int = 1,
) -> Trial:
    """Drive LAPS laps from STARTS evenly spaced places of the track (as driven), the first at the start line.

    Every car drives until it completes them or leaves the track, crashes, stands or turns back. An open track has one
    start and one lap. Nothing is randomised, as in a race. Threads change no bit.
    """
    laps, starts = (LAPS, STARTS) if track.closed else (1, 1)
    lidar = needs_lidar(car)
    world = World(
        track,
        starts,
        seed=seed,
        rules=EpisodeRules(laps=laps, continuous=track.closed, maximum_steps=MOST_STEPS, auto_reset=False),
        lidar=lidar,
        lidar_noise_m=LIDAR_NOISE_M if lidar else 0.0,
        camera=camera_of(car, look),
        sectors=sectors_of(car),
        objects=objects,
        threads=threads,
    )
    if track.closed:
        world.reset(None, np.arange(starts) / starts)
    driven = drive_until_done(rollout_of(policy, car, world, stack_size, threads=threads))
    best_lap = min((steps for rows in driven for steps in _lap_steps(rows)), default=0)
    ends = np.array([rows.states[-1] for rows in driven])
    completed = np.array([len(rows.lap_ends) for rows in driven])
    progress = np.where(completed >= laps, 0.0, np.clip(ends[:, COLUMN["progress"]], 0.0, 100.0))
    shares = (100.0 * completed + progress) / laps
    path = driven[0].states
    stride = -(-len(path) // MOST_POINTS)
    return Trial(
        completion=float(shares.mean()),
        best_lap_steps=best_lap or None,
        drive=[_point(state) for state in path[::stride]],
        shares=tuple(shares.tolist()),
        steps=tuple(int(steps) for steps in ends[:, COLUMN["steps"]]),
        status=tuple(int(rows.status[-1]) for rows in driven),
    )


def _lap_steps(rows: DriveRows) -> list[int]:
    """Of each complete lap of one car."""
    ends = [0, *(end for end, _ in rows.lap_ends)]
    return [end - begin for begin, end in pairwise(ends)]


def _point(state: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """[x, y, heading_deg, speed], to the millimetre."""
    return [round(float(state[COLUMN[name]]), 3) for name in ("x", "y", "heading", "speed")]
