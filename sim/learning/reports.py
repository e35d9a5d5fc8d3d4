"""What a training is asked for and what it tells. No torch here, so a portal or a queue may read these types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sim.best_choice import USUAL_BEST_BY, checked_best_by
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.looks import USUAL_LOOK, look_named
from sim.metrics import EpisodeRecord
from sim.objects import TrackObjects
from sim.randomisation import USUAL_RANDOMISATION, randomisation_named
from sim.starts import USUAL_STARTS, checked_starts
from sim.track import Direction, Track

Ending = Literal["time", "stopped", "target", "episodes", "iterations", "hopeless"]
"""Why a training ended: its time was over; it was asked to stop; the average reward reached the target score; the most
episodes or iterations were driven; or nothing got better for too long. A reward function that fails raises instead."""


@dataclass(frozen=True)
class TrainingConfig:
    """What makes a model. `track` as it is stored; `limit_ms` of time in `train`, runs before a resume included.
    `objects` are boxes or bots that each car trains among; none is a time trial. `look` is a name of LOOKS, what the
    world looks like to a camera; `randomisation` one of RANDOMISATIONS, how far the training's world differs from
    episode to episode; `starts` one of STARTS, where episodes begin; `best_by` one of BEST_BY, by which evaluation the
    policy is chosen that is kept. ValueError for a name that there is not."""

    track: Track
    direction: Direction
    car: Car
    hyperparameters: Hyperparameters
    reward_code: str
    seed: int
    limit_ms: int
    objects: TrackObjects | None = None
    look: str = USUAL_LOOK
    randomisation: str = USUAL_RANDOMISATION
    starts: str = USUAL_STARTS
    best_by: str = USUAL_BEST_BY

    def __post_init__(self) -> None:
        look_named(self.look)
        randomisation_named(self.randomisation)
        checked_starts(self.starts)
        checked_best_by(self.best_by)


@dataclass(frozen=True)
class IterationReport:
    """One iteration: a rollout, an update and, unless that of a large network is put off, an evaluation.

    `episodes` and `steps` are totals so far. `average_reward` per episode and `training_completion` (per cent of a lap)
    are means over the last "episodes between updates" episodes that ended, or over the running ones before any did.
    `evaluation_completion` is the mean share, in per cent, of three laps that the policy drives without an ending from
    evenly spaced starts, `best_lap_ms` its fastest clean lap of them. `race_completion` is the share of three laps in
    one go from the start line with a race's penalties, `race_ms` their time where all were driven, `race_resets` how
    often the car was put back; None before the policy drives a lap on average. `drive` holds at most 400 points
    [x, y, heading_deg, speed] of the drive from the start line; all of these are of the last evaluation that there was.
    `records` are the iteration's episodes for the metrics.
    """

    iteration: int
    episodes: int
    steps: int
    elapsed_ms: int
    average_reward: float
    training_completion: float
    evaluation_completion: float
    best_lap_ms: int | None
    best: bool
    drive: list[list[float]]
    records: tuple[EpisodeRecord, ...]
    race_completion: float | None = None
    race_ms: int | None = None
    race_resets: int | None = None


@dataclass(frozen=True)
class TrainingResult:
    """How a training went. `fingerprint` is that of the best policy's weights; lap and completion are its too."""

    iterations: int
    episodes: int
    steps: int
    elapsed_ms: int
    best_iteration: int | None
    best_lap_ms: int | None
    evaluation_completion: float
    ended_because: Ending
    fingerprint: str
    device: str = "cpu"
    """What it learned on: cpu or cuda."""


OnIteration = Callable[[IterationReport], None]
ShouldStop = Callable[[], bool]
