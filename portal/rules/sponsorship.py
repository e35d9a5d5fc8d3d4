"""Sponsorship: whether the host pays for a racer. Every change is idempotent and audited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select, update

from portal.rules import audit, limits
from portal.rules.broken import Code, RuleBroken
from portal.rules.outcome import CHANGED_SINCE, Outcome
from portal.rules.slices import slices
from portal.tables import Racer, Sponsorship

SWITCHED_OFF = "Multi-user mode is switched off. Ask the administrator to enable it."
PAUSED = "Your sponsorship is paused. Ask the administrator to resume it; you may still submit models to races."
ENDED = "Your sponsorship has ended. Ask the administrator to sponsor you again."


class Change(NamedTuple):
    """From which states to which."""

    of: tuple[Sponsorship, ...]
    to: Sponsorship


CHANGES = {
    "pause": Change((Sponsorship.ACTIVE,), Sponsorship.PAUSED),
    "resume": Change((Sponsorship.PAUSED,), Sponsorship.ACTIVE),
    "end": Change((Sponsorship.ACTIVE, Sponsorship.PAUSED), Sponsorship.ENDED),
    "sponsor": Change((Sponsorship.ENDED,), Sponsorship.ACTIVE),
}
"""What can be done to a sponsorship. Somebody who is paused is sponsored already."""


def pause(session: Session, racer: Racer, *, by: Racer | None, now: datetime, reason: str = "") -> bool:
    """No new costly work but races; training in progress runs to its end and is charged. False: already paused."""
    return _change(session, racer, "pause", by=by, now=now, reason=reason)


def resume(session: Session, racer: Racer, *, by: Racer | None, now: datetime, reason: str = "") -> bool:
    """Undoes a pause. False: already active."""
    return _change(session, racer, "resume", by=by, now=now, reason=reason)


def end(session: Session, racer: Racer, *, by: Racer | None, now: datetime, reason: str = "") -> bool:
    """Ends a sponsorship, active or paused; alias, profile and models stay. False: already ended."""
    return _change(session, racer, "end", by=by, now=now, reason=reason)


def sponsor(session: Session, racer: Racer, *, by: Racer | None, now: datetime, reason: str = "") -> bool:
    """Sponsors somebody again whose sponsorship ended. False: sponsored already, active or paused."""
    return _change(session, racer, "sponsor", by=by, now=now, reason=reason)


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


def change_all(
    session: Session,
    people: Sequence[Racer],
    verb: str,
    *,
    by: Racer | None,
    now: datetime,
    reason: str = "",
    batch: str | None = None,
) -> Outcome:
    """Does one of CHANGES to each of several racers, in a few statements however many they are. Idempotent."""
    change, outcome = CHANGES[verb], Outcome()
    for racer in hold_all(session, people):
        state = Sponsorship(racer.sponsorship)
        if state in change.of:
            outcome.changed.append(racer)
        elif state == change.to or verb == "sponsor":
            outcome.same.append(racer)
        else:
            outcome.refused.append((racer, "The sponsorship has ended; sponsor them again first."))
    moves = [(racer, change.to) for racer in outcome.changed]
    _move(session, moves, f"sponsorship.{verb}", by=by, now=now, reason=reason, batch=batch)
    return outcome


def put_back(
    session: Session,
    done: Sequence[tuple[Racer, audit.Change]],
    *,
    by: Racer,
    now: datetime,
    reason: str,
    batch: str,
) -> Outcome:
    """Makes sponsorships what they were before a change, where they still are what that change made of them."""
    outcome, moves = Outcome(), []
    for racer, (_, (_, before, after)) in zip(hold_all(session, [racer for racer, _ in done]), done, strict=True):
        if racer.sponsorship == after["sponsorship"]:
            outcome.changed.append(racer)
            moves.append((racer, Sponsorship(before["sponsorship"])))
        else:
            outcome.refused.append((racer, CHANGED_SINCE))
    _move(session, moves, "sponsorship.undo", by=by, now=now, reason=reason, batch=batch)
    return outcome


def hold_all(session: Session, people: Sequence[Racer]) -> list[Racer]:
    """The racers as they are now, in the order given; nobody else changes them until the transaction ends."""
    fresh: dict[int | None, Racer] = {}
    for part in slices(sorted(racer.id or 0 for racer in people)):
        query = select(Racer).where(col(Racer.id).in_(part)).order_by(col(Racer.id))
        held = query.with_for_update(key_share=True).execution_options(populate_existing=True)
        fresh |= {row.id: row for row in session.exec(held)}
    return [fresh[racer.id] for racer in people]


def _move(
    session: Session,
    moves: Sequence[tuple[Racer, Sponsorship]],
    action: str,
    *,
    by: Racer | None,
    now: datetime,
    reason: str,
    batch: str | None,
) -> None:
    changes = [
        audit.Change(f"racer:{racer.public_id}", {"sponsorship": racer.sponsorship}, {"sponsorship": state})
        for racer, state in moves
    ]
    for state in sorted({state for _, state in moves}):
        for part in slices([racer.id for racer, to in moves if to == state]):
            session.exec(update(Racer).where(col(Racer.id).in_(part)).values(sponsorship=state))
    audit.record_all(session, action, changes, by=by, now=now, reason=reason, batch=batch)


def _state(session: Session, racer: Racer) -> Sponsorship:
    return Sponsorship(session.get_one(Racer, racer.id).sponsorship)


def _change(session: Session, racer: Racer, verb: str, *, by: Racer | None, now: datetime, reason: str) -> bool:
    outcome = change_all(session, [racer], verb, by=by, now=now, reason=reason)
    for _racer, message in outcome.refused:
        raise RuleBroken(Code.CONFLICT, message)
    return bool(outcome.changed)
