"""Standings of races that are stored: loading, ranking, and raising the version when a result comes in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import and_, exists, func, or_, update
from sqlmodel import Session, col, select

from portal.rules import publishing, race_teams, races, sectors
from portal.rules.lap_marks import LapMark, lap_mark
from portal.rules.race_teams import TeamRow
from portal.rules.ranking import TIE_BREAK, Entry, LapTime, Standing, longest_run_of_laps, rank
from portal.rules.sectors import Bests, Sector
from portal.tables import Evaluation, JobState, Lap, LiveRun, LiveState, Race, RaceFreeze, Racer, Submission

__all__ = ["TIE_BREAK", "Entry", "LapMark", "LapTime", "Standing", "lap_mark", "rank"]

HISTORY_LIMIT = 50
"""Races that a profile shows at most: each is ranked anew."""


@dataclass(frozen=True, slots=True)
class Row:
    """A standing with the people and the marks that a page needs."""

    standing: Standing
    racer: Racer
    holds_best_lap: bool
    last_mark: LapMark | None
    last_sectors: tuple[Sector, ...] = ()
    """Those of the last lap; none where it was measured without."""


@dataclass(frozen=True, slots=True)
class Unranked:
    """A racer with finished runs of which none is eligible."""

    racer: Racer
    submissions: int
    laps: int
    """The most complete laps in a row."""


@dataclass(frozen=True, slots=True)
class Disqualified:
    """A finished run that the organizer has taken out of the standings, and why."""

    racer: Racer
    submission: str
    reason: str


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that the standings of one race show, at one version."""

    race: Race
    version: int
    rows: list[Row]
    unranked: list[Unranked]
    best_lap_ms: int | None
    pending: int
    """Submissions that wait or drive."""
    newest: Row | None
    """The row that the newest result belongs to, where its racer is ranked."""
    freeze: RaceFreeze | None = None
    """The freeze that holds or is ahead."""
    hidden: int = 0
    """Places at the top that are still to be revealed."""
    disqualified: list[Disqualified] = field(default_factory=list)
    """Runs that were taken out of the ranking, the newest first."""
    teams: list[TeamRow] = field(default_factory=list)
    """The teams' own standings, where the race has teams and nothing is hidden."""

    def names_of(self, team: TeamRow) -> list[str]:
        """The racers whose standings count for a team, the best first."""
        names = {row.racer.id: row.racer.alias or row.racer.name for row in self.rows}
        return [names[one.racer] for one in team.standing.counted if one.racer in names]

    def row_of(self, racer: Racer | None) -> Row | None:
        return next((row for row in self.rows if racer and row.racer.id == racer.id), None)


@dataclass(frozen=True, slots=True)
class RacePlace:
    """How one racer stands in one race; `place` and `standing` are None where no run was eligible."""

    race: Race
    standing: Standing | None
    ranked: int
    settled: bool = False
    """Nothing waits, drives or is still to be revealed."""

    @property
    def place(self) -> int | None:
        return self.standing.place if self.standing else None


@dataclass(frozen=True, slots=True)
class BestLap:
    """A racer's best complete lap on one track and direction, over public races."""

    track: str
    direction: str
    time_ms: int


def entries_of(session: Session, race: Race, *, whole: bool = True) -> list[Entry]:
    """The finished submissions of a race with their laps, disqualified ones left out. `racer` is the racer's
    row number.

    Runs of a LIVE race count when they were shown. Not `whole`: those only whose results are public.
    """
    query = (
        select(Submission, Evaluation.id, publishing.came_at())
        .join(Evaluation, col(Evaluation.id) == col(Submission.evaluation_id))
        .where(
            Submission.race_id == race.id,
            Evaluation.state == JobState.COMPLETED,
            col(Submission.disqualified_at).is_(None),
            publishing.was_shown(),
        )
    )
    if not whole:
        query = query.where(publishing.is_public())
    found = session.exec(query).all()
    laps = _laps(session, race)
    return [
        Entry(
            submission=submission.public_id,
            racer=submission.racer_id,
            submitted_at=submission.created_at,
            laps=laps.get(evaluation_id or 0, ()),
            finished_at=came_at,
        )
        for submission, evaluation_id, came_at in found
    ]


def _laps(session: Session, race: Race) -> dict[int, tuple[LapTime, ...]]:
    query = (
        select(Lap)
        .join(Evaluation, col(Evaluation.id) == col(Lap.evaluation_id))
        .where(Evaluation.race_id == race.id)
        .order_by(col(Lap.evaluation_id), col(Lap.number))
    )
    laps: dict[int, list[LapTime]] = defaultdict(list)
    for lap in session.exec(query):
        laps[lap.evaluation_id].append(LapTime(lap.time_ms, lap.resets, lap.complete, lap.sectors_ms))
    return {evaluation: tuple(driven) for evaluation, driven in laps.items()}


def for_race(session: Session, race: Race, *, whole: bool = False) -> Board:
    """The standings of a race as the database has them now and the public may see them; all of them with `whole`.

    While they are revealed, the places at the top are missing, and what would tell of them: gaps, bests, the newest.
    """
    freeze = publishing.freeze_of(session, race)
    revealing = freeze is not None and freeze.reveal_began_at is not None
    board = _board(session, race, entries_of(session, race, whole=whole or revealing), freeze)
    board = replace(board, disqualified=_disqualified(session, race, whole=whole))
    return _revealed(board, freeze) if freeze is not None and revealing and not whole else board


def _revealed(board: Board, freeze: RaceFreeze) -> Board:
    """The board with the places that were revealed, from the last up."""
    hidden = max(0, len(board.rows) - freeze.revealed)
    rows = [
        replace(
            row, standing=replace(row.standing, gap_ms=None, gap_laps=0, interval_ms=None, interval_laps=0, delta=0)
        )
        for row in board.rows[hidden:]
    ]
    return replace(board, rows=rows, hidden=hidden, newest=None, teams=[])


def _board(session: Session, race: Race, entries: Sequence[Entry], freeze: RaceFreeze | None) -> Board:
    standings = rank(entries, ranking=race.ranking, minimum_laps=race.minimum_laps, counts=race.counts)
    racers = _racers(session, race)
    best_lap_ms = min((standing.best_lap_ms for standing in standings), default=None)
    best_sectors = sectors.bests(lap for entry in entries for lap in entry.laps)
    own_sectors = _bests_by_racer(entries)
    rows = [_row(standing, racers, best_lap_ms, own_sectors[standing.racer], best_sectors) for standing in standings]
    ranked = {standing.racer for standing in standings}
    newest = max(entries, key=lambda entry: entry.newness).racer if entries else None
    return Board(
        race=race,
        version=race.version,
        rows=rows,
        unranked=_unranked([entry for entry in entries if entry.racer not in ranked], racers),
        best_lap_ms=best_lap_ms,
        pending=pending(session, race),
        newest=next((row for row in rows if row.standing.racer == newest), None),
        freeze=freeze,
        teams=race_teams.ranked(session, race, standings),
    )


def _disqualified(session: Session, race: Race, *, whole: bool) -> list[Disqualified]:
    """The runs that were disqualified; of those whose results are not public yet nothing is told, unless `whole`."""
    query = (
        select(Submission, Racer)
        .join(Evaluation, col(Evaluation.id) == col(Submission.evaluation_id))
        .join(Racer, col(Racer.id) == col(Submission.racer_id))
        .where(Submission.race_id == race.id, col(Submission.disqualified_at).is_not(None))
    )
    if not whole:
        query = query.where(publishing.is_public())
    newest_first = query.order_by(col(Submission.disqualified_at).desc(), col(Submission.id).desc())
    return [
        Disqualified(racer, submission.public_id, submission.disqualified_for or "")
        for submission, racer in session.exec(newest_first)
    ]


def _racers(session: Session, race: Race) -> dict[object, Racer]:
    entered = select(Submission.racer_id).where(Submission.race_id == race.id)
    return {racer.id: racer for racer in session.exec(select(Racer).where(col(Racer.id).in_(entered)))}


def _bests_by_racer(entries: Sequence[Entry]) -> dict[object, Bests]:
    laps: dict[object, list[LapTime]] = defaultdict(list)
    for entry in entries:
        laps[entry.racer] += entry.laps
    return {racer: sectors.bests(driven) for racer, driven in laps.items()}


def _row(
    standing: Standing, racers: dict[object, Racer], best_lap_ms: int | None, own_sectors: Bests, best_sectors: Bests
) -> Row:
    return Row(
        standing=standing,
        racer=racers[standing.racer],
        holds_best_lap=standing.best_lap_ms == best_lap_ms,
        last_mark=lap_mark(standing.last_lap, standing.best_lap_ms, best_lap_ms),
        last_sectors=sectors.marked(standing.last_lap, own_sectors, best_sectors),
    )


def _unranked(entries: Sequence[Entry], racers: dict[object, Racer]) -> list[Unranked]:
    runs: dict[object, list[Entry]] = defaultdict(list)
    for entry in entries:
        runs[entry.racer].append(entry)
    rows = [
        Unranked(racers[racer], len(driven), max(longest_run_of_laps(entry.laps) for entry in driven))
        for racer, driven in runs.items()
    ]
    return sorted(rows, key=lambda row: (-row.laps, row.racer.alias_key or "", row.racer.public_id))


def pending(session: Session, race: Race) -> int:
    """How many submissions of a race wait or drive; the car that a LIVE race shows for the first time still drives."""
    on_stage = exists().where(
        col(LiveRun.evaluation_id) == Evaluation.id,
        col(LiveRun.state).in_((LiveState.LAUNCHED, LiveState.DRIVING)),
        col(LiveRun.shown_at).is_(None),
    )
    to_be_seen = and_(col(Evaluation.state) == JobState.COMPLETED, on_stage)
    unfinished = or_(col(Evaluation.state).in_([JobState.QUEUED, JobState.RUNNING]), to_be_seen)
    entered = select(Submission.evaluation_id).where(Submission.race_id == race.id)
    query = select(func.count()).select_from(Evaluation).where(Evaluation.race_id == race.id, unfinished)
    return session.exec(query.where(col(Evaluation.id).in_(entered))).one()


def record_result(session: Session, evaluation: Evaluation, now: datetime) -> tuple[str, int, int] | None:
    """Raises the version of the race that a finished evaluation belongs to; called in the finishing transaction.

    Returns (the race's public id, its audience, its version) to be published after the commit; None where no race is
    concerned.
    Every call raises the version again: a page that is told twice draws the same rows twice.
    """
    if evaluation.race_id is None:
        return None
    raised = (
        update(Race)
        .where(col(Race.id) == evaluation.race_id)
        .values(version=col(Race.version) + 1)
        .returning(col(Race.public_id), col(Race.audience), col(Race.version))
        .execution_options(synchronize_session=False)
    )
    public_id, audience, version = session.exec(raised).one()
    race = session.get(Race, evaluation.race_id)
    if race is not None:
        session.refresh(race)
    return public_id, audience, version


def history(session: Session, racer: Racer, *, viewer: Racer | None) -> list[RacePlace]:
    """The races in which a racer has a finished run and that the viewer may see, the newest first."""
    entered = (
        select(Submission.race_id)
        .join(Evaluation, col(Evaluation.id) == col(Submission.evaluation_id))
        .where(Submission.racer_id == racer.id, Evaluation.state == JobState.COMPLETED, publishing.is_public())
    )
    query = select(Race).where(col(Race.id).in_(entered), races.visible_to(viewer))
    newest_first = query.order_by(col(Race.closes_at).desc(), col(Race.id).desc()).limit(HISTORY_LIMIT)
    return [_place_in(session, race, racer) for race in session.exec(newest_first)]


def _place_in(session: Session, race: Race, racer: Racer) -> RacePlace:
    board = for_race(session, race)
    own = board.row_of(racer)
    settled = not board.pending and board.freeze is None
    return RacePlace(race, own.standing if own else None, board.hidden + len(board.rows), settled)


def best_laps(session: Session, racer: Racer) -> list[BestLap]:
    """The racer's best complete lap on each track and direction, over the races that everybody may see."""
    query = (
        select(Evaluation.track, Evaluation.direction, func.min(Lap.time_ms))
        .join(Lap, col(Lap.evaluation_id) == col(Evaluation.id))
        .join(Race, col(Race.id) == col(Evaluation.race_id))
        .join(Submission, col(Submission.evaluation_id) == col(Evaluation.id))
        .where(
            Evaluation.racer_id == racer.id,
            Evaluation.state == JobState.COMPLETED,
            col(Submission.disqualified_at).is_(None),
            col(Lap.complete).is_(True),
            races.visible_to(None),
            publishing.is_public(),
        )
        .group_by(col(Evaluation.track), col(Evaluation.direction))
        .order_by(col(Evaluation.track), col(Evaluation.direction))
    )
    return [BestLap(*found) for found in session.exec(query)]
