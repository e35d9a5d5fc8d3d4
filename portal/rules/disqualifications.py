"""Taking a submission out of the standings for a reason that everybody reads, and putting it back."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from portal.rules import audit, races
from portal.rules.broken import Code, RuleBroken
from portal.tables import Evaluation, JobState, Race, Racer, Submission

LONGEST_REASON = 300


def disqualify(session: Session, race: Race, public_id: str, *, reason: str, by: Racer, now: datetime) -> bool:
    """Takes a finished submission out of the standings, which are ranked anew. False: it was out already.

    It still counts against the racer's maximum. Raises RuleBroken: missing, forbidden (not the organizer's), conflict
    (it has no result yet), invalid (no reason).
    """
    race, submission = _own(session, race, public_id, by)
    reason = " ".join(reason.split())
    if not 1 <= len(reason) <= LONGEST_REASON:
        message = f"Write the reason in 1 to {LONGEST_REASON} characters: the racer and everybody else read it."
        raise RuleBroken(Code.INVALID, message, "reason")
    if session.get_one(Evaluation, submission.evaluation_id).state != JobState.COMPLETED:
        raise RuleBroken(Code.CONFLICT, "It has no result that could count.")
    if submission.disqualified_at is not None:
        return False
    submission.disqualified_at, submission.disqualified_by_id, submission.disqualified_for = now, by.id, reason
    _keep(session, race, submission, "submission.disqualify", by=by, now=now, reason=reason)
    return True


def reinstate(session: Session, race: Race, public_id: str, *, by: Racer, now: datetime) -> bool:
    """Undoes a disqualification: the submission counts again. False: it was not out."""
    race, submission = _own(session, race, public_id, by)
    if submission.disqualified_at is None:
        return False
    reason = submission.disqualified_for or ""
    submission.disqualified_at = submission.disqualified_by_id = submission.disqualified_for = None
    _keep(session, race, submission, "submission.reinstate", by=by, now=now, reason=reason)
    return True


def _own(session: Session, race: Race, public_id: str, by: Racer) -> tuple[Race, Submission]:
    race = races.hold_own(session, race, by)
    query = select(Submission).where(Submission.race_id == race.id, Submission.public_id == public_id)
    submission = session.exec(query.execution_options(populate_existing=True)).first()
    if submission is None:
        raise RuleBroken(Code.MISSING, "There is no such submission.")
    return race, submission


def _keep(
    session: Session, race: Race, submission: Submission, action: str, *, by: Racer, now: datetime, reason: str
) -> None:
    """Stores it and raises the version of the standings, so that open pages are drawn anew."""
    race.version += 1
    session.add(submission)
    session.add(race)
    session.flush()
    after = {"submission": submission.public_id}
    audit.record(session, action, races.subject(race), by=by, now=now, after=after, reason=reason)
