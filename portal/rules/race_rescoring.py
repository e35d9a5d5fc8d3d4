"""What another way to score would make of the laps that were driven: shown before it is decided."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from sqlmodel import Session, col, select

from portal.rules import standings
from portal.rules.races import SCORING_FIELDS, RaceChanges
from portal.rules.ranking import rank
from portal.tables import Race, Racer, Submission


@dataclass(frozen=True, slots=True)
class Rescored:
    """How the standings would change: racers with another place, and who gains or loses a place at all."""

    submissions: int
    """Finished ones: every one of them is scored anew."""
    moved: int
    gained: list[Racer]
    lost: list[Racer]
    leader_before: Racer | None
    leader_after: Racer | None

    @property
    def has_another_leader(self) -> bool:
        return self.leader_before is not self.leader_after


def is_rescored(race: Race, changes: RaceChanges) -> bool:
    """True where these changes score what was driven in another way."""
    return any(name in changes and changes[name] != getattr(race, name) for name in SCORING_FIELDS)  # type: ignore[literal-required]


def preview(session: Session, race: Race, changes: RaceChanges) -> Rescored:
    """The standings by the race's rules beside those by the changed ones; nothing is written."""
    entries = standings.entries_of(session, race)
    before = {row.racer: row.place for row in _ranked(entries, race, {})}
    after = {row.racer: row.place for row in _ranked(entries, race, changes)}
    entered = select(Submission.racer_id).where(Submission.race_id == race.id)
    query = select(Racer).where(col(Racer.id).in_(entered)).order_by(col(Racer.alias_key))
    people: dict[Hashable, Racer] = {one.id: one for one in session.exec(query) if one.id in {*before, *after}}
    return Rescored(
        submissions=len(entries),
        moved=sum(1 for racer in before.keys() & after.keys() if before[racer] != after[racer]),
        gained=[people[racer] for racer in people if racer not in before],
        lost=[people[racer] for racer in people if racer not in after],
        leader_before=next((people[racer] for racer, place in before.items() if place == 1), None),
        leader_after=next((people[racer] for racer, place in after.items() if place == 1), None),
    )


def _ranked(entries: list[standings.Entry], race: Race, changes: RaceChanges) -> list[standings.Standing]:
    return rank(
        entries,
        ranking=changes.get("ranking", race.ranking),
        minimum_laps=changes.get("minimum_laps", race.minimum_laps),
        counts=changes.get("counts", race.counts),
    )
