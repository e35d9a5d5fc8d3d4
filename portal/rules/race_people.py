"""Who comes into a private race: by its link or code, by a list of addresses and domains, and who was removed.

The link and the code are one secret of 60 bits. It can be renewed and it expires; who is in stays in.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from portal.rules import audit, email_addresses, first, races
from portal.rules.broken import Code, RuleBroken
from portal.tables import Race, RaceGuest, RaceMember, Racer, Submission, Visibility

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's 32: none of them is taken for another when it is read out."""
CODE_LENGTH = 12
MISREAD = str.maketrans("OIL", "011")
LONGEST_DAYS = 366
MOST_LISTED = 500
NO_SUCH_LINK = (
    "This leads to no race: it was renewed, has expired or was typed wrongly. Ask the organizer for a new one."
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may see the race, or could, and since when."""

    racer: Racer
    since: datetime
    has_entered: bool


@dataclass(frozen=True, slots=True)
class People:
    """Everybody of a private race: members, who was removed, and the lines of its list."""

    members: list[Person]
    removed: list[Person]
    guests: list[RaceGuest]


@dataclass(slots=True)
class Listed:
    """What became of the lines that were added to a list."""

    added: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def shown(code: str) -> str:
    """A code as it is read and typed: in groups of four."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def renew(session: Session, race: Race, *, by: Racer, now: datetime, days: int | None) -> Race:
    """A new link and code in place of the old ones, good for `days` (None: until the race is deleted).

    Raises RuleBroken: forbidden (not the organizer's), invalid (a public race, or days beyond a year).
    """
    race = _own_private(session, race, by)
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise RuleBroken(Code.INVALID, f"Let it expire after 1 to {LONGEST_DAYS} days, or not at all.", "days")
    race.invite_code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    race.invite_expires_at = None if days is None else now + timedelta(days=days)
    _record(session, "race.invite.renew", race, by, now, {"expires_at": str(race.invite_expires_at or "")})
    return race


def revoke(session: Session, race: Race, *, by: Racer, now: datetime) -> bool:
    """Takes the link and the code back. False: there was none."""
    race = _own_private(session, race, by)
    if race.invite_code is None:
        return False
    race.invite_code = race.invite_expires_at = None
    _record(session, "race.invite.revoke", race, by, now, {})
    return True


def find(session: Session, racer: Racer, code: str, *, now: datetime) -> Race:
    """The race that a link or a typed code leads to. Raises RuleBroken (missing) for every other text alike."""
    typed = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", code)).upper().translate(MISREAD)
    if len(typed) != CODE_LENGTH:
        raise RuleBroken(Code.MISSING, NO_SUCH_LINK)
    wanted = (Race.invite_code == typed, Race.visibility == Visibility.PRIVATE, col(Race.deleted_at).is_(None))
    race = session.exec(select(Race).where(*wanted)).first()
    over = race is not None and race.invite_expires_at is not None and race.invite_expires_at <= now
    if race is None or over or _is_removed(session, race, racer):
        raise RuleBroken(Code.MISSING, NO_SUCH_LINK)
    return race


def join(session: Session, racer: Racer, code: str, *, now: datetime) -> tuple[Race, bool]:
    """Makes the racer a member. (the race, False where they were in already). Raises as `find` does."""
    race = find(session, racer, code, now=now)
    fresh = session.get(Race, race.id, populate_existing=True, with_for_update={"read": True, "key_share": True})
    race = find(session, racer, code, now=now)  # it may have been renewed, or the racer removed, a moment ago
    if fresh is None or races.may_change(race, racer):
        return race, False
    if not first.added(session, RaceMember(race_id=race.id or 0, racer_id=racer.id or 0, joined_at=now)):
        return race, False
    audit.record(session, "race.join", races.subject(race), by=racer, now=now)
    return race, True


def add(session: Session, race: Race, lines: str, *, by: Racer, now: datetime) -> Listed:
    """Adds addresses (name@example.org), domains (@example.org) and racers (their alias) to who may come in.

    Separated by commas, semicolons or spaces. Raises RuleBroken: forbidden, invalid (a public race, nothing or too
    much in it).
    """
    race = _own_private(session, race, by)
    wanted = list(dict.fromkeys(filter(None, re.split(r"[\s,;]+", lines))))
    if not wanted:
        raise RuleBroken(Code.INVALID, "Write at least one address, domain or alias.", "lines")
    if len(wanted) > MOST_LISTED:
        raise RuleBroken(Code.INVALID, f"Add {MOST_LISTED} at a time at most; these are {len(wanted)}.", "lines")
    result = Listed()
    for line in wanted:
        _add_one(session, race, line, now, result)
    if result.added:
        _record(session, "race.people.add", race, by, now, {"added": result.added})
    return result


def _add_one(session: Session, race: Race, line: str, now: datetime, result: Listed) -> None:
    if "@" in line:
        try:
            address = email_addresses.checked(("name" if line.startswith("@") else "") + line)
        except RuleBroken:
            result.wrong.append(line)
            return
        address = address.removeprefix("name") if line.startswith("@") else address
        row: RaceGuest | RaceMember = RaceGuest(race_id=race.id or 0, address=address, added_at=now)
    else:
        racer = session.exec(select(Racer).where(Racer.alias_key == line.lower())).first()
        if racer is None:
            result.wrong.append(line)
            return
        if _is_removed(session, race, racer):
            _set_removed(session, race, racer, None)
            result.added.append(line)
            return
        row = RaceMember(race_id=race.id or 0, racer_id=racer.id or 0, joined_at=now)
    (result.added if first.added(session, row) else result.there).append(line)


def take_off(session: Session, race: Race, guest_id: str, *, by: Racer, now: datetime) -> str | None:
    """Takes a line off the list; who came in by it alone sees the race no more. Returns it; None: it was off."""
    race = _own_private(session, race, by)
    query = select(RaceGuest).where(RaceGuest.race_id == race.id, RaceGuest.public_id == guest_id)
    guest = session.exec(query).first()
    if guest is None:
        return None
    session.delete(guest)
    race.audience += 1
    _record(session, "race.people.take_off", race, by, now, {"line": guest.address})
    return guest.address


def remove(session: Session, race: Race, racer: Racer, *, by: Racer, now: datetime) -> bool:
    """Keeps a racer out, however they came in; results stay. False: they were out already.

    Raises RuleBroken: forbidden, invalid (the organizer, or a public race).
    """
    race = _own_private(session, race, by)
    if races.may_change(race, racer):
        raise RuleBroken(Code.INVALID, "The organizer and administrators always see the race.")
    if _is_removed(session, race, racer):
        return False
    first.added(session, RaceMember(race_id=race.id or 0, racer_id=racer.id or 0, joined_at=now))
    _set_removed(session, race, racer, now)
    race.audience += 1
    _record(session, "race.people.remove", race, by, now, {"racer": racer.public_id})
    return True


def bring_back(session: Session, race: Race, racer: Racer, *, by: Racer, now: datetime) -> bool:
    """Undoes `remove`. False: they were in."""
    race = _own_private(session, race, by)
    if not _is_removed(session, race, racer):
        return False
    _set_removed(session, race, racer, None)
    _record(session, "race.people.bring_back", race, by, now, {"racer": racer.public_id})
    return True


def of(session: Session, race: Race) -> People:
    """Everybody of a private race, the newest first. Who entered by way of the list is among the members."""
    entered = _entered(session, race)
    query = select(RaceMember, Racer).join(Racer, col(Racer.id) == RaceMember.racer_id)
    people = People([], [], [])
    known = {race.owner_id}
    for member, racer in session.exec(query.where(RaceMember.race_id == race.id).order_by(col(RaceMember.id).desc())):
        known.add(member.racer_id)
        since = member.removed_at or member.joined_at
        (people.removed if member.removed_at else people.members).append(Person(racer, since, racer.id in entered))
    for racer in session.exec(select(Racer).where(col(Racer.id).in_(entered.keys() - known)).order_by(col(Racer.id))):
        people.members.append(Person(racer, entered[racer.id or 0], True))
    guests = select(RaceGuest).where(RaceGuest.race_id == race.id).order_by(RaceGuest.address)
    people.guests.extend(session.exec(guests))
    return people


def person(session: Session, race: Race, racer_id: str) -> Racer:
    """Somebody of the race by public id. Raises RuleBroken (missing) for everybody else."""
    people = of(session, race)
    for one in (*people.members, *people.removed):
        if one.racer.public_id == racer_id:
            return one.racer
    raise RuleBroken(Code.MISSING, "There is nobody like that in this race.")


def _entered(session: Session, race: Race) -> dict[int, datetime]:
    """Racers who have entered, by number, and when first."""
    query = select(Submission.racer_id, func.min(Submission.created_at)).where(Submission.race_id == race.id)
    return dict(session.exec(query.group_by(col(Submission.racer_id))).all())


def _own_private(session: Session, race: Race, by: Racer) -> Race:
    race = races.hold_own(session, race, by)
    if race.visibility != Visibility.PRIVATE:
        raise RuleBroken(Code.INVALID, "This race is public: everybody may see and enter it.")
    return race


def _is_removed(session: Session, race: Race, racer: Racer) -> bool:
    member = _member(session, race, racer)
    return member is not None and member.removed_at is not None


def _member(session: Session, race: Race, racer: Racer) -> RaceMember | None:
    query = select(RaceMember).where(RaceMember.race_id == race.id, RaceMember.racer_id == racer.id)
    return session.exec(query.execution_options(populate_existing=True)).first()


def _set_removed(session: Session, race: Race, racer: Racer, moment: datetime | None) -> None:
    member = _member(session, race, racer)
    if member is not None:
        member.removed_at = moment
        session.add(member)


def _record(session: Session, action: str, race: Race, by: Racer, now: datetime, after: dict[str, object]) -> None:
    session.add(race)
    session.flush()
    audit.record(session, action, races.subject(race), by=by, now=now, after=after)
