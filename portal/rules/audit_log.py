"""Reading the audit: newest first, filtered, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from portal.tables import AuditEvent, Racer

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event, who did it (None: the command line or the system) and, where it was done to a racer, to whom."""

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


def listed(session: Session, *, action: str = "", who: str = "", page: int = 1) -> AuditPage:
    """Events of one action (or of one noun, as `race`), done by or to somebody with the alias or user name `who`."""
    query = select(AuditEvent, Racer).join(Racer, col(AuditEvent.by_racer_id) == col(Racer.id), isouter=True)
    if action:
        name = col(AuditEvent.action)
        query = query.where((name == action) | name.startswith(f"{action}.", autoescape=True))
    if who:
        person = session.exec(select(Racer).where(Racer.alias_key == who.lower())).first()
        subjects = [f"account:{who.lower()}", *([f"racer:{person.public_id}"] if person else [])]
        done_by = col(AuditEvent.by_racer_id) == (person.id if person else -1)
        query = query.where(col(AuditEvent.subject).in_(subjects) | done_by)
    total = session.exec(select(func.count()).select_from(query.subquery())).one()
    page = min(max(1, page), max(1, -(-total // PAGE_SIZE)))
    found = session.exec(
        query.order_by(col(AuditEvent.id).desc()).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    ).all()
    people = _people(session, [event for event, _ in found])
    return AuditPage([ListedEvent(event, by, people.get(event.subject)) for event, by in found], page, total)


def actions(session: Session) -> list[str]:
    """Every action that occurs, for the filter."""
    return sorted(session.exec(select(AuditEvent.action).distinct()))


def _people(session: Session, events: list[AuditEvent]) -> dict[str, Racer]:
    """Racers by subject, of the events that are about one."""
    ids = {event.subject.removeprefix("racer:") for event in events if event.subject.startswith("racer:")}
    found = session.exec(select(Racer).where(col(Racer.public_id).in_(ids)))
    return {f"racer:{racer.public_id}": racer for racer in found}
