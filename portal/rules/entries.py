"""The races that a model was entered in, with what came of it: for the model's own racer."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import not_
from sqlmodel import Session, col, select

from portal.rules import publishing, races
from portal.tables import Evaluation, Model, Race, Racer, Submission


class Entry(NamedTuple):
    """One submission of a model."""

    submission: Submission
    race: Race
    evaluation: Evaluation
    is_unseen: bool
    """A run of a LIVE race that the broadcast has not shown to its end: its result is nobody's yet."""


def of_model(session: Session, model: Model, *, viewer: Racer | None) -> list[Entry]:
    """Every submission of the model to a race that the viewer may see, newest first."""
    query = (
        select(Submission, Race, Evaluation, not_(publishing.was_shown()))
        .join(Race, col(Race.id) == col(Submission.race_id))
        .join(Evaluation, col(Evaluation.id) == col(Submission.evaluation_id))
        .where(Submission.model_id == model.id, races.visible_to(viewer))
        .order_by(col(Submission.id).desc())
    )
    return [Entry(*row) for row in session.exec(query)]
