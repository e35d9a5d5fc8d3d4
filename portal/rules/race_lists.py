"""Lists of races for pages: what is on, what comes, what is over, and searching them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func
from sqlmodel import Session, col, select

from portal.rules.races import RaceState, state, visible_to
from portal.tables import Race, Racer, Submission

PAGE_SIZE = 20


@dataclass(frozen=True, slots=True)
class ListedRace:
    """A race in a list, with how many entered it."""

    race: Race
    state: RaceState
    racers: int
    submissions: int


@dataclass(frozen=True, slots=True)
class RacePage:
    """One page of a list of races."""

    races: list[ListedRace]
    page: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def listed(
    session: Session,
    racer: Racer | None,
    *,
    now: datetime,
    q: str = "",
    on_tracks: Collection[str] = (),
    wanted: RaceState | None = None,
    page: int = 1,
) -> RacePage:
    """The races that this visitor may see: open ones first by their end, then upcoming, then the newest results.

    With `q` those that have it in their name or their track's; of tracks that are called so the names are `on_tracks`.
    """
    clauses = [visible_to(racer)]
    if q:
        named = col(Race.name).icontains(q, autoescape=True) | col(Race.track).icontains(q, autoescape=True)
        clauses.append(named | col(Race.track).in_(on_tracks))
    if wanted is not None:
        clauses.append(_in_state(wanted, now))
    total = session.exec(select(func.count()).select_from(Race).where(*clauses)).one()
    page = min(max(page, 1), max(1, -(-total // PAGE_SIZE)))
    query = select(Race).where(*clauses).order_by(*_order(now)).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    return RacePage(_with_entries(session, session.exec(query).all(), now), page, total)


def in_state(
    session: Session, racer: Racer | None, wanted: RaceState, *, now: datetime, limit: int
) -> list[ListedRace]:
    """The first races of one state in the order of the list."""
    query = select(Race).where(visible_to(racer), _in_state(wanted, now)).order_by(*_order(now)).limit(limit)
    return _with_entries(session, session.exec(query).all(), now)


def _in_state(wanted: RaceState, now: datetime) -> ColumnElement[bool]:
    if wanted is RaceState.UPCOMING:
        return col(Race.opens_at) > now
    if wanted is RaceState.CLOSED:
        return col(Race.closes_at) <= now
    return (col(Race.opens_at) <= now) & (col(Race.closes_at) > now)


def _order(now: datetime) -> tuple[ColumnElement[Any], ...]:
    is_open, is_upcoming = _in_state(RaceState.OPEN, now), _in_state(RaceState.UPCOMING, now)
    return (
        case((is_open, 0), (is_upcoming, 1), else_=2),
        case((is_open, col(Race.closes_at)), (is_upcoming, col(Race.opens_at))).asc(),
        col(Race.closes_at).desc(),
        col(Race.id).desc(),
    )


def _with_entries(session: Session, races: Sequence[Race], now: datetime) -> list[ListedRace]:
    counts = (
        select(Submission.race_id, func.count(), func.count(func.distinct(Submission.racer_id)))
        .where(col(Submission.race_id).in_([race.id for race in races]))
        .group_by(col(Submission.race_id))
    )
    entered = {race_id: (racers, submissions) for race_id, submissions, racers in session.exec(counts)}
    return [ListedRace(race, state(race, now), *entered.get(race.id or 0, (0, 0))) for race in races]
