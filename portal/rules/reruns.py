"""Driving a submission again: the same weights, track, rules and seed give the same laps, to the step.

A re-run counts for nothing but the proof. The race pays for it, as for the submission itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from portal.rules import evaluations, publishing, races
from portal.rules.broken import Code, RuleBroken
from portal.tables import Evaluation, JobState, Lap, Race, Racer, Submission


@dataclass(frozen=True, slots=True)
class Rerun:
    """The latest re-run of a submission beside its result."""

    evaluation: Evaluation
    is_same: bool
    """True where it is over and every lap has the same steps; its fingerprint covers what it was made of as well."""
    first_difference: int | None
    """The first lap that is another one; None where laps agree, or there is nothing to compare yet."""

    @property
    def is_over(self) -> bool:
        return self.evaluation.is_over


def may_ask(race: Race, submission: Submission, racer: Racer | None) -> bool:
    """Its racer, the organizer and administrators may."""
    return racer is not None and (racer.id == submission.racer_id or races.may_change(race, racer))


def request(session: Session, race: Race, public_id: str, *, by: Racer, now: datetime) -> Evaluation:
    """Queues a re-run; it takes the place of an earlier one.

    Raises RuleBroken: missing, forbidden (neither the racer nor the organizer; sponsorship has ended), conflict (no
    result to compare with, one is on its way, a budget's hard cap).
    """
    found = (Submission.race_id == race.id, Submission.public_id == public_id)
    submission = session.exec(select(Submission).where(*found).with_for_update(key_share=True)).first()
    if submission is None:
        raise RuleBroken(Code.MISSING, "There is no such submission.")
    if not may_ask(race, submission, by):
        raise RuleBroken(Code.FORBIDDEN, "Only its racer and the organizer of the race can have it driven again.")
    first = session.get_one(Evaluation, submission.evaluation_id)
    if first.state != JobState.COMPLETED or not publishing.is_shown(session, first):
        raise RuleBroken(Code.CONFLICT, "It has no result yet that a re-run could be compared with.")
    earlier = session.get(Evaluation, submission.rerun_id) if submission.rerun_id else None
    if earlier is not None and not earlier.is_over:
        raise RuleBroken(Code.CONFLICT, "It is being driven again already. The result shows here.")
    again = evaluations.repeat(session, first, race=race, by=by, now=now)
    submission.rerun_id = again.id
    session.add(submission)
    session.flush()
    return again


def of(session: Session, submission: Submission) -> Rerun | None:
    """The latest re-run; None where there was none."""
    again = session.get(Evaluation, submission.rerun_id) if submission.rerun_id else None
    if again is None:
        return None
    first = session.get_one(Evaluation, submission.evaluation_id)
    if again.state != JobState.COMPLETED:
        return Rerun(again, False, None)
    return Rerun(again, again.fingerprint == first.fingerprint, _difference(session, first, again))


def _difference(session: Session, first: Evaluation, again: Evaluation) -> int | None:
    laps = [_laps(session, one) for one in (first, again)]
    for number, (left, right) in enumerate(zip(*laps, strict=False), start=1):
        if left != right:
            return number
    return None if len(laps[0]) == len(laps[1]) else min(map(len, laps)) + 1


def _laps(session: Session, evaluation: Evaluation) -> list[tuple[int, int, bool]]:
    query = select(Lap.time_ms, Lap.resets, Lap.complete).where(Lap.evaluation_id == evaluation.id)
    return [(time_ms, resets, complete) for time_ms, resets, complete in session.exec(query.order_by(col(Lap.number)))]
