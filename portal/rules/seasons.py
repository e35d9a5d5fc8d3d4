"""Seasons: places in several races give points.

A race gives points when its standings are final. Equal points: more first places, then more second ones and so on,
then the racer's name; racers who are equal in all places share one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, or_
from sqlmodel import Session, col, delete, select

from portal.rules import audit, final_results, names, races, standings
from portal.rules.broken import Code, RuleBroken
from portal.tables import Race, Racer, Season, SeasonRace, Visibility

USUAL_POINTS = (25, 18, 15, 12, 10, 8, 6, 4, 2, 1)
MOST_RACES = 50
MOST_PLACES = 100
MOST_POINTS = 10_000
CHOICES_SHOWN = 100


@dataclass(frozen=True, slots=True)
class SeasonDetails:
    """What an organizer says about a season."""

    name: str
    description: str
    points: Sequence[int]
    """By place, the winner's first."""
    races: Sequence[str]
    """Their public ids."""


@dataclass(frozen=True, slots=True)
class SeasonRow:
    """A racer in a season: `results` are (place, points) by race id."""

    place: int
    racer: Racer
    points: int
    results: Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class SeasonTable:
    """A season as one viewer may see it."""

    season: Season
    races: list[Race]
    """In the order in which they close."""
    open: dict[int, str]
    """Why a race gives no points yet, by its id."""
    rows: list[SeasonRow]


def create(session: Session, owner: Racer, details: SeasonDetails, *, now: datetime) -> Season:
    """Makes a season. Raises RuleBroken (invalid): a detail, or a race that is not there or somebody else's."""
    season = Season(owner_id=owner.id or 0, name="", points=[], created_at=now)
    _write(season, details)
    session.add(season)
    session.flush()
    _choose(session, season, owner, details.races)
    audit.record(session, "season.create", subject(season), by=owner, now=now, after=_written(season))
    return season


def edit(session: Session, season: Season, details: SeasonDetails, *, by: Racer, now: datetime) -> Season:
    """Changes a season. Races that `by` does not see stay in it. Raises RuleBroken: missing, forbidden, invalid."""
    season = _hold_own(session, season, by)
    before = _written(season)
    _write(season, details)
    session.add(season)
    _choose(session, season, by, details.races)
    audit.record(session, "season.edit", subject(season), by=by, now=now, before=before, after=_written(season))
    return season


def remove(session: Session, season: Season, *, by: Racer, now: datetime) -> None:
    """Takes a season away; its races stay. Raises RuleBroken: missing, forbidden."""
    season = _hold_own(session, season, by)
    season.deleted_at = now
    session.add(season)
    audit.record(session, "season.delete", subject(season), by=by, now=now, before=_written(season))


def _write(season: Season, details: SeasonDetails) -> None:
    points = list(details.points)
    season.name, season.description, season.points = names.checked(details.name), details.description, points
    if not 1 <= len(points) <= MOST_PLACES:
        raise RuleBroken(Code.INVALID, f"Give points for 1 to {MOST_PLACES} places.", "points")
    if any(not 0 <= number <= MOST_POINTS for number in points):
        raise RuleBroken(Code.INVALID, f"Points are 0 to {MOST_POINTS}.", "points")
    if points != sorted(points, reverse=True):
        raise RuleBroken(Code.INVALID, "A better place cannot get fewer points.", "points")


def _choose(session: Session, season: Season, by: Racer, chosen: Sequence[str]) -> None:
    if len(set(chosen)) > MOST_RACES:
        raise RuleBroken(Code.INVALID, f"A season has at most {MOST_RACES} races.", "races")
    wanted = session.exec(select(Race).where(col(Race.public_id).in_(chosen), races.visible_to(by))).all()
    if len(wanted) != len(set(chosen)):
        raise RuleBroken(Code.INVALID, "One of these races is not there any more. Choose again.", "races")
    foreign = [race.name for race in wanted if race.visibility != Visibility.PUBLIC and not races.may_change(race, by)]
    if foreign:
        message = f"{foreign[0]} is a private race of somebody else. Choose public races, and private ones of your own."
        raise RuleBroken(Code.INVALID, message, "races")
    shown = {race.id for race in _races(session, season, by)}
    session.exec(delete(SeasonRace).where(col(SeasonRace.season_id) == season.id, col(SeasonRace.race_id).in_(shown)))
    session.add_all(SeasonRace(season_id=season.id or 0, race_id=race.id or 0) for race in wanted)
    session.flush()


def visible_to(racer: Racer | None) -> ColumnElement[bool]:
    """The clause for seasons: whoever sees one of its races, its organizer, and administrators."""
    kept = col(Season.deleted_at).is_(None)
    if racer is not None and racer.is_admin:
        return kept
    seen = exists().where(
        col(SeasonRace.season_id) == Season.id, col(SeasonRace.race_id) == Race.id, races.visible_to(racer)
    )
    return kept & (seen if racer is None else or_(seen, col(Season.owner_id) == racer.id))


def get_visible(session: Session, racer: Racer | None, public_id: str) -> Season:
    """Raises RuleBroken (missing) where these eyes may not see it, as if it did not exist."""
    season = session.exec(select(Season).where(Season.public_id == public_id, visible_to(racer))).first()
    if season is None:
        raise RuleBroken(Code.MISSING, "There is no such season. It may have been deleted.")
    return season


def get_own(session: Session, racer: Racer, public_id: str) -> Season:
    """Raises RuleBroken: missing (not visible), forbidden (somebody else's)."""
    season = get_visible(session, racer, public_id)
    if not may_change(season, racer):
        raise RuleBroken(Code.FORBIDDEN, "Only the organizer of this season can change it.")
    return season


def may_change(season: Season, racer: Racer | None) -> bool:
    return racer is not None and (season.owner_id == racer.id or racer.is_admin)


def listed(session: Session, racer: Racer | None) -> list[Season]:
    """The newest seasons that this viewer may see."""
    query = select(Season).where(visible_to(racer)).order_by(col(Season.id).desc()).limit(CHOICES_SHOWN)
    return list(session.exec(query))


def choices(session: Session, racer: Racer, season: Season | None) -> list[Race]:
    """The races that the racer may put into a season: those in it, own ones and public ones, the newest first."""
    inside = select(SeasonRace.race_id).where(SeasonRace.season_id == (season.id if season else None))
    own_or_public = or_(col(Race.owner_id) == racer.id, col(Race.visibility) == Visibility.PUBLIC)
    query = select(Race).where(races.visible_to(racer), or_(col(Race.id).in_(inside), own_or_public))
    first = col(Race.id).in_(inside).desc()
    return list(
        session.exec(query.order_by(first, col(Race.closes_at).desc(), col(Race.id).desc()).limit(CHOICES_SHOWN))
    )


def chosen_ids(session: Session, season: Season, racer: Racer) -> list[str]:
    return [race.public_id for race in _races(session, season, racer)]


def _races(session: Session, season: Season, viewer: Racer | None) -> list[Race]:
    query = (
        select(Race)
        .join(SeasonRace, col(SeasonRace.race_id) == col(Race.id))
        .where(SeasonRace.season_id == season.id, races.visible_to(viewer))
        .order_by(col(Race.closes_at), col(Race.id))
    )
    return list(session.exec(query))


def table(session: Session, season: Season, *, viewer: Racer | None, now: datetime) -> SeasonTable:
    """The season over the races that the viewer may see: what is hidden gives no points here."""
    shown = _races(session, season, viewer)
    still_open: dict[int, str] = {}
    results: dict[int, dict[int, tuple[int, int]]] = {}
    people: dict[int, Racer] = {}
    for race in shown:
        board = standings.for_race(session, race)
        reason = final_results.why_not_final(race, board, now)
        if reason:
            still_open[race.id or 0] = reason
            continue
        for row in board.rows:
            place = row.standing.place
            people[row.racer.id or 0] = row.racer
            results.setdefault(row.racer.id or 0, {})[race.id or 0] = (place, points_for(season.points, place))
    return SeasonTable(season, shown, still_open, _ranked(people, results))


def points_for(points: Sequence[int], place: int) -> int:
    return points[place - 1] if place <= len(points) else 0


def _ranked(people: Mapping[int, Racer], results: Mapping[int, Mapping[int, tuple[int, int]]]) -> list[SeasonRow]:
    """Most points first; equal ones by their places, best first; who is equal in both shares a place."""

    def key(racer_id: int) -> tuple[int, list[int]]:
        own = results[racer_id].values()
        worst = max((place for found in results.values() for place, _ in found.values()), default=0)
        counts = [-sum(place == wanted for place, _ in own) for wanted in range(1, worst + 1)]
        return -sum(points for _, points in own), counts

    order = sorted(people, key=lambda racer_id: (key(racer_id), people[racer_id].alias_key or ""))
    rows: list[SeasonRow] = []
    for index, racer_id in enumerate(order):
        equal = index > 0 and key(order[index - 1]) == key(racer_id)
        place = rows[-1].place if equal else index + 1
        rows.append(SeasonRow(place, people[racer_id], -key(racer_id)[0], results[racer_id]))
    return rows


def _hold_own(session: Session, season: Season, by: Racer) -> Season:
    fresh = session.get(Season, season.id, populate_existing=True, with_for_update=True)
    if fresh is None or fresh.deleted_at is not None:
        raise RuleBroken(Code.MISSING, "There is no such season. It may have been deleted.")
    if not may_change(fresh, by):
        raise RuleBroken(Code.FORBIDDEN, "Only the organizer of this season can change it.")
    return fresh


def subject(season: Season) -> str:
    return f"season:{season.public_id}"


def _written(season: Season) -> dict[str, Any]:
    return {"name": season.name, "description": season.description, "points": list(season.points)}
