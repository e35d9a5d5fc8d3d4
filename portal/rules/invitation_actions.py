"""One thing done to several invitations: to each by the rule for one, and a report of what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from portal.rules import invitations
from portal.rules.broken import RuleBroken
from portal.rules.invitations import Compose
from portal.tables import Invitation, Racer


@dataclass(slots=True)
class Outcome:
    """What was changed, what was so already, and what could not be changed and why."""

    changed: list[Invitation] = field(default_factory=list)
    same: list[Invitation] = field(default_factory=list)
    refused: list[tuple[Invitation, str]] = field(default_factory=list)


def send(
    session: Session, chosen: Sequence[Invitation], *, by: Racer, now: datetime, compose: Compose | None
) -> Outcome:
    """Sends each again; without `compose` each is only good for longer."""
    return _each(chosen, lambda one: invitations.send(session, one, by=by, now=now, compose=compose))


def revoke(session: Session, chosen: Sequence[Invitation], *, by: Racer, now: datetime) -> Outcome:
    """Revokes each."""
    return _each(chosen, lambda one: invitations.revoke(session, one, by=by, now=now))


def restore(session: Session, chosen: Sequence[Invitation], *, by: Racer, now: datetime) -> Outcome:
    """Makes each that was revoked good again."""
    return _each(chosen, lambda one: invitations.restore(session, one, by=by, now=now))


def _each(chosen: Sequence[Invitation], change: Callable[[Invitation], bool]) -> Outcome:
    """One refusal does not hold up the others: a rule that refuses has changed nothing."""
    outcome = Outcome()
    for one in chosen:
        try:
            (outcome.changed if change(one) else outcome.same).append(one)
        except RuleBroken as refusal:
            outcome.refused.append((one, refusal.message))
    return outcome
