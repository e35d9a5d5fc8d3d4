"""Sponsorship: whether the host pays for a racer. Every change is idempotent and audited."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, update

from portal.rules import audit, limits
from portal.rules.broken import Code, RuleBroken
from portal.tables import Racer, Sponsorship

SWITCHED_OFF = "Multi-user mode is switched off. Ask the administrator to enable it."
PAUSED = "Your sponsorship is paused. Ask the administrator to resume it; you may still submit models to races."
ENDED = "Your sponsorship has ended. Ask the administrator to sponsor you again."


def pause(session: Session, racer: Racer, *, by: Racer | None, now: datetime, reason: str = "") -> bool:
    """No new costly work but races; training in progress runs to its end and is charged. False: already paused."""
    return _change(session, racer, Sponsorship.ACTIVE, Sponsorship.PAUSED, "pause", by=by, now=now, reason=reason)


def resume(session: Session, racer: Racer, *, by: Racer | None, now: datetime, reason: str = "") -> bool:
    """Undoes a pause. False: already active."""
    return _change(session, racer, Sponsorship.PAUSED, Sponsorship.ACTIVE, "resume", by=by, now=now, reason=reason)


def end(session: Session, racer: Racer, *, by: Racer | None, now: datetime, reason: str = "") -> bool:
    """Ends a sponsorship, active or paused; alias, profile and models stay. False: already ended."""
    found = _state(session, racer)
    if found == Sponsorship.ENDED:
        return False
    return _change(session, racer, found, Sponsorship.ENDED, "end", by=by, now=now, reason=reason)


def sponsor(session: Session, racer: Racer, *, by: Racer | None, now: datetime, reason: str = "") -> bool:
    """Sponsors somebody again whose sponsorship ended. False: sponsored already, active or paused."""
    if _state(session, racer) != Sponsorship.ENDED:
        return False
    return _change(session, racer, Sponsorship.ENDED, Sponsorship.ACTIVE, "sponsor", by=by, now=now, reason=reason)


def refusal(session: Session, racer: Racer) -> str | None:
    """Why this racer may start nothing that costs now, as a sentence for the racer; None where it may.

    Administrators who race are treated like every racer, but for one thing: while multi-user mode is off, the portal
    is theirs alone, as the retired console was its account's owner's.
    """
    if is_shut_out(session, racer):
        return SWITCHED_OFF
    return {Sponsorship.ACTIVE: None, Sponsorship.PAUSED: PAUSED, Sponsorship.ENDED: ENDED}[_state(session, racer)]


def is_shut_out(session: Session, racer: Racer) -> bool:
    """True while multi-user mode is off, for everybody but administrators: no model can be opened or trained."""
    return not limits.current(session).multi_user_enabled and not session.get_one(Racer, racer.id).is_admin


def require_open(session: Session, racer: Racer) -> None:
    """Raises RuleBroken (forbidden) where multi-user mode is off for this racer."""
    if is_shut_out(session, racer):
        raise RuleBroken(Code.FORBIDDEN, SWITCHED_OFF)


def require(session: Session, racer: Racer) -> None:
    """Raises RuleBroken (forbidden) with the refusal where the racer may start nothing that costs."""
    reason = refusal(session, racer)
    if reason:
        raise RuleBroken(Code.FORBIDDEN, reason)


def race_refusal(session: Session, racer: Racer) -> str | None:
    """Why this racer may not submit to a race now; None where it may. A paused racer may: the race's account pays."""
    reason = refusal(session, racer)
    return None if reason == PAUSED else reason


def _state(session: Session, racer: Racer) -> Sponsorship:
    return Sponsorship(session.get_one(Racer, racer.id).sponsorship)


def _change(
    session: Session,
    racer: Racer,
    before: Sponsorship,
    after: Sponsorship,
    verb: str,
    *,
    by: Racer | None,
    now: datetime,
    reason: str,
) -> bool:
    changed = session.exec(
        update(Racer).where(col(Racer.id) == racer.id, col(Racer.sponsorship) == before).values(sponsorship=after)
    )
    if changed.rowcount == 0:
        if _state(session, racer) == Sponsorship.ENDED:
            raise RuleBroken(Code.CONFLICT, "This racer's sponsorship has ended; sponsor them again first.")
        return False
    audit.record(
        session,
        f"sponsorship.{verb}",
        f"racer:{racer.public_id}",
        by=by,
        now=now,
        before={"sponsorship": before},
        after={"sponsorship": after},
        reason=reason,
    )
    return True
