"""Which team is ahead: one pure function over the racers' own standings. It knows no database.

- **best**: a team stands where its best racer stands;
- **sum**: the sum of the results of its `size` best racers, more complete laps first where the total is ranked; a team
  with fewer ranked racers is not ranked. Equal sums: fewer resets, then the better best lap, then the team whose best
  racer stands ahead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from portal.rules.ranking import Standing
from portal.tables import Ranking, TeamScoring


@dataclass(frozen=True, slots=True)
class TeamStanding:
    """One team: its place (None where it is not ranked), its result, and the standings that count, best first."""

    team: Hashable
    place: int | None
    result_ms: int | None
    counted: tuple[Standing, ...]
    ranked: int
    """Its racers who are ranked."""


def rank_teams(
    standings: Sequence[Standing],
    team_of: Mapping[Hashable, Hashable],
    *,
    scoring: TeamScoring | str,
    size: int,
    ranking: Ranking | str,
) -> list[TeamStanding]:
    """The teams that have ranked racers, the first one first, teams that are not ranked last.

    `team_of` says the team of each racer; racers without one count for none. Raises ValueError for fewer than one
    racer to count, or a scoring that ranks no teams.
    """
    scoring, ranking = TeamScoring(scoring), Ranking(ranking)
    if scoring is TeamScoring.NONE or size < 1:
        raise ValueError(f"teams are scored by {scoring} over {size} racers; score by best or sum over at least one")
    counting = 1 if scoring is TeamScoring.BEST else size
    members: dict[Hashable, list[Standing]] = defaultdict(list)
    for standing in sorted(standings, key=lambda one: one.place):
        if standing.racer in team_of:
            members[team_of[standing.racer]].append(standing)
    whole = {team: rows[:counting] for team, rows in members.items() if len(rows) >= counting}
    order = sorted(whole, key=lambda team: _key(whole[team], scoring, ranking))
    ranked = [
        TeamStanding(team, place, sum(row.result_ms for row in whole[team]), tuple(whole[team]), len(members[team]))
        for place, team in enumerate(order, start=1)
    ]
    short = sorted((team for team in members if team not in whole), key=lambda team: members[team][0].place)
    return ranked + [TeamStanding(team, None, None, tuple(members[team]), len(members[team])) for team in short]


def _key(rows: Sequence[Standing], scoring: TeamScoring, ranking: Ranking) -> tuple[int, ...]:
    if scoring is TeamScoring.BEST:
        return (rows[0].place,)
    laps = -sum(row.laps for row in rows) if ranking is Ranking.TOTAL else 0
    time_ms, resets = sum(row.result_ms for row in rows), sum(row.resets for row in rows)
    return (laps, time_ms, resets, min(row.best_lap_ms for row in rows), rows[0].place)
