"""How near a training of some minutes comes to the best lap that a long search finds with the same car."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from bench.best_line import RULES, flying_lap_s, search
from bench.processor_time import spent_by_s
from bench.rows import Row
from bench.track_choice import track_named, track_option
from sim.action_space import ContinuousActionSpace
from sim.best_choice import BEST_BY, USUAL_BEST_BY
from sim.drive_rows import drive_until_done
from sim.driver import rollout_of
from sim.learning.reports import IterationReport, TrainingConfig
from sim.model_folder import ModelFolder
from sim.presets import PRESETS
from sim.reward_examples import EXAMPLES
from sim.starts import STARTS, USUAL_STARTS
from sim.track import Direction, Track
from sim.world import World

GOAL_RATIO = 1.03
CONTINUOUS = {
    name: preset.car.action_space
    for name, preset in PRESETS.items()
    if isinstance(preset.car.action_space, ContinuousActionSpace)
}
"""Presets whose car a search can drive."""
MARKS = (0.2, 0.4, 0.6, 0.8)
"""Shares of the time at which it is said how far the training is."""


@dataclass(frozen=True)
class Trained:
    """What a training of so long left: the mean flying lap of its best policy, None where it does not finish from the
    start line, and how it went."""

    lap_s: float | None
    completion: float
    iterations: int
    steps: int
    best_iteration: int | None
    on_the_way: tuple[float | None, ...]
    """The fastest lap, in whole steps, of all policies so far that drove every lap from all 16 starts, seconds; at each
    of MARKS and at the end."""


@click.command()
@track_option
@click.option(
    "--direction",
    default="counterclockwise",
    type=click.Choice([str(way) for way in Direction]),
    help="Which way round.",
)
@click.option(
    "--preset",
    default="fast",
    show_default=True,
    type=click.Choice(list(CONTINUOUS)),
    help="The car and how it learns.",
)
@click.option(
    "--reward",
    default="drive-fast",
    show_default=True,
    type=click.Choice([example.name for example in EXAMPLES]),
    help="Which of the example functions it is paid by.",
)
@click.option(
    "--starts",
    default=USUAL_STARTS,
    show_default=True,
    type=click.Choice(list(STARTS)),
    help="Where its episodes begin.",
)
@click.option(
    "--best-by",
    default=USUAL_BEST_BY,
    show_default=True,
    type=click.Choice(list(BEST_BY)),
    help="By which evaluation the policy is chosen whose lap counts.",
)
@click.option("--minutes", default=5.0, show_default=True, help="Of training; 0 leaves it out.")
@click.option("--search-minutes", default=5.0, show_default=True, help="Of processor time for the search.")
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1, 100), help="Trainings.")
@click.option("--best-s", type=float, help="The best lap of an earlier search, which then is not made again.")
@click.option(
    "--clock",
    default="wall",
    show_default=True,
    type=click.Choice(["wall", "processor"]),
    help="What the minutes of training are counted by; on a busy machine processor time of all that it does.",
)
def measure(
    track: str,
    direction: str,
    preset: str,
    reward: str,
    starts: str,
    best_by: str,
    minutes: float,
    search_minutes: float,
    seeds: int,
    best_s: float | None,
    clock: str,
) -> list[Row]:
    """The lap of a training against the best lap of a long search, both flying and in the simulator.

    The search asks for lap time alone; the training learns from an example function in the sandbox. Both laps are the
    mean of the second and third from the start line, and count only where none of the three leaves the track.
    """
    circuit = track_named(track)
    driven = circuit.driven(Direction(direction))
    actions = CONTINUOUS[preset]
    rows = []
    if best_s is None:
        found = search(driven, actions, 60.0 * search_minutes, 0)
        if found.lap_s is None:
            raise ValueError(f"the search finished no lap in {search_minutes:g} minutes; give it more --search-minutes")
        best_s = found.lap_s
        said = f"{found.generations} generations, {found.searches} searches begun"
        rows.append(Row(f"{driven.name} {direction}: best lap of the search", best_s, "s", said, clock="processor"))
    what = f"{driven.name} {direction}, {preset}, {reward}, {starts}, best by {best_by}"
    for seed in range(seeds if minutes > 0 else 0):
        config = TrainingConfig(
            track=circuit,
            direction=Direction(direction),
            car=PRESETS[preset].car,
            hyperparameters=PRESETS[preset].hyperparameters,
            reward_code=next(example.code for example in EXAMPLES if example.name == reward),
            seed=seed,
            limit_ms=10**9,
            starts=starts,
            best_by=best_by,
        )
        rows += _rows(f"{what}, seed {seed}", _train(config, 60.0 * minutes, clock), best_s)
    return rows


def _rows(what: str, trained: Trained, best_s: float) -> list[Row]:
    rows = [
        Row(
            f"{what}: iteration of the best",
            float(trained.best_iteration or 0),
            f"of {trained.iterations}",
            f"{trained.steps} steps driven",
        ),
        Row(f"{what}: completion from 16 starts", trained.completion, "%"),
    ]
    for share, lap_s in zip((*MARKS, 1.0), trained.on_the_way, strict=True):
        if lap_s is not None:
            rows.append(Row(f"{what}: fastest of complete laps, {100 * share:.0f} % of the time", lap_s, "s"))
    if trained.lap_s is not None:
        rows.append(Row(f"{what}: lap", trained.lap_s, "s", "the search's", best_s))
        rows.append(Row(f"{what}: lap over the best", trained.lap_s / best_s, "", "goal: at most", GOAL_RATIO))
    return rows


def _train(config: TrainingConfig, seconds: float, clock: str) -> Trained:
    from jobs.sandbox import RewardProcess
    from sim.learning.training import train

    marks: list[float | None] = []
    laps_ms: list[int] = []
    with tempfile.TemporaryDirectory() as folder, RewardProcess(config.reward_code, seed=config.seed) as source:
        began = time.perf_counter(), time.process_time()

        def spent_s() -> float:
            if clock == "wall":
                return time.perf_counter() - began[0]
            return time.process_time() - began[1] + (spent_by_s(source.pid) if laps_ms else 0.0)

        def note(report: IterationReport) -> None:
            if report.evaluation_completion >= 100.0 and report.best_lap_ms is not None:
                laps_ms.append(report.best_lap_ms)
            while len(marks) < len(MARKS) and spent_s() >= seconds * MARKS[len(marks)]:
                marks.append(min(laps_ms) / 1000 if laps_ms else None)

        result = train(
            config, reward=source, out=Path(folder), on_iteration=note, should_stop=lambda: spent_s() >= seconds
        )
        lap_s = policy_lap_s(ModelFolder.read(Path(folder)), config.track.driven(config.direction))
    return Trained(
        lap_s=lap_s,
        completion=result.evaluation_completion,
        iterations=result.iterations,
        steps=result.steps,
        best_iteration=result.best_iteration,
        on_the_way=(*marks, *[None] * (len(MARKS) - len(marks)), min(laps_ms) / 1000 if laps_ms else None),
    )


def policy_lap_s(model: ModelFolder, track: Track) -> float | None:
    """Mean flying lap of a model's policy from the start line, on a track as it is driven."""
    world = World(track, 1, seed=0, rules=RULES)
    world.reset(None, np.zeros(1))
    (rows,) = drive_until_done(rollout_of(model.policy(), model.car, world, model.hyperparameters.stack_size))
    return flying_lap_s(rows)
