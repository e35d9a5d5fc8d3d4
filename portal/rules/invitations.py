"""Invitations: made, looked at, accepted once, sent again, revoked and restored.

The link of an invitation is signed from its public id elsewhere (`portal.invitation_links`); no secret is stored here.
An invitation opens no door of its own: who may sign in is the provider's to say, and who may race is sponsorship's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, func, select, update

from portal.rules import audit, deliveries, email_addresses, limits, sponsorship
from portal.rules.broken import Code, RuleBroken
from portal.rules.letters import Letter
from portal.rules.local_paths import is_local_path
from portal.rules.row_results import Result
from portal.tables import DeliveryState, Invitation, Mail, Racer

DEFAULT_LIFE = timedelta(days=14)
LONGEST_LIFE = timedelta(days=365)
MOST_AT_ONCE = 500
LONGEST_NAME = 200
LONGEST_PATH = 500
NO_LANDING = ("/welcome", "/sign-in", "/sign-out", "/signed-out", "/idp")
"""Paths that an invitation must not end at: they lead in or out again."""

MODE_OFF = "Multi-user mode is switched off, so nobody can join now. Your invitation stays good: come back later."

Compose = Callable[[Invitation], Letter]


class InvitationState(StrEnum):
    """Where an invitation is, by its moments."""

    OPEN = "open"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Invitee:
    """Somebody to invite: where in the list (as people count rows), the address as it was written, a name or none."""

    where: str
    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class InvitedRow:
    """What came of one row."""

    invitee: Invitee
    result: Result
    reason: str = ""
    invitation: Invitation | None = None


def state(invitation: Invitation, now: datetime) -> InvitationState:
    """Accepted for ever, else revoked, else open until it expires."""
    if invitation.accepted_at is not None:
        return InvitationState.ACCEPTED
    if invitation.revoked_at is not None:
        return InvitationState.REVOKED
    return InvitationState.OPEN if now < invitation.expires_at else InvitationState.EXPIRED


def in_state(wanted: InvitationState, now: datetime) -> Any:
    """`state` as a clause for queries."""
    accepted, revoked = col(Invitation.accepted_at).is_not(None), col(Invitation.revoked_at).is_not(None)
    over = col(Invitation.expires_at) <= now
    return {
        InvitationState.ACCEPTED: accepted,
        InvitationState.REVOKED: ~accepted & revoked,
        InvitationState.EXPIRED: ~accepted & ~revoked & over,
        InvitationState.OPEN: ~accepted & ~revoked & ~over,
    }[wanted]


def invite(
    session: Session,
    people: Sequence[Invitee],
    *,
    land_on: str,
    life: timedelta,
    by: Racer,
    now: datetime,
    compose: Compose | None = None,
) -> list[InvitedRow]:
    """Invites each person and says for each row what came of it; one bad row does not hold up the others.

    With `compose` each gets a mail. Skipped are racers, people with an open invitation and repeated rows.
    Raises RuleBroken (invalid, with the field) for nobody, too many, a bad path or a bad span.
    """
    _check(people, land_on, life)
    emails = [invitee.email.strip().lower() for invitee in people]
    limits.hold(session)  # one list at a time: an address in two of them is invited once
    known = _reasons_to_skip(session, emails, now)
    rows = []
    for invitee in people:
        try:
            email, name = email_addresses.checked(invitee.email), _checked_name(invitee.name)
        except RuleBroken as refusal:
            rows.append(InvitedRow(invitee, Result.FAILED, refusal.message))
            continue
        if email in known:
            rows.append(InvitedRow(invitee, Result.SKIPPED, known[email]))
            continue
        known[email] = f"Row {invitee.where} has this address already."
        made = Invitation(
            email=email,
            name=name,
            land_on=land_on,
            invited_by_id=by.id or 0,
            created_at=now,
            expires_at=now + life,
        )
        session.add(made)
        rows.append(InvitedRow(invitee, Result.CREATED, invitation=made))
    session.flush()
    for row in rows:
        if row.invitation is not None:
            _note(session, "create", row.invitation, by=by, now=now, after=_written(row.invitation))
            if compose is not None:
                _mail(session, row.invitation, compose, now=now)
    session.flush()
    return rows


def _check(people: Sequence[Invitee], land_on: str, life: timedelta) -> None:
    if not people:
        raise RuleBroken(Code.INVALID, "Type an e-mail address or choose a file.", "addresses")
    if len(people) > MOST_AT_ONCE:
        message = f"These are {len(people)} people; at most {MOST_AT_ONCE} at once. Split the list."
        raise RuleBroken(Code.INVALID, message, "addresses")
    if not timedelta(0) < life <= LONGEST_LIFE:
        raise RuleBroken(Code.INVALID, f"Choose 1 to {LONGEST_LIFE.days} days.", "days")
    path = land_on.split("?", 1)[0].split("#", 1)[0]
    leads_in = any(path == name or path.startswith(f"{name}/") for name in NO_LANDING)
    if not is_local_path(land_on) or len(land_on) > LONGEST_PATH or leads_in:
        message = "Write a path of this portal that begins with one slash, such as /races."
        raise RuleBroken(Code.INVALID, message, "path")


def _checked_name(name: str) -> str:
    clean = " ".join(name.split())
    if len(clean) > LONGEST_NAME or not clean.isprintable():
        message = f"A name has at most {LONGEST_NAME} characters, all of them visible."
        raise RuleBroken(Code.INVALID, message, "name")
    return clean


def _reasons_to_skip(session: Session, emails: Sequence[str], now: datetime) -> dict[str, str]:
    """Why not to invite, by address in lower case."""
    reasons = {}
    is_open = in_state(InvitationState.OPEN, now)
    waiting = session.exec(select(Invitation).where(col(Invitation.email).in_(emails), is_open))
    for invitation in waiting:
        reasons[invitation.email] = "There is an open invitation for this address already."
    racers = session.exec(select(Racer).where(func.lower(col(Racer.email)).in_(emails), col(Racer.email) != ""))
    for racer in racers:
        who = racer.alias or racer.name or "somebody without a profile yet"
        reasons[racer.email.lower()] = f"This is a racer already: {who}."
    return reasons


def find(session: Session, public_id: str) -> Invitation | None:
    return session.exec(select(Invitation).where(Invitation.public_id == public_id)).first()


def get(session: Session, public_id: str) -> Invitation:
    """The invitation with this id. Raises RuleBroken (missing)."""
    found = find(session, public_id)
    if found is None:
        raise RuleBroken(Code.MISSING, "There is no such invitation.")
    return found


def refusal(session: Session, invitation: Invitation, *, now: datetime) -> RuleBroken | None:
    """Why this invitation cannot be accepted now, by anybody, with the mend; None where it can."""
    found = state(invitation, now)
    if found is InvitationState.ACCEPTED:
        message = "Each link is good for one person. Ask whoever invited you for an invitation of your own."
        return RuleBroken(Code.CONFLICT, message)
    if found is InvitationState.REVOKED:
        message = "It was taken back. Ask whoever invited you for a new one."
        return RuleBroken(Code.CONFLICT, message)
    if found is InvitationState.EXPIRED:
        message = "Its time is over. Ask whoever invited you to send it again; this link becomes good once more then."
        return RuleBroken(Code.CONFLICT, message)
    if not limits.current(session).multi_user_enabled:
        return RuleBroken(Code.CONFLICT, MODE_OFF)
    return None


def accept(session: Session, invitation: Invitation, racer: Racer, *, now: datetime) -> bool:
    """Takes an invitation, once. False: this racer has it already, or needs none (`is_for_another`); nothing was done.

    Raises RuleBroken (conflict) where somebody else has it, it is over or revoked, or multi-user mode is off.
    """
    if sponsorship.is_shut_out(session, racer):
        raise RuleBroken(Code.CONFLICT, MODE_OFF)
    if is_for_another(invitation, racer) and state(invitation, now) is InvitationState.OPEN:
        return False
    taken = session.exec(
        update(Invitation)
        .where(col(Invitation.id) == invitation.id, in_state(InvitationState.OPEN, now))
        .values(accepted_at=now, accepted_by_id=racer.id)
        .execution_options(synchronize_session=False)
    )
    stored = session.get_one(Invitation, invitation.id, populate_existing=True)
    if taken.rowcount == 0:
        if stored.accepted_by_id == racer.id:
            return False
        raise refusal(session, stored, now=now) or RuleBroken(Code.CONFLICT, "Somebody else was faster. Try again.")
    _note(session, "accept", stored, by=racer, now=now, after={"racer": racer.public_id})
    return True


def send(session: Session, invitation: Invitation, *, by: Racer, now: datetime, compose: Compose | None = None) -> bool:
    """Sends an invitation again, or its first time; the same link is good for two more weeks at least.

    Without `compose` only its time is lengthened. False: its mail is on its way still, or there is nothing to lengthen.
    Raises RuleBroken (conflict) where it was accepted or revoked.
    """
    _hold(session, invitation)
    _require_not_over(invitation, now)
    before = invitation.expires_at
    if compose is not None and before > now and _mail_state(session, invitation) == DeliveryState.WAITING:
        return False
    if compose is None and before >= now + DEFAULT_LIFE:
        return False
    invitation.expires_at = max(before, now + DEFAULT_LIFE)
    if compose is not None:
        _withdraw(session, invitation, "It was sent anew.", now=now)
        _mail(session, invitation, compose, now=now)
    verb = "lengthen" if compose is None else "send"
    _note(session, verb, invitation, by=by, now=now, before=_until(before), after=_until(invitation.expires_at))
    return True


def _require_not_over(invitation: Invitation, now: datetime) -> None:
    found = state(invitation, now)
    if found is InvitationState.ACCEPTED:
        raise RuleBroken(Code.CONFLICT, "It was accepted already.")
    if found is InvitationState.REVOKED:
        raise RuleBroken(Code.CONFLICT, "It is revoked. Restore it first.")


def revoke(session: Session, invitation: Invitation, *, by: Racer, now: datetime) -> bool:
    """The link opens nothing from now on, and a mail that waits is not sent. False: revoked already.

    Raises RuleBroken (conflict) where it was accepted: end that racer's sponsorship instead.
    """
    _hold(session, invitation)
    if invitation.accepted_at is not None:
        message = "It was accepted already. Pause or end the racer's sponsorship instead."
        raise RuleBroken(Code.CONFLICT, message)
    if invitation.revoked_at is not None:
        return False
    invitation.revoked_at = now
    _withdraw(session, invitation, "The invitation was revoked.", now=now)
    _note(session, "revoke", invitation, by=by, now=now)
    return True


def restore(session: Session, invitation: Invitation, *, by: Racer, now: datetime) -> bool:
    """Undoes a revocation: the same link is good again until its old end. False: it was not revoked.

    Raises RuleBroken (conflict) where the address was invited anew since.
    """
    _hold(session, invitation)
    if invitation.revoked_at is None:
        return False
    same = (Invitation.email == invitation.email, col(Invitation.id) != invitation.id)
    if session.exec(select(Invitation.id).where(*same, in_state(InvitationState.OPEN, now)).limit(1)).first():
        raise RuleBroken(Code.CONFLICT, "There is another open invitation for this address.")
    invitation.revoked_at = None
    _note(session, "restore", invitation, by=by, now=now)
    return True


def meant_for(invitation: Invitation, racer: Racer) -> bool:
    """True where the racer's own address is the one that was invited: a hint for convenience, never a proof."""
    return bool(racer.email) and racer.email.lower() == invitation.email


def is_for_another(invitation: Invitation, racer: Racer) -> bool:
    """True for somebody who is in already and was not invited by this one: it stays open for whom it was made."""
    return racer.has_profile and not meant_for(invitation, racer)


def _hold(session: Session, invitation: Invitation) -> None:
    """The invitation as it is now, until the transaction ends: nobody accepts what is being revoked."""
    session.flush()
    session.refresh(invitation, with_for_update=True)


def _mail(session: Session, invitation: Invitation, compose: Compose, *, now: datetime) -> None:
    letter = compose(invitation)
    mail = deliveries.mail(session, invitation.email, letter.subject, letter.text, letter.document, now=now)
    invitation.mail_id = mail.id


def _mail_state(session: Session, invitation: Invitation) -> str | None:
    mail = session.get(Mail, invitation.mail_id) if invitation.mail_id else None
    return mail.state if mail else None


def _withdraw(session: Session, invitation: Invitation, reason: str, *, now: datetime) -> None:
    """A mail that waits is not sent any more."""
    mail = session.get(Mail, invitation.mail_id) if invitation.mail_id else None
    if mail is not None:
        deliveries.failed(session, mail, reason, now=now, for_good=True)


def _note(
    session: Session,
    verb: str,
    invitation: Invitation,
    *,
    by: Racer,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    after = {"email": invitation.email, **(after or {})}
    subject = f"invitation:{invitation.public_id}"
    audit.record(session, f"invitation.{verb}", subject, by=by, now=now, before=before, after=after)


def _written(invitation: Invitation) -> dict[str, Any]:
    return {"name": invitation.name, "land_on": invitation.land_on, **_until(invitation.expires_at)}


def _until(moment: datetime) -> dict[str, str]:
    return {"expires_at": moment.isoformat(timespec="seconds")}
