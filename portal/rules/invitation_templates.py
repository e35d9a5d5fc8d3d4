"""The administrator's own wording of an invitation; without it the built-in one is used."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from portal.rules import audit, letters
from portal.rules.letters import Wording
from portal.tables import InvitationTemplate, Racer

SUBJECT = "invitation-template:1"


def current(session: Session) -> Wording | None:
    """The own wording; None where the built-in one is used."""
    stored = session.get(InvitationTemplate, 1)
    return None if stored is None else Wording(stored.subject, stored.body)


def save(session: Session, subject: str, body: str, *, by: Racer, now: datetime) -> bool:
    """Replaces the wording. Raises RuleBroken (invalid, with the field). False: it was so already."""
    wording = letters.checked(subject, body)
    before = current(session)
    if wording == before:
        return False
    session.merge(InvitationTemplate(id=1, subject=wording.subject, body=wording.body, changed_at=now))
    session.flush()
    audit.record(
        session,
        "invitation-template.change",
        SUBJECT,
        by=by,
        now=now,
        before=_written(before),
        after=_written(wording),
    )
    return True


def reset(session: Session, *, by: Racer, now: datetime) -> bool:
    """Back to the built-in wording; the own one stays in the audit. False: it was the built-in one already."""
    stored = session.get(InvitationTemplate, 1)
    if stored is None:
        return False
    before = _written(Wording(stored.subject, stored.body))
    session.delete(stored)
    session.flush()
    audit.record(session, "invitation-template.reset", SUBJECT, by=by, now=now, before=before)
    return True


def _written(wording: Wording | None) -> dict[str, str]:
    return {} if wording is None else {"subject": wording.subject, "body": wording.body}
