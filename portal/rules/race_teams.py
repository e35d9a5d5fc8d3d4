"""Teams of a race: made by a racer, joined by code, left again; what they came to."""

from __future__ import annotations

import re
import secrets
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from portal.rules import audit, first, races
from portal.rules.broken import Code, RuleBroken
from portal.rules.race_people import LETTERS, MISREAD
from portal.rules.races import RaceState
from portal.rules.ranking import Standing
from portal.rules.team_ranking import TeamStanding, rank_teams
from portal.tables import Race, Racer, RaceTeam, RaceTeamMember, TeamScoring

LONGEST_NAME = 32
CODE_LENGTH = 8
NO_SUCH_CODE = "No team of this race has this code. Ask a member for it; it is on their page of the race."


@dataclass(frozen=True, slots=True)
class MyTeam:
    """A racer's team with its members, by when they joined."""

    team: RaceTeam
    members: list[Racer]


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A row of the teams' standings."""

    team: RaceTeam
    standing: TeamStanding


def make(session: Session, race: Race, name: str, *, by: Racer, now: datetime) -> RaceTeam:
    """Makes a team with its maker in it.

    Raises RuleBroken: conflict (the race has no teams or is over; in a team already), invalid (the name, or taken).
    """
    _check_open(session, race, by, now)
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise RuleBroken(Code.INVALID, f"Write a name of 1 to {LONGEST_NAME} characters.", "name")
    code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    team = RaceTeam(race_id=race.id or 0, name=name, name_key=name.lower(), code=code, created_at=now)
    if not first.added(session, team):
        raise RuleBroken(Code.INVALID, "Another team of this race has this name. Choose another one.", "name")
    _enter(session, race, team, by, now)
    return team


def join(session: Session, race: Race, code: str, *, by: Racer, now: datetime) -> RaceTeam:
    """Joins the team whose code it is. Raises RuleBroken: conflict as `make` does, invalid (no such code)."""
    _check_open(session, race, by, now)
    typed = re.sub(r"[\s-]", "", code).upper().translate(MISREAD)
    team = session.exec(select(RaceTeam).where(RaceTeam.race_id == race.id, RaceTeam.code == typed)).first()
    if team is None:
        raise RuleBroken(Code.INVALID, NO_SUCH_CODE, "code")
    _enter(session, race, team, by, now)
    return team


def leave(session: Session, race: Race, *, by: Racer, now: datetime) -> RaceTeam | None:
    """Leaves the team; the results go with the racer. None: they were in none. Raises RuleBroken (conflict)."""
    if races.state(race, now) is RaceState.CLOSED:
        raise RuleBroken(Code.CONFLICT, "The race is over: its teams stay as they are.")
    row = _row(session, race, by)
    if row is None:
        return None
    team = session.get_one(RaceTeam, row.team_id)
    session.delete(row)
    _moved(session, race, team, "race.team.leave", by, now)
    return team


def mine(session: Session, race: Race, racer: Racer | None) -> MyTeam | None:
    """The racer's team in this race; None where they are in none."""
    row = _row(session, race, racer) if racer is not None else None
    if row is None:
        return None
    query = select(Racer).join(RaceTeamMember, col(RaceTeamMember.racer_id) == col(Racer.id))
    query = query.where(RaceTeamMember.team_id == row.team_id).order_by(col(RaceTeamMember.id))
    return MyTeam(session.get_one(RaceTeam, row.team_id), list(session.exec(query)))


def ranked(session: Session, race: Race, standings: Sequence[Standing]) -> list[TeamRow]:
    """The teams of a race by its racers' standings; none where it has no teams."""
    if race.teams == TeamScoring.NONE:
        return []
    teams = {team.id: team for team in session.exec(select(RaceTeam).where(RaceTeam.race_id == race.id))}
    members = session.exec(select(RaceTeamMember).where(RaceTeamMember.race_id == race.id))
    team_of: dict[Hashable, Hashable] = {member.racer_id: member.team_id for member in members}
    found = rank_teams(standings, team_of, scoring=race.teams, size=race.team_size, ranking=race.ranking)
    return [TeamRow(teams[one.team], one) for one in found]  # type: ignore[index]


def _row(session: Session, race: Race, racer: Racer) -> RaceTeamMember | None:
    mine = (RaceTeamMember.race_id == race.id, RaceTeamMember.racer_id == racer.id)
    return session.exec(select(RaceTeamMember).where(*mine)).first()


def _check_open(session: Session, race: Race, by: Racer, now: datetime) -> None:
    races.get_visible(session, by, race.public_id)
    if race.teams == TeamScoring.NONE:
        raise RuleBroken(Code.CONFLICT, "This race has no teams.")
    if races.state(race, now) is RaceState.CLOSED:
        raise RuleBroken(Code.CONFLICT, "The race is over: its teams stay as they are.")
    if _row(session, race, by) is not None:
        raise RuleBroken(Code.CONFLICT, "You are in a team already. Leave it first.")


def _enter(session: Session, race: Race, team: RaceTeam, by: Racer, now: datetime) -> None:
    row = RaceTeamMember(race_id=race.id or 0, team_id=team.id or 0, racer_id=by.id or 0, joined_at=now)
    if not first.added(session, row):
        raise RuleBroken(Code.CONFLICT, "You are in a team already. Leave it first.")
    _moved(session, race, team, "race.team.join", by, now)


def _moved(session: Session, race: Race, team: RaceTeam, action: str, by: Racer, now: datetime) -> None:
    """Raises the version, so that open pages rank the teams anew."""
    fresh = session.get_one(Race, race.id, populate_existing=True, with_for_update=True)
    fresh.version += 1
    session.add(fresh)
    session.flush()
    audit.record(session, action, races.subject(race), by=by, now=now, after={"team": team.public_id})
