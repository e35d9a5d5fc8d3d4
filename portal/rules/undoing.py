"""Taking back what was done to several racers at once, from what the audit says was before.

Each of those actions writes its lines of the audit under one name, its batch. Undoing it restores what each line says
was before, for exactly those racers, where nothing of the kind was changed since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from portal.rules import audit, model_clearing, quotas, sponsorship
from portal.rules.broken import Code, RuleBroken
from portal.rules.outcome import CHANGED_SINCE, Outcome
from portal.rules.slices import slices
from portal.tables import AuditEvent, Racer

GOOD_FOR = timedelta(hours=1)
"""How long what was done can be undone with one click."""
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Done:
    """What was done: the action, to how many, and the first of them."""

    batch: str
    action: str
    count: int
    first: list[Racer]


def offer(session: Session, batch: str, *, by: Racer, now: datetime) -> Done | None:
    """What `by` did as this batch; None where it cannot be undone: unknown, another's, too long ago, undone."""
    lines = _lines(batch)
    facts = select(func.count(), func.min(AuditEvent.action), func.min(AuditEvent.by_racer_id), func.max(AuditEvent.at))
    count, action, by_id, at = session.exec(facts.where(*lines)).one()
    if not count or by_id != by.id or now - at > GOOD_FOR or _is_undone(session, batch):
        return None
    subjects = session.exec(select(AuditEvent.subject).where(*lines).order_by(col(AuditEvent.id)).limit(SHOWN)).all()
    return Done(batch, action, count, _people(session, list(subjects)))


def undo(session: Session, batch: str, *, by: Racer, now: datetime) -> Outcome:
    """Restores what was before a batch that `by` did. Once: a second time changes nothing and says so.

    Raises RuleBroken (missing) for an unknown batch or another's, (conflict) for one that was undone or is too old.
    """
    events = session.exec(select(AuditEvent).where(*_lines(batch)).order_by(col(AuditEvent.id))).all()
    if not events or events[0].by_racer_id != by.id:
        raise RuleBroken(Code.MISSING, "There is nothing to undo.")
    if _is_undone(session, batch):
        raise RuleBroken(Code.CONFLICT, "This was undone already.")
    if now - events[0].at > GOOD_FOR:
        raise RuleBroken(Code.CONFLICT, "This was done more than an hour ago. Change back by hand what should change.")
    people = _people(session, [event.subject for event in events])
    done = [
        (racer, audit.Change(event.subject, event.before, event.after))
        for racer, event in zip(people, events, strict=True)
    ]
    touched = _touched(session, list(events))
    fresh = [(racer, change) for racer, change in done if change.subject not in touched]
    outcome = _put_back(session, events[0], fresh, by=by, now=now)
    outcome.refused += [(racer, CHANGED_SINCE) for racer, change in done if change.subject in touched]
    return outcome


def _put_back(
    session: Session, event: AuditEvent, done: list[tuple[Racer, audit.Change]], *, by: Racer, now: datetime
) -> Outcome:
    noun, batch, reason = event.action.partition(".")[0], event.batch or "", event.reason
    back = _undo_of(batch)
    if noun == "sponsorship":
        return sponsorship.put_back(session, done, by=by, now=now, reason=reason, batch=back)
    if noun == "quota":
        return quotas.put_back(session, done, by=by, now=now, reason=reason, batch=back)
    people = [racer for racer, _ in done]
    return model_clearing.put_back(session, people, batch, event.at, by=by, now=now, reason=reason, batch=back)


def _lines(batch: str) -> tuple[ColumnElement[bool], ...]:
    """The lines about racers; a batch that deleted models has one for each model too."""
    return col(AuditEvent.batch) == batch, col(AuditEvent.subject).startswith("racer:")


def _undo_of(batch: str) -> str:
    return f"undo-{batch}"


def _is_undone(session: Session, batch: str) -> bool:
    undone = select(AuditEvent.id).where(AuditEvent.batch == _undo_of(batch)).limit(1)
    return session.exec(undone).first() is not None


def _touched(session: Session, events: list[AuditEvent]) -> set[str]:
    """The subjects to which something of the same kind was done after these events."""
    own = {event.subject: event.id or 0 for event in events}
    noun = events[0].action.partition(".")[0]
    later = (
        select(AuditEvent.subject, func.max(AuditEvent.id))
        .where(col(AuditEvent.id) > min(own.values()), col(AuditEvent.action).startswith(f"{noun}."))
        .group_by(AuditEvent.subject)
    )
    return {subject for subject, last in session.exec(later) if (last or 0) > own.get(subject, last or 0)}


def _people(session: Session, subjects: list[str]) -> list[Racer]:
    """The racers whom these lines are about, in the same order."""
    found: dict[str, Racer] = {}
    for part in slices([subject.removeprefix("racer:") for subject in subjects]):
        rows = session.exec(select(Racer).where(col(Racer.public_id).in_(part)))
        found |= {f"racer:{racer.public_id}": racer for racer in rows}
    return [found[subject] for subject in subjects]
