"""The races that a model was entered in, with what came of it: for the model's own racer."""

from __future__ import annotations

from typing import NamedTuple

from sqlmodel import Session, col, select

from portal.tables import Evaluation, Model, Race, Submission


class Entry(NamedTuple):
    """One submission of a model."""

    submission: Submission
    race: Race
    evaluation: Evaluation


def of_model(session: Session, model: Model) -> list[Entry]:
    """Every submission of the model, newest first, races that were deleted left out."""
    query = (
        select(Submission, Race, Evaluation)
        .join(Race, col(Race.id) == col(Submission.race_id))
        .join(Evaluation, col(Evaluation.id) == col(Submission.evaluation_id))
        .where(Submission.model_id == model.id, col(Race.deleted_at).is_(None))
        .order_by(col(Submission.id).desc())
    )
    return [Entry(*row) for row in session.exec(query)]
