"""What may be downloaded of a submission: its record for all who see it, its weights for their racer."""

from __future__ import annotations

from sqlmodel import Session

from portal.rules.broken import Code, RuleBroken
from portal.tables import Evaluation, Racer, Submission, TrainingRun


def may_have_weights(submission: Submission, racer: Racer | None) -> bool:
    """Weights are their racer's; administrators may have them too. An organizer has a submission driven again."""
    return racer is not None and (racer.id == submission.racer_id or racer.is_admin)


def weights(session: Session, submission: Submission, evaluation: Evaluation, *, by: Racer | None) -> str:
    """The folder of the weights that drove, which need not be those that the model has now.

    Raises RuleBroken: missing (somebody else's), conflict (they are gone).
    """
    if not may_have_weights(submission, by):
        raise RuleBroken(Code.MISSING, "There is no such file.")
    run = session.get_one(TrainingRun, evaluation.training_run_id)
    if run.artefact is None:
        raise RuleBroken(Code.CONFLICT, "The weights that drove are gone.")
    return run.artefact
