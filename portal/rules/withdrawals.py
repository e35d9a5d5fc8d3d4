"""Taking a submission back while it waits."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from portal.rules import audit, queueing, races
from portal.rules.broken import Code, RuleBroken
from portal.tables import Evaluation, JobKind, JobState, Race, Racer, Submission


def withdraw(session: Session, race: Race, public_id: str, *, by: Racer, now: datetime) -> Submission:
    """Stops an own submission that is queued: it costs nothing and does not count against any maximum.

    Raises RuleBroken: missing (not the racer's), conflict (it drives already, or is over).
    """
    mine = (Submission.race_id == race.id, Submission.public_id == public_id, Submission.racer_id == by.id)
    submission = session.exec(select(Submission).where(*mine)).first()
    if submission is None:
        raise RuleBroken(Code.MISSING, "There is no such submission.")
    job = queueing.find(session, JobKind.EVALUATION, submission.evaluation_id)
    if not isinstance(job, Evaluation) or job.state != JobState.QUEUED:
        raise RuleBroken(Code.CONFLICT, "It does not wait any more: what drives or has driven cannot be withdrawn.")
    queueing.request_stop(session, JobKind.EVALUATION, submission.evaluation_id, now=now, by=by)
    submission.withdrawn_at = now
    session.add(submission)
    session.flush()
    audit.record(session, "submission.withdraw", races.subject(race), by=by, now=now, after={"submission": public_id})
    return submission
