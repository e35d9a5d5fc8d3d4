"""What may be watched again: the finished submissions of a race, and which others may be a ghost beside one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from portal.rules import freezing, publishing, sectors, standings, submissions
from portal.rules.broken import Code, RuleBroken
from portal.rules.lap_marks import LapMark, lap_mark
from portal.rules.ranking import Entry, LapTime, best_lap_ms
from portal.rules.sectors import Sector
from portal.rules.submissions import Entered
from portal.tables import Evaluation, JobState, Race, Racer, Submission

GHOSTS_SHOWN = 200
"""Others to choose from, the newest first; any other is a ghost by its address."""


@dataclass(frozen=True, slots=True)
class Ghost:
    """A run that may be drawn beside another."""

    submission: Submission
    racer: Racer
    total_ms: int | None
    best_lap_ms: int | None


@dataclass(frozen=True, slots=True)
class ReplayedLap:
    """One lap as the replay's table shows it."""

    number: int
    lap: LapTime
    mark: LapMark | None
    sectors: tuple[Sector, ...]


def get(session: Session, race: Race, public_id: str, *, viewer: Racer | None) -> Entered:
    """A driven submission of the race that the viewer may see. Raises RuleBroken (missing) for every other."""
    entered = submissions.get(session, race, public_id)
    freezing.require_visible(session, race, entered.evaluation, viewer)
    if entered.state is not JobState.COMPLETED:
        raise RuleBroken(Code.MISSING, "There is no drive of this submission to replay.")
    return entered


def ghosts(session: Session, race: Race, beside: Submission) -> list[Ghost]:
    """The other runs of the race that everybody sees, newest first."""
    query = (
        select(Submission, Racer, Evaluation)
        .join(Racer, col(Racer.id) == col(Submission.racer_id))
        .join(Evaluation, col(Evaluation.id) == col(Submission.evaluation_id))
        .where(
            Submission.race_id == race.id,
            Evaluation.state == JobState.COMPLETED,
            publishing.is_public(),
            col(Evaluation.artefact).is_not(None),
            Submission.id != beside.id,
        )
        .order_by(col(Submission.id).desc())
        .limit(GHOSTS_SHOWN)
    )
    return [
        Ghost(submission, racer, evaluation.total_ms, evaluation.best_lap_ms)
        for submission, racer, evaluation in session.exec(query)
    ]


def marked_laps(entries: Sequence[Entry], entered: Entered, laps: Sequence[LapTime]) -> list[ReplayedLap]:
    """The laps of one submission, each beside its racer's best and the best of all entries of the race."""
    others = [lap for entry in entries if entry.racer == entered.submission.racer_id for lap in entry.laps]
    own = [*laps, *others]
    everybody = [*own, *(lap for entry in entries for lap in entry.laps)]
    personal, overall = sectors.bests(own), sectors.bests(everybody)
    return [
        ReplayedLap(
            number, lap, lap_mark(lap, best_lap_ms(own), best_lap_ms(everybody)), sectors.marked(lap, personal, overall)
        )
        for number, lap in enumerate(laps, start=1)
    ]


def entries_of(session: Session, race: Race) -> list[Entry]:
    """The entries beside which laps are marked: those that everybody sees."""
    return standings.entries_of(session, race, whole=False)
