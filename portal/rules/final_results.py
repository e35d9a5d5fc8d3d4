"""When the standings of a race are final: it has closed, nothing drives any more, and everything was revealed."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from portal.rules import races, standings
from portal.rules.broken import Code, RuleBroken
from portal.rules.races import RaceState
from portal.rules.standings import Board, Row
from portal.tables import Race, Racer


def why_not_final(race: Race, board: Board, now: datetime) -> str:
    """Why the standings may still change; empty where they are final."""
    if races.state(race, now) is not RaceState.CLOSED:
        return "The race has not closed yet."
    if board.pending:
        return "Submissions still wait or drive."
    return "The standings are still to be revealed." if board.freeze is not None else ""


def final_row(session: Session, race: Race, racer: Racer, *, now: datetime) -> tuple[Board, Row]:
    """The final standings and a racer's row in them. Raises RuleBroken: conflict (not final), missing (not ranked)."""
    board = final_board(session, race, now=now)
    row = board.row_of(racer)
    if row is None:
        raise RuleBroken(Code.MISSING, "This racer is not ranked in this race.")
    return board, row


def final_board(session: Session, race: Race, *, now: datetime) -> Board:
    """The final standings. Raises RuleBroken (conflict) while they may still change."""
    board = standings.for_race(session, race)
    reason = why_not_final(race, board, now)
    if reason:
        raise RuleBroken(Code.CONFLICT, f"{reason} Certificates are there when the standings are final.")
    return board
