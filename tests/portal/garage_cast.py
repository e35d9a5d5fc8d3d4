"""Cars, models, trainings and evaluations of the cast, made by the rules and finished as a worker would."""

from __future__ import annotations

from pathlib import Path

import html5lib
import numpy as np
from sqlmodel import Session

from portal.rules import cars, evaluations, models, trainings
from portal.settings import Settings
from portal.tables import Car as CarRow
from portal.tables import Evaluation, JobState, Lap, Model, Race, Racer, TrainingIteration, TrainingRun
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.reward_examples import DEFAULT_EXAMPLE
from sim.trace import DriveTrace
from sim.track_library import TrackLibrary
from tests.cast import NOON
from tests.sim.models import STEERING_CAR, write_model

TRACK = "paddock-oval"
RULES = {
    "laps": 2,
    "continuous": True,
    "maximum_resets": 100,
    "off_track_penalty_s": 3.0,
    "collision_penalty_s": 5.0,
}


def make_car(session: Session, racer: Racer, name: str = "Bolt", *, car: Car | None = None) -> CarRow:
    return cars.create(session, racer, name=name, colour="red", car=car or Car.default(), now=NOON)


def make_model(session: Session, racer: Racer, name: str = "First", *, code: str = DEFAULT_EXAMPLE.code) -> Model:
    return models.create(
        session,
        racer,
        name=name,
        car=Car.default(),
        car_name="Starter car",
        track=TRACK,
        direction="counterclockwise",
        reward_code=code,
        hyperparameters=Hyperparameters(),
        training_limit_ms=600_000,
        now=NOON,
    )


def make_training(session: Session, model: Model, racer: Racer) -> TrainingRun:
    return trainings.request(session, model, by=racer, now=NOON, seed=7)


def measure(session: Session, run: TrainingRun, count: int = 3) -> None:
    """Iterations as a worker writes them; the last one is the best."""
    for number in range(1, count + 1):
        session.add(
            TrainingIteration(
                training_run_id=run.id or 0,
                iteration=number,
                episodes=20 * number,
                steps=1000 * number,
                elapsed_ms=4000 * number,
                average_reward=10.0 * number,
                training_completion=20.0 * number,
                evaluation_completion=30.0 * number,
                best_lap_ms=20_000 - number if number == count else None,
                race_completion=None if number == 1 else 100.0 if number == count else 60.0,
                race_ms=65_000 if number == count > 1 else None,
                race_resets=None if number == 1 else count - number,
                best=True,
            )
        )
    run.iterations, run.best_iteration, run.best_lap_ms = count, count, 20_000 - count
    session.flush()


def end(session: Session, job: TrainingRun | Evaluation, state: JobState = JobState.COMPLETED) -> None:
    job.state, job.started_at, job.ended_at = state, NOON, NOON
    session.flush()


def finish_training(session: Session, settings: Settings, run: TrainingRun) -> Path:
    """A completed training with a model folder; returns the folder."""
    run.artefact = f"training-{run.public_id}/1-token"
    folder = settings.runs_path / run.artefact
    (folder / "model").mkdir(parents=True)
    (folder / "reward_function.py").write_text("def reward_function(params):\n    return 1.0\n")
    (folder / "model" / "best.safetensors").write_bytes(b"weights" * 1000)
    measure(session, run)
    end(session, run)
    return folder


def ready_model(session: Session, settings: Settings, racer: Racer, name: str = "First") -> Model:
    model = make_model(session, racer, name)
    finish_training(session, settings, make_training(session, model, racer))
    return model


def driving_model(session: Session, runs: Path, racer: Racer, name: str = "Swift") -> Model:
    """A model of which a whole folder lies on the disk: it can drive."""
    model = models.create(
        session,
        racer,
        name=name,
        car=STEERING_CAR,
        car_name="Steerer",
        track=TRACK,
        direction="counterclockwise",
        reward_code="def reward_function(params):\n    return 1.0\n",
        hyperparameters=Hyperparameters(),
        training_limit_ms=600_000,
        now=NOON,
    )
    run = make_training(session, model, racer)
    run.artefact = f"training-{run.public_id}/1-token"
    write_model(runs / run.artefact, TrackLibrary().get(TRACK))
    measure(session, run)
    end(session, run)
    return model


def make_evaluation(session: Session, model: Model, racer: Racer, race: Race | None = None) -> Evaluation:
    return evaluations.request(
        session, model, by=racer, track=TRACK, direction="counterclockwise", rules=RULES, now=NOON, seed=3, race=race
    )


def drive() -> DriveTrace:
    """A straight drive of forty steps that speeds up."""
    rows = np.zeros((40, 8), np.float32)
    rows[:, 0] = np.linspace(-1, 1, 40)
    rows[:, 1] = -1.2
    rows[:, 3] = np.linspace(0.4, 2.0, 40)
    rows[:, 5] = np.linspace(0, 15, 40)
    rows[:, 7] = 1
    return DriveTrace(rows)


def finish_evaluation(session: Session, settings: Settings, evaluation: Evaluation) -> None:
    evaluation.artefact = f"evaluation-{evaluation.public_id}/1-token"
    folder = settings.runs_path / evaluation.artefact
    folder.mkdir(parents=True)
    (folder / "drive.bin").write_bytes(drive().to_bytes())
    evaluation.total_ms, evaluation.best_lap_ms, evaluation.completion_percent = 40_000, 19_500, 100.0
    evaluation.resets, evaluation.fingerprint = 1, "ab12" * 16
    for number, time_ms in ((1, 20_500), (2, 19_500)):
        session.add(
            Lap(evaluation_id=evaluation.id or 0, number=number, time_ms=time_ms, resets=2 - number, complete=True)
        )
    end(session, evaluation)


def parsed(text: str) -> str:
    """The page itself, after it was read as valid HTML. Raises html5lib's error where it is not."""
    html5lib.HTMLParser(strict=True).parse(text)
    return text
