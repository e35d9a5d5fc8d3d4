"""One thing done to several racers: to each by the rule for one, and a report of what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from portal.rules import ledger, sponsorship
from portal.rules.broken import RuleBroken
from portal.tables import Racer


@dataclass(slots=True)
class Outcome:
    """Who was changed, for whom it was so already, and who could not be changed and why."""

    changed: list[Racer] = field(default_factory=list)
    same: list[Racer] = field(default_factory=list)
    refused: list[tuple[Racer, str]] = field(default_factory=list)


def pause(session: Session, people: Sequence[Racer], *, by: Racer, now: datetime, reason: str = "") -> Outcome:
    """Pauses each sponsorship."""
    return _each(people, lambda racer: sponsorship.pause(session, racer, by=by, now=now, reason=reason))


def resume(session: Session, people: Sequence[Racer], *, by: Racer, now: datetime, reason: str = "") -> Outcome:
    """Resumes each sponsorship."""
    return _each(people, lambda racer: sponsorship.resume(session, racer, by=by, now=now, reason=reason))


def set_quota(
    session: Session, people: Sequence[Racer], quota_ms: int, *, by: Racer, now: datetime, reason: str = ""
) -> Outcome:
    """Sets each quota to the same time."""
    return _each(people, lambda racer: ledger.set_quota(session, racer, quota_ms, by=by, now=now, reason=reason))


def _each(people: Sequence[Racer], change: Callable[[Racer], bool]) -> Outcome:
    """One refusal does not hold up the others: a rule that refuses has changed nothing."""
    outcome = Outcome()
    for racer in people:
        try:
            (outcome.changed if change(racer) else outcome.same).append(racer)
        except RuleBroken as refusal:
            outcome.refused.append((racer, refusal.message))
    return outcome
