"""Reading the audit: newest first, filtered, a page at a time, or all of what the filter found for a download."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, false, literal, or_, select

from portal.rules import racers
from portal.tables import (
    AuditEvent,
    Evaluation,
    Model,
    ProviderAccount,
    Race,
    Racer,
    RacerRequest,
    Season,
    TrainingRun,
)

PAGE_SIZE = 50
FETCHED_AT_ONCE = 1000
SYSTEM = "system"
"""Who did what nobody did: the command line, the workers, the maintenance."""
JOBS = ("training", "evaluation")
DECISIONS = "decisions"
"""The filter for everything but jobs: what people decided."""
OF_A_RACER: dict[str, tuple[Any, Any]] = {
    "request": (RacerRequest, RacerRequest.racer_id),
    "model": (Model, Model.racer_id),
    "training": (TrainingRun, TrainingRun.racer_id),
    "evaluation": (Evaluation, Evaluation.racer_id),
    "race": (Race, Race.owner_id),
    "season": (Season, Season.owner_id),
}
"""What belongs to a racer: what was done to it was done to the racer."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What is looked for; empty is everything."""

    action: str = ""
    """An action, a noun as `race`, or `decisions`."""
    by: str = ""
    """Alias, user name or e-mail of who did it, or `system`."""
    about: str = ""
    """Alias, user name or e-mail of whom it was done to; or a subject as the audit writes it, `race:…`."""
    since: date | None = None
    until: date | None = None
    """The last day that counts, in UTC as `since`."""
    reason: str = ""
    """A part of the reason."""


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event, who did it (None: the command line or the system), and to whom: the racer, or whose model it is."""

    event: AuditEvent
    by: Racer | None
    about: Racer | None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """One page of events, and how many the filter found."""

    rows: list[ListedEvent]
    page: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def listed(session: Session, wanted: AuditFilter, *, page: int = 1) -> AuditPage:
    """One page of what the filter finds, the newest first."""
    found = _conditions(session, wanted)
    total = session.exec(select(func.count()).select_from(AuditEvent).where(*found)).one()
    page = min(max(1, page), max(1, -(-total // PAGE_SIZE)))
    query = select(AuditEvent, Racer).join(Racer, col(AuditEvent.by_racer_id) == col(Racer.id), isouter=True)
    rows = _rows(session, query.where(*found), (page - 1) * PAGE_SIZE, total)
    people = _people(session, [event.subject for event, _ in rows])
    return AuditPage([ListedEvent(event, by, people.get(event.subject)) for event, by in rows], page, total)


def _rows(session: Session, query: Any, skipped: int, total: int) -> list[tuple[AuditEvent, Racer | None]]:
    """A page, the newest first: counted from the nearer end, for what is skipped has to be read."""
    size = min(PAGE_SIZE, total - skipped)
    if skipped <= total // 2:
        return list(session.exec(query.order_by(col(AuditEvent.id).desc()).offset(skipped).limit(size)))
    below = total - skipped - size
    return list(session.exec(query.order_by(col(AuditEvent.id)).offset(below).limit(size)))[::-1]


def exported(session: Session, wanted: AuditFilter) -> Iterator[ListedEvent]:
    """Everything that the filter finds, the oldest first, read a thousand events at a time."""
    last = 0
    found = _conditions(session, wanted)
    while True:
        query = select(AuditEvent, Racer).join(Racer, col(AuditEvent.by_racer_id) == col(Racer.id), isouter=True)
        query = query.where(*found, col(AuditEvent.id) > last).order_by(col(AuditEvent.id)).limit(FETCHED_AT_ONCE)
        rows = session.exec(query).all()
        people = _people(session, [event.subject for event, _ in rows])
        for event, by in rows:
            last = event.id or 0
            yield ListedEvent(event, by, people.get(event.subject))
        session.expunge_all()  # what was written out is not kept
        if len(rows) < FETCHED_AT_ONCE:
            return


def actions(session: Session) -> dict[str, list[str]]:
    """Every action that occurs, by its noun, for the filter."""
    by_noun: dict[str, list[str]] = {}
    for action in sorted(session.exec(select(AuditEvent.action).distinct())):
        by_noun.setdefault(action.partition(".")[0], []).append(action)
    return by_noun


def _conditions(session: Session, wanted: AuditFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    action, at = col(AuditEvent.action), col(AuditEvent.at)
    if wanted.action == DECISIONS:
        found += [action.not_like(f"{noun}.%") for noun in JOBS]
    elif "." in wanted.action:
        found.append(action == wanted.action)
    elif wanted.action:
        found.append((action == wanted.action) | action.startswith(f"{wanted.action}.", autoescape=True))
    if wanted.by:
        found.append(_done_by(session, wanted.by))
    if wanted.about:
        found.append(_done_to(session, wanted.about))
    if wanted.since:
        found.append(at >= _midnight(wanted.since))
    if wanted.until:
        found.append(at < _midnight(wanted.until + timedelta(days=1)))
    if wanted.reason:
        found.append(col(AuditEvent.reason).icontains(wanted.reason, autoescape=True))
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _done_by(session: Session, who: str) -> ColumnElement[bool]:
    if who.lower() == SYSTEM:
        return col(AuditEvent.by_racer_id).is_(None)
    return col(AuditEvent.by_racer_id).in_([person.id for person in _named(session, who)])


def _done_to(session: Session, whom: str) -> ColumnElement[bool]:
    subject = col(AuditEvent.subject)
    if ":" in whom:
        return subject == whom
    people = _named(session, whom)
    known = [f"account:{whom.lower()}", *(f"racer:{person.public_id}" for person in people)]
    known += [f"account:{name}" for name in _user_names(session, people)]
    ids = [person.id for person in people]
    owned = [
        subject.in_(select(literal(f"{noun}:") + col(table.public_id)).where(col(owner).in_(ids)))
        for noun, (table, owner) in OF_A_RACER.items()
    ]
    return or_(subject.in_(known), *(owned if ids else [false()]))


def _named(session: Session, text: str) -> list[Racer]:
    """Who has this alias, this e-mail or, at the local provider, this user name."""
    key = text.lower()
    accounts = select(ProviderAccount.subject).where(ProviderAccount.username == key)
    local = (col(Racer.issuer) == racers.LOCAL_ISSUER) & col(Racer.subject).in_(accounts)
    return list(session.exec(select(Racer).where(or_(Racer.alias_key == key, func.lower(Racer.email) == key, local))))


def _user_names(session: Session, people: list[Racer]) -> list[str]:
    subjects = [person.subject for person in people if person.issuer == racers.LOCAL_ISSUER]
    return list(session.exec(select(ProviderAccount.username).where(col(ProviderAccount.subject).in_(subjects))))


def _people(session: Session, subjects: list[str]) -> dict[str, Racer]:
    """To whom it was done, by subject: racers themselves, and owners of what belongs to one. A query a noun."""
    by_noun: dict[str, set[str]] = {}
    for subject in subjects:
        noun, _, name = subject.partition(":")
        by_noun.setdefault(noun, set()).add(name)
    people: dict[str, Racer] = {}
    for noun, (table, owner) in {"racer": (Racer, Racer.id), **OF_A_RACER}.items():
        if noun in by_noun:
            named = col(table.public_id).in_(by_noun[noun])
            for name, racer in session.exec(select(table.public_id, Racer).where(named, col(owner) == col(Racer.id))):
                people[f"{noun}:{name}"] = racer
    return people
