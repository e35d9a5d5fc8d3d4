"""What organizers tell everybody who sees a race."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from portal.rules import audit, races
from portal.rules.broken import Code, RuleBroken
from portal.tables import Race, RaceAnnouncement, Racer

LONGEST = 1000
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Announced:
    """An announcement and who wrote it."""

    announcement: RaceAnnouncement
    by: Racer


def of(session: Session, race: Race) -> list[Announced]:
    """The newest announcements first."""
    query = select(RaceAnnouncement, Racer).join(Racer, col(Racer.id) == col(RaceAnnouncement.by_racer_id))
    query = query.where(RaceAnnouncement.race_id == race.id, col(RaceAnnouncement.removed_at).is_(None))
    rows = session.exec(query.order_by(col(RaceAnnouncement.id).desc()).limit(SHOWN))
    return [Announced(announcement, racer) for announcement, racer in rows]


def announce(session: Session, race: Race, text: str, *, by: Racer, now: datetime) -> RaceAnnouncement:
    """Tells everybody. Raises RuleBroken: forbidden (not an organizer), invalid (nothing or too much in it)."""
    race = races.hold_own(session, race, by)
    text = text.replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= LONGEST:
        raise RuleBroken(Code.INVALID, f"Write 1 to {LONGEST} characters.", "text")
    row = RaceAnnouncement(race_id=race.id or 0, by_racer_id=by.id or 0, text=text, created_at=now)
    session.add(row)
    session.flush()
    after = {"announcement": row.public_id, "text": text}
    audit.record(session, "race.announce", races.subject(race), by=by, now=now, after=after)
    return row


def take_back(session: Session, race: Race, public_id: str, *, by: Racer, now: datetime) -> bool:
    """Takes one back, so that nobody reads it any more. False: it was taken back before."""
    return _set_removed(session, race, public_id, now, "race.announce.remove", by=by, now=now)


def bring_back(session: Session, race: Race, public_id: str, *, by: Racer, now: datetime) -> bool:
    """Undoes `take_back`. False: it was there."""
    return _set_removed(session, race, public_id, None, "race.announce.restore", by=by, now=now)


def _set_removed(
    session: Session, race: Race, public_id: str, removed_at: datetime | None, action: str, *, by: Racer, now: datetime
) -> bool:
    race = races.hold_own(session, race, by)
    mine = (RaceAnnouncement.race_id == race.id, RaceAnnouncement.public_id == public_id)
    row = session.exec(select(RaceAnnouncement).where(*mine)).first()
    if row is None:
        raise RuleBroken(Code.MISSING, "There is no such announcement.")
    if (row.removed_at is None) == (removed_at is None):
        return False
    row.removed_at = removed_at
    session.add(row)
    session.flush()
    audit.record(session, action, races.subject(race), by=by, now=now, after={"announcement": public_id})
    return True
