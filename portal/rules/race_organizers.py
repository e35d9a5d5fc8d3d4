"""Co-organizers: racers who may do with a race what its owner may, but for naming others and deleting it."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from portal.rules import audit, first, races
from portal.rules.broken import Code, RuleBroken
from portal.tables import Race, RaceOrganizer, Racer

MOST = 20


def of(session: Session, race: Race) -> list[Racer]:
    """The co-organizers, by when they were added."""
    query = select(Racer).join(RaceOrganizer, col(RaceOrganizer.racer_id) == col(Racer.id))
    query = query.where(RaceOrganizer.race_id == race.id)
    return list(session.exec(query.order_by(col(RaceOrganizer.added_at), col(Racer.id))))


def add(session: Session, race: Race, alias: str, *, by: Racer, now: datetime) -> Racer:
    """Makes a racer a co-organizer; of a private race they see it from then on.

    Raises RuleBroken: forbidden (neither owner nor administrator), invalid (nobody has that alias, the owner, enough).
    """
    race = _own(session, race, by)
    racer = session.exec(select(Racer).where(Racer.alias_key == alias.strip().lower())).first()
    if racer is None:
        raise RuleBroken(Code.INVALID, "Nobody has this alias. Write it as it stands on their profile.", "alias")
    if racer.id == race.owner_id:
        raise RuleBroken(Code.INVALID, "They own the race already.", "alias")
    if len(of(session, race)) >= MOST:
        raise RuleBroken(Code.INVALID, f"A race has {MOST} co-organizers at most. Take one off first.", "alias")
    row = RaceOrganizer(race_id=race.id or 0, racer_id=racer.id or 0, added_at=now)
    if first.added(session, row):
        after = {"racer": racer.public_id}
        audit.record(session, "race.organizer.add", races.subject(race), by=by, now=now, after=after)
    return racer


def take_off(session: Session, race: Race, racer_id: str, *, by: Racer, now: datetime) -> Racer | None:
    """Ends it; None where they were none. They may take themselves off.

    Who loses sight of a private race by it hears nothing more on its live channel.
    """
    fresh = races.hold_own(session, race, by)
    racer = session.exec(select(Racer).where(Racer.public_id == racer_id)).first()
    if racer is None or (not races.owns(fresh, by) and racer.id != by.id):
        raise RuleBroken(Code.FORBIDDEN, "Only the owner of this race takes others off.")
    row = session.get(RaceOrganizer, (fresh.id or 0, racer.id or 0))
    if row is None:
        return None
    session.delete(row)
    fresh.audience += 1
    session.add(fresh)
    session.flush()
    after = {"racer": racer.public_id}
    audit.record(session, "race.organizer.remove", races.subject(fresh), by=by, now=now, after=after)
    return racer


def _own(session: Session, race: Race, by: Racer) -> Race:
    race = races.hold_own(session, race, by)
    if not races.owns(race, by):
        raise RuleBroken(Code.FORBIDDEN, "Only the owner of this race names other organizers.")
    return race
