"""Races: who may make, see and change one, and what may still be changed once somebody has entered.

A private race does not exist but for its organizer, administrators and the people of `race_people`.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypedDict, Unpack

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_
from sqlalchemy.orm import object_session
from sqlmodel import Session, col, select

from portal.rules import audit, limits, queueing, race_cars, race_days, race_objects, sponsorship
from portal.rules.broken import Code, RuleBroken
from portal.tables import (
    Evaluation,
    JobKind,
    JobState,
    Race,
    RaceGuest,
    RaceMember,
    RaceOrganizer,
    Racer,
    Submission,
    TeamScoring,
    Visibility,
)

SEEDS = 2**31
MAXIMUM_LAPS = 50
MAXIMUM_PENALTY_MS = 60_000
MAXIMUM_RESETS = 10_000
MOST_SUBMISSIONS = 999
LARGEST_TEAM = 20

RESULT_FIELDS = {
    "track": "the track",
    "direction": "the direction",
    "laps": "the laps",
    "off_track_penalty_ms": "the off-track penalty",
    "collision_penalty_ms": "the collision penalty",
    "maximum_resets": "the maximum resets",
    "objects": "the boxes or bots",
    "seed": "the seed",
}
"""What every submission would have to be driven again for: fixed as soon as somebody has entered."""

SCORING_FIELDS = {
    "ranking": "the ranking",
    "counts": "which submission counts",
    "minimum_laps": "the minimum laps",
}
"""What the laps that were driven can be scored by anew: changes while there are entries, and re-scores all of them."""


ENTRY_FIELDS = (
    *("name", "description", "visibility", "maximum_submissions", "maximum_per_day", "sensors", "action_spaces"),
    *("time_zone", "teams", "team_size"),
)
"""What changes neither drives nor scores."""


class RaceState(StrEnum):
    """Where a race is by its dates."""

    UPCOMING = "upcoming"
    OPEN = "open"
    CLOSED = "closed"


class RaceOptions(TypedDict, total=False):
    """What an organizer may leave as it is; penalties in ms."""

    description: str
    visibility: str
    ranking: str
    counts: str
    laps: int
    minimum_laps: int
    off_track_penalty_ms: int
    collision_penalty_ms: int
    maximum_resets: int
    maximum_submissions: int
    maximum_per_day: int | None
    objects: dict[str, Any]
    sensors: list[str]
    action_spaces: list[str]
    time_zone: str
    seed: int
    teams: str
    team_size: int


class RaceDetails(RaceOptions):
    """A whole race as its organizer makes it; the moments know their time zone."""

    name: str
    track: str
    direction: str
    opens_at: datetime
    closes_at: datetime


class RaceChanges(RaceOptions, total=False):
    """Any part of a race, to be changed."""

    name: str
    track: str
    direction: str
    opens_at: datetime
    closes_at: datetime


def state(race: Race, now: datetime) -> RaceState:
    """Upcoming before it opens, open from then on, closed from the moment it closes."""
    if now < race.opens_at:
        return RaceState.UPCOMING
    return RaceState.OPEN if now < race.closes_at else RaceState.CLOSED


def create(session: Session, owner: Racer, *, now: datetime, **details: Unpack[RaceDetails]) -> Race:
    """Makes a race. Its seed is published and drives every submission, so that a result can be repeated.

    Without a `seed` one is drawn.

    Raises RuleBroken: invalid (with the field that is wrong), forbidden (the host does not pay for this racer now:
    every submission to the race would cost), conflict (all private leaderboards of the account are in use).
    """
    sponsorship.require(session, owner)
    if details.get("visibility") == Visibility.PRIVATE:
        _take_private(session)
    details.setdefault("seed", secrets.randbelow(SEEDS))
    race = Race(owner_id=owner.id or 0, created_at=now, **details)
    _check(race)
    if race.closes_at <= now:
        raise RuleBroken(Code.INVALID, "The race would be over already. Choose a later end.", "closes")
    session.add(race)
    session.flush()
    audit.record(session, "race.create", subject(race), by=owner, now=now, after=_written(race))
    return race


def edit(session: Session, race: Race, *, by: Racer, now: datetime, **details: Unpack[RaceChanges]) -> Race:
    """Changes a race. What would have to be driven again stays as it is once somebody has entered; another way to
    score what was driven holds for every submission at once.

    Raises RuleBroken: forbidden (not the organizer's, or more submissions could come while the host does not pay for
    who changes it), conflict (entries exist, or no private leaderboard is left), invalid (with the field).
    """
    if details.get("visibility") == Visibility.PRIVATE != race.visibility:
        _take_private(session)
    race = hold_own(session, race, by)
    before, closed_at = _written(race), race.closes_at
    changed = {name for name, value in details.items() if getattr(race, name) != value}
    _check_entries(session, race, changed)
    if _takes_more(race, details):
        sponsorship.require(session, by)
    if "visibility" in changed:
        _check_unentered(session, race)
        race.audience += 1
    if changed & {*SCORING_FIELDS, "teams", "team_size"}:
        race.version += 1
    for name in changed:
        setattr(race, name, details[name])  # type: ignore[literal-required]  # names come from the same mapping
    _check(race)
    if race.closes_at != closed_at and race.closes_at <= now:
        raise RuleBroken(Code.INVALID, "That moment is over. Choose a later one, or close the race now.", "closes")
    if changed:
        session.add(race)
        session.flush()
        audit.record(session, "race.edit", subject(race), by=by, now=now, before=before, after=_written(race))
    return race


def check_edit(session: Session, race: Race, **details: Unpack[RaceChanges]) -> None:
    """Refuses as `edit` does what depends on entries, without changing anything: before a change is confirmed."""
    _check_entries(session, race, {name for name, value in details.items() if getattr(race, name) != value})
    laps, minimum_laps = details.get("laps", race.laps), details.get("minimum_laps", race.minimum_laps)
    if not 1 <= minimum_laps <= laps:
        raise RuleBroken(Code.INVALID, f"At least 1 and at most all {laps} laps can be required.", "minimum_laps")


def private_left(session: Session) -> tuple[int, int]:
    """(private leaderboards in use, how many the account may have)."""
    query = select(func.count()).where(Race.visibility == Visibility.PRIVATE, col(Race.deleted_at).is_(None))
    return session.exec(query).one(), limits.current(session).private_leaderboards


def _take_private(session: Session) -> None:
    """Refuses (conflict) one more private leaderboard than the account may have; who counts, counts alone."""
    limits.hold(session)
    used, allowed = private_left(session)
    if used >= allowed:
        raise RuleBroken(
            Code.CONFLICT,
            f"This portal may have {allowed} private leaderboards, and {used} are in use. Delete one that is over, "
            "make this race public, or ask the administrator for more.",
            "visibility",
        )


def _takes_more(race: Race, changes: RaceChanges) -> bool:
    """True where changes let more submissions in than before: each costs the host."""
    return (
        changes.get("opens_at", race.opens_at) < race.opens_at
        or changes.get("closes_at", race.closes_at) > race.closes_at
        or changes.get("maximum_submissions", race.maximum_submissions) > race.maximum_submissions
        or _per_day(changes.get("maximum_per_day", race.maximum_per_day)) > _per_day(race.maximum_per_day)
    )


def _per_day(maximum: int | None) -> int:
    return MOST_SUBMISSIONS if maximum is None else maximum


def _check_entries(session: Session, race: Race, changed: set[str]) -> None:
    fixed = [words for name, words in RESULT_FIELDS.items() if name in changed]
    if fixed and has_entries(session, race):
        raise RuleBroken(
            Code.CONFLICT,
            f"Somebody has entered this race, so {' and '.join(fixed)} cannot change any more: every submission would "
            "have to be driven again. Clone the race for other rules.",
        )


def _check_unentered(session: Session, race: Race) -> None:
    if has_entries(session, race):
        message = f"Somebody has entered this race, so it stays {race.visibility}: they chose to be seen there."
        raise RuleBroken(Code.CONFLICT, message, "visibility")


def _check(race: Race) -> None:
    """Refuses (invalid) what the database would refuse too, in words for the organizer."""
    if race.closes_at <= race.opens_at:
        raise RuleBroken(Code.INVALID, "The race must close after it opens.", "closes")
    if not 1 <= race.laps <= MAXIMUM_LAPS:
        raise RuleBroken(Code.INVALID, f"A race has 1 to {MAXIMUM_LAPS} laps.", "laps")
    if not 1 <= race.minimum_laps <= race.laps:
        message = f"At least 1 and at most all {race.laps} laps can be required."
        raise RuleBroken(Code.INVALID, message, "minimum_laps")
    for field in ("off_track_penalty_ms", "collision_penalty_ms"):
        if not 0 <= getattr(race, field) <= MAXIMUM_PENALTY_MS:
            message = f"A penalty is 0 to {MAXIMUM_PENALTY_MS // 1000} seconds."
            raise RuleBroken(Code.INVALID, message, field.replace("_ms", "_s"))
    if not 0 <= race.maximum_resets <= MAXIMUM_RESETS:
        raise RuleBroken(Code.INVALID, f"Allow 0 to {MAXIMUM_RESETS} resets.", "maximum_resets")
    if not 1 <= race.maximum_submissions <= MOST_SUBMISSIONS:
        raise RuleBroken(Code.INVALID, f"Allow 1 to {MOST_SUBMISSIONS} submissions.", "maximum_submissions")
    if race.maximum_per_day is not None and not 1 <= race.maximum_per_day <= race.maximum_submissions:
        message = f"Allow 1 to {race.maximum_submissions} submissions a day, or leave it empty."
        raise RuleBroken(Code.INVALID, message, "maximum_per_day")
    if not 0 <= race.seed < SEEDS:
        raise RuleBroken(Code.INVALID, f"A seed is a whole number from 0 to {SEEDS - 1}.", "seed")
    if race.teams not in list(TeamScoring):
        raise RuleBroken(Code.INVALID, "Choose from the list.", "teams")
    if not 2 <= race.team_size <= LARGEST_TEAM:
        raise RuleBroken(Code.INVALID, f"2 to {LARGEST_TEAM} racers of a team can count.", "team_size")
    race_days.check(race)
    race_objects.check(race)
    race_cars.check(race)


def close(session: Session, race: Race, *, by: Racer, now: datetime) -> bool:
    """Ends an open race now. Submissions that came before still drive and count. False: it was closed already.

    Raises RuleBroken: forbidden (not the organizer's), conflict (it has not opened).
    """
    race = hold_own(session, race, by)
    where = state(race, now)
    if where is RaceState.CLOSED:
        return False
    if where is RaceState.UPCOMING:
        message = "This race has not opened yet. Change its dates, or delete it."
        raise RuleBroken(Code.CONFLICT, message)
    before = _written(race)
    race.closes_at = max(now, race.opens_at + timedelta(microseconds=1))
    session.add(race)
    session.flush()
    audit.record(session, "race.close", subject(race), by=by, now=now, before=before, after=_written(race))
    return True


def delete(session: Session, race: Race, *, by: Racer, now: datetime) -> None:
    """Takes a race and its standings away from every page. What it cost stays in the ledger.

    What waits is stopped and costs nothing; what drives is asked to stop and costs what it has used.
    Raises RuleBroken: missing (deleted already), forbidden (not the organizer's).
    """
    _hold_at_work(session, race)
    race = hold_own(session, race, by)
    if not owns(race, by):
        raise RuleBroken(Code.FORBIDDEN, "Only the owner of this race deletes it. You can close it.")
    race.deleted_at = now
    session.add(race)
    session.flush()
    audit.record(session, "race.delete", subject(race), by=by, now=now, before=_written(race))
    for job_id in _hold_at_work(session, race):
        queueing.request_stop(session, JobKind.EVALUATION, job_id, now=now, by=by)


def _hold_at_work(session: Session, race: Race) -> list[int]:
    """The race's evaluations that wait or drive. They are held before the race is, as by a worker that ends one."""
    at_work = col(Evaluation.state).in_((JobState.QUEUED, JobState.RUNNING))
    query = select(Evaluation.id).where(Evaluation.race_id == race.id, at_work).order_by(col(Evaluation.id))
    return [job_id or 0 for job_id in session.exec(query.with_for_update(key_share=True))]


def owns(race: Race, racer: Racer | None) -> bool:
    """True for the owner and for admins, who alone name co-organizers and delete a race."""
    return racer is not None and (race.owner_id == racer.id or racer.is_admin)


def may_change(race: Race, racer: Racer | None) -> bool:
    """True for the owner, co-organizers and admins. Co-organizers are looked up where the race came from."""
    if racer is None or owns(race, racer):
        return racer is not None
    session = object_session(race)
    return session is not None and session.get(RaceOrganizer, (race.id or 0, racer.id or 0)) is not None


def get_visible(session: Session, racer: Racer | None, public_id: str) -> Race:
    """A race that these eyes may see. Raises RuleBroken (missing) for every other, as if it did not exist."""
    race = session.exec(select(Race).where(Race.public_id == public_id, visible_to(racer))).first()
    if race is None:
        raise RuleBroken(Code.MISSING, "There is no such race. It may have been deleted.")
    return race


def may_see(session: Session, race: Race, racer: Racer | None) -> bool:
    """True where these eyes may see the race."""
    return session.exec(select(Race.id).where(Race.id == race.id, visible_to(racer))).first() is not None


def find(session: Session, public_id: str) -> Race | None:
    """A race that was not deleted, whoever asks: only where it was decided before who may see it."""
    return session.exec(select(Race).where(Race.public_id == public_id, col(Race.deleted_at).is_(None))).first()


def get_own(session: Session, racer: Racer, public_id: str) -> Race:
    """A race that this racer may change. Raises RuleBroken: missing (not visible), forbidden (somebody else's)."""
    return _permit(get_visible(session, racer, public_id), racer)


def visible_to(racer: Racer | None) -> ColumnElement[bool]:
    """The clause that keeps private and deleted races from strangers; every query over races carries it."""
    kept = col(Race.deleted_at).is_(None)
    if racer is not None and racer.is_admin:
        return kept
    public = col(Race.visibility) == Visibility.PUBLIC
    if racer is None:
        return and_(kept, public)
    return and_(kept, or_(public, col(Race.owner_id) == racer.id, _organizes(racer), _is_of_the_people(racer)))


def _organizes(racer: Racer) -> ColumnElement[bool]:
    here = and_(col(RaceOrganizer.race_id) == Race.id, col(RaceOrganizer.racer_id) == racer.id)
    return exists().where(here)


def _is_of_the_people(racer: Racer) -> ColumnElement[bool]:
    """A member, or on the list by an address that the provider has confirmed; never who was removed."""
    here = and_(col(RaceMember.race_id) == Race.id, col(RaceMember.racer_id) == racer.id)
    member = exists().where(and_(here, col(RaceMember.removed_at).is_(None)))
    address = racer.email.lower()
    if not (racer.email_verified and "@" in address):
        return member
    mine = (address, "@" + address.rpartition("@")[2])
    listed = exists().where(and_(col(RaceGuest.race_id) == Race.id, col(RaceGuest.address).in_(mine)))
    removed = exists().where(and_(here, col(RaceMember.removed_at).is_not(None)))
    return or_(member, and_(listed, not_(removed)))


def has_entries(session: Session, race: Race) -> bool:
    """True as soon as one model was submitted."""
    return session.exec(select(Submission.id).where(Submission.race_id == race.id).limit(1)).first() is not None


def entries(session: Session, race: Race) -> tuple[int, int]:
    """(submissions, racers who submitted)."""
    query = select(func.count(), func.count(func.distinct(Submission.racer_id))).where(Submission.race_id == race.id)
    submissions, racers = session.exec(query).one()
    return submissions, racers


def owner_of(session: Session, race: Race) -> Racer:
    return session.get_one(Racer, race.owner_id)


def hold_own(session: Session, race: Race, by: Racer) -> Race:
    """The race, fresh, where this racer may change it; nobody enters it until the transaction ends."""
    fresh = session.get(Race, race.id, populate_existing=True, with_for_update=True)
    if fresh is None or fresh.deleted_at is not None:
        raise RuleBroken(Code.MISSING, "There is no such race. It may have been deleted.")
    return _permit(fresh, by)


def _permit(race: Race, racer: Racer) -> Race:
    if not may_change(race, racer):
        raise RuleBroken(Code.FORBIDDEN, "Only the organizer of this race can change it.")
    return race


def subject(race: Race) -> str:
    return f"race:{race.public_id}"


def _written(race: Race) -> dict[str, Any]:
    """The race as the audit keeps it."""
    names = [*RESULT_FIELDS, *SCORING_FIELDS, *ENTRY_FIELDS]
    facts: dict[str, Any] = {name: getattr(race, name) for name in names}
    return facts | {"opens_at": race.opens_at.isoformat(), "closes_at": race.closes_at.isoformat()}
