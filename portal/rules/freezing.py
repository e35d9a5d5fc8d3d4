"""Freezing the public standings before the end, and revealing the places one by one from the last up."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session

from portal.rules import audit, publishing, races, standings
from portal.rules.broken import Code, RuleBroken
from portal.rules.races import RaceState
from portal.rules.standings import Board, Row
from portal.tables import Evaluation, JobState, Race, RaceFreeze, Racer

LONGEST_MINUTES = 7 * 24 * 60


def plan(session: Session, race: Race, *, by: Racer, now: datetime, minutes: int | None) -> RaceFreeze:
    """Freezes the standings so many minutes before the race closes; now, with None.

    Raises RuleBroken: forbidden, conflict (the race is over, or the reveal has begun), invalid (that moment is over, or
    before the race opens).
    """
    race = races.hold_own(session, race, by)
    if races.state(race, now) is RaceState.CLOSED:
        raise RuleBroken(Code.CONFLICT, "This race is closed: everybody has seen its standings.")
    freeze = session.get(RaceFreeze, race.id)
    if freeze is not None and freeze.ended_at is None and publishing.is_frozen(freeze, now):
        raise RuleBroken(Code.CONFLICT, "The standings are frozen already.")
    at = now if minutes is None else race.closes_at - timedelta(minutes=minutes)
    _check(race, at, now)
    if freeze is None:
        freeze = RaceFreeze(race_id=race.id or 0, freezes_at=at)
    freeze.freezes_at, freeze.ended_at, freeze.reveal_began_at, freeze.revealed = at, None, None, 0
    _keep(session, race, freeze)
    audit.record(session, "race.freeze", races.subject(race), by=by, now=now, after={"freezes_at": at.isoformat()})
    return freeze


def _check(race: Race, at: datetime, now: datetime) -> None:
    if at < race.opens_at:
        raise RuleBroken(Code.INVALID, "That is before the race opens. Write fewer minutes.", "minutes")
    if at < now:
        message = "That moment is over: what came since has been seen. Write fewer minutes, or freeze now."
        raise RuleBroken(Code.INVALID, message, "minutes")


def lift(session: Session, race: Race, *, by: Racer, now: datetime) -> bool:
    """Shows everything at once, or takes a plan back. False where nothing was frozen or planned."""
    race = races.hold_own(session, race, by)
    freeze = publishing.freeze_of(session, race)
    if freeze is None:
        return False
    freeze.ended_at = now
    _keep(session, race, freeze)
    audit.record(session, "race.freeze_lifted", races.subject(race), by=by, now=now)
    return True


def reveal(session: Session, race: Race, *, by: Racer, now: datetime, after: int) -> Row | None:
    """Shows the public one more place, from the last up; with the first place the freeze ends.

    `after` is how many were revealed when the button was shown: pressed twice, it reveals once (None the second time).
    Raises RuleBroken: forbidden, conflict (nothing is frozen, the race goes on, or submissions still drive).
    """
    race = races.hold_own(session, race, by)
    freeze = publishing.freeze_of(session, race)
    if freeze is None or not publishing.is_frozen(freeze, now):
        raise RuleBroken(Code.CONFLICT, "The standings are not frozen: there is nothing to reveal.")
    if races.state(race, now) is not RaceState.CLOSED:
        raise RuleBroken(Code.CONFLICT, "The race still goes on. Close it, then reveal its standings.")
    board = standings.for_race(session, race, whole=True)
    if board.pending:
        raise RuleBroken(Code.CONFLICT, "Submissions still wait or drive. Reveal the standings when they are done.")
    if freeze.revealed != after:
        return None
    row = next_row(board, freeze)
    freeze.revealed += 1
    freeze.reveal_began_at = freeze.reveal_began_at or now
    if freeze.revealed >= len(board.rows):
        freeze.ended_at = now
    _keep(session, race, freeze)
    place = row.standing.place if row else None
    audit.record(session, "race.reveal", races.subject(race), by=by, now=now, after={"place": place})
    return row


def require_visible(session: Session, race: Race, evaluation: Evaluation, viewer: Racer | None) -> None:
    """Raises RuleBroken (missing) where this result is hidden from the viewer: as if it did not exist yet.

    Racers see their own results (of a LIVE race when the broadcast has shown them), the organizer and administrators
    all of them, the public what was revealed.
    """
    if publishing.is_published(session, evaluation) or races.may_change(race, viewer):
        return
    is_own = viewer is not None and viewer.id == evaluation.racer_id
    if is_own and (evaluation.state != JobState.COMPLETED or publishing.is_shown(session, evaluation)):
        return
    shown = standings.for_race(session, race)
    if shown.freeze is not None and shown.freeze.reveal_began_at is not None:
        hidden = standings.for_race(session, race, whole=True).rows[: shown.hidden]
        if evaluation.racer_id not in {row.racer.id for row in hidden}:
            return
    raise RuleBroken(Code.MISSING, "There is nothing here before everybody may see it.")


def next_row(board: Board, freeze: RaceFreeze) -> Row | None:
    """The row that is revealed next of the whole standings; None when nobody is left."""
    left = len(board.rows) - freeze.revealed
    return board.rows[left - 1] if left > 0 else None


def _keep(session: Session, race: Race, freeze: RaceFreeze) -> None:
    """Stores the freeze, and raises the version so that open pages show what is public now."""
    race.version += 1
    session.add(freeze)
    session.add(race)
    session.flush()
