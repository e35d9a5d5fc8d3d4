"""The key of a private race's overlay: who has its address sees this one page, and nothing else of the race.

Programs that stream sign in nowhere. The key has 256 bits; it is made anew, or taken back, by the organizers.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime

from sqlmodel import Session

from portal.rules import audit, races
from portal.rules.broken import Code, RuleBroken
from portal.tables import Race, Racer, Visibility

KEY_BYTES = 32


def renew(session: Session, race: Race, *, by: Racer, now: datetime) -> Race:
    """A new key in place of the old one, whose open pages hear nothing more.

    Raises RuleBroken: missing, forbidden (not the organizer's), invalid (a public race).
    """
    race = races.hold_own(session, race, by)
    if race.visibility != Visibility.PRIVATE:
        raise RuleBroken(Code.INVALID, "This race is public: its overlay opens for everybody, without a key.")
    return _set(session, race, secrets.token_urlsafe(KEY_BYTES), "race.overlay.renew", by, now)


def revoke(session: Session, race: Race, *, by: Racer, now: datetime) -> bool:
    """Takes the key back. False: there was none. Raises RuleBroken (missing, forbidden)."""
    race = races.hold_own(session, race, by)
    if race.overlay_key is None:
        return False
    _set(session, race, None, "race.overlay.revoke", by, now)
    return True


def _set(session: Session, race: Race, key: str | None, action: str, by: Racer, now: datetime) -> Race:
    if race.overlay_key is not None:
        race.audience += 1
    race.overlay_key = key
    session.add(race)
    session.flush()
    audit.record(session, action, races.subject(race), by=by, now=now)
    return race


def race_of(session: Session, public_id: str, key: str) -> Race:
    """The private race that a key opens the overlay of. Raises RuleBroken (missing) for every other pair alike."""
    race = races.find(session, public_id)
    own = race.overlay_key if race is not None and race.visibility == Visibility.PRIVATE else None
    if race is None or own is None or not hmac.compare_digest(own.encode(), key.encode()):
        raise RuleBroken(Code.MISSING, "There is no such race. It may have been deleted.")
    return race
