"""Races, trained models and measured runs for tests, as rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, select

from portal import clock
from portal.rules import races
from portal.tables import (
    Evaluation,
    JobState,
    Lap,
    Model,
    Race,
    Racer,
    RewardFunction,
    Submission,
    TrainingRun,
)

TRACK = "paddock-oval"


def make_race(session: Session, owner: Racer, *, now: datetime | None = None, **changes: Any) -> Race:
    """A race that is open for a week, a minute after it opened."""
    now = now or clock.now()
    opens_at = changes.pop("opens_at", now - timedelta(minutes=1))
    private = changes.pop("visibility", None)
    details = {
        "name": "Sunday cup",
        "track": TRACK,
        "direction": "counterclockwise",
        "opens_at": opens_at,
        "closes_at": opens_at + timedelta(days=7),
        **changes,
    }
    race = races.create(session, owner, now=min(now, details["closes_at"] - timedelta(seconds=1)), seed=7, **details)
    if private:
        race.visibility = private
        session.flush()
    return race


def make_model(session: Session, racer: Racer, *, name: str = "First-light", trained: bool = True) -> Model:
    """A model of a racer, with the weights of a finished training unless `trained` is False."""
    now = clock.now()
    model = Model(
        racer_id=racer.id or 0,
        name=name,
        car_name="Starter car",
        car_metadata={},
        track=TRACK,
        direction="counterclockwise",
        hyperparameters={},
        training_limit_ms=60_000,
        created_at=now,
    )
    session.add(model)
    session.flush()
    session.add(RewardFunction(model_id=model.id or 0, version=1, code="", created_at=now))
    session.flush()
    if trained:
        make_training(session, model, JobState.COMPLETED, artefact="training-a/1-b")
    return model


def make_training(session: Session, model: Model, state: JobState, *, artefact: str | None = None) -> TrainingRun:
    function = session.exec(select(RewardFunction).where(RewardFunction.model_id == model.id)).one()
    run = TrainingRun(
        racer_id=model.racer_id,
        model_id=model.id or 0,
        state=state,
        queued_at=clock.now(),
        seed=1,
        reward_function_id=function.id or 0,
        limit_ms=60_000,
        configuration={},
        artefact=artefact,
    )
    session.add(run)
    session.flush()
    return run


def make_result(
    session: Session,
    race: Race,
    racer: Racer,
    *times_ms: int | None,
    model: Model | None = None,
    resets: int = 0,
    state: JobState = JobState.COMPLETED,
    at: datetime | None = None,
) -> Submission:
    """A submission whose evaluation has driven these laps; None is a lap that was not completed."""
    at = at or clock.now()
    model = model or session.exec(select(Model).where(Model.racer_id == racer.id)).first() or make_model(session, racer)
    run = session.exec(select(TrainingRun).where(TrainingRun.model_id == model.id)).first()
    complete = [time_ms for time_ms in times_ms if time_ms is not None]
    evaluation = Evaluation(
        racer_id=racer.id or 0,
        model_id=model.id or 0,
        training_run_id=(run.id if run else 0) or 0,
        race_id=race.id,
        track=race.track,
        direction=race.direction,
        rules={},
        state=state,
        queued_at=at,
        ended_at=at if state.is_over else None,
        seed=race.seed,
        total_ms=sum(complete) if complete else None,
        best_lap_ms=min(complete, default=None),
        resets=resets,
    )
    session.add(evaluation)
    session.flush()
    for number, time_ms in enumerate(times_ms, start=1):
        session.add(
            Lap(
                evaluation_id=evaluation.id or 0,
                number=number,
                time_ms=time_ms or 1_000,
                resets=resets if number == 1 else 0,
                complete=time_ms is not None,
            )
        )
    submission = Submission(
        race_id=race.id or 0,
        racer_id=racer.id or 0,
        model_id=model.id or 0,
        evaluation_id=evaluation.id or 0,
        created_at=at,
    )
    session.add(submission)
    session.flush()
    return submission
