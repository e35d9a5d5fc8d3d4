"""What goes and what stays when models are deleted, to be said before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from portal.rules import standings
from portal.rules.ranking import Standing
from portal.tables import Evaluation, JobState, Model, Race, Racer, Submission, TrainingRun

MOST_RACES = 25
"""Races that are ranked for the question; of more, the rows are named without their place."""


@dataclass(frozen=True, slots=True)
class StayingRow:
    """A run of a model in a race: it stays, under the racer's alias, with the model's name marked as deleted."""

    race: Race
    racer: Racer
    model: Model
    submission: Submission
    place: int | None
    """Where its racer stands by this very run; None where another run counts, or none does yet."""
    is_pending: bool
    """It waits or drives; it will still count."""


@dataclass(frozen=True, slots=True)
class Effects:
    """The jobs whose files go, and the leaderboard rows that stay."""

    trainings: list[TrainingRun]
    evaluations: list[Evaluation]
    rows: list[StayingRow]


def of_models(session: Session, models: Sequence[Model]) -> Effects:
    """What deleting these models comes to. Queries: four, and two for each race that is ranked."""
    ids = [model.id for model in models]
    trainings = select(TrainingRun).where(col(TrainingRun.model_id).in_(ids), col(TrainingRun.artefact).is_not(None))
    evaluations = select(Evaluation).where(
        col(Evaluation.model_id).in_(ids), col(Evaluation.artefact).is_not(None), col(Evaluation.race_id).is_(None)
    )
    return Effects(list(session.exec(trainings)), list(session.exec(evaluations)), _rows(session, ids))


def _rows(session: Session, ids: Sequence[int | None]) -> list[StayingRow]:
    query = (
        select(Submission, Race, Model, col(Evaluation.state))
        .join(Race, col(Race.id) == col(Submission.race_id))
        .join(Model, col(Model.id) == col(Submission.model_id))
        .join(Evaluation, col(Evaluation.id) == col(Submission.evaluation_id))
        .where(col(Submission.model_id).in_(ids), col(Race.deleted_at).is_(None))
        .order_by(col(Race.closes_at).desc(), col(Submission.id).desc())
    )
    found = session.exec(query).all()
    entered = {submission.racer_id for submission, *_ in found}
    people = {racer.id: racer for racer in session.exec(select(Racer).where(col(Racer.id).in_(entered)))}
    ranked = {race.id: race for _, race, *_ in found}
    standing = {
        place.submission: place for race in list(ranked.values())[:MOST_RACES] for place in _standings(session, race)
    }
    return [
        StayingRow(
            race=race,
            racer=people[submission.racer_id],
            model=model,
            submission=submission,
            place=standing[submission.public_id].place if submission.public_id in standing else None,
            is_pending=not JobState(state).is_over,
        )
        for submission, race, model, state in found
    ]


def _standings(session: Session, race: Race) -> list[Standing]:
    entries = standings.entries_of(session, race)
    return list(standings.rank(entries, ranking=race.ranking, minimum_laps=race.minimum_laps, counts=race.counts))
