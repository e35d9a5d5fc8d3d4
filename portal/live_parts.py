"""What the pages of a LIVE race show: the state as JSON, and the drive in pieces that come in their time."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from threading import Lock
from typing import Any

from flask_babel import get_locale
from sqlmodel import Session

from portal import clock, commentary, evaluation_parts, scope
from portal.commentary import Line, Rivals
from portal.replay_parts import timed_laps
from portal.rules import drives, live_stage, sectors, standings, submissions
from portal.rules.broken import Code, RuleBroken
from portal.rules.ranking import best_lap_ms
from portal.tables import Evaluation, LiveRace, LiveRun, LiveState, Race
from sim.trace import STEPS_PER_SECOND, DriveTrace

PIECE_S = 10
PIECE_ROWS = round(PIECE_S * STEPS_PER_SECOND)
AHEAD_MS = 10_000
"""How much of the drive is given out before its time, so that pictures do not stop: the end is not known earlier."""


def state(session: Session, race: Race, live: LiveRace) -> dict[str, Any]:
    """What every spectator knows: the stage, the queue, the winner. Moments in ms since 1970."""
    winner = standings.for_race(session, race).rows[:1] if live.winner_id else []
    return {
        "server_ms": _ms(clock.now()),
        "version": live.version,
        "entries_open": live.entries_open,
        "limit_ms": live.run_limit_ms,
        "stage": _stage(session, live),
        "queue": [racer.alias for _, racer in live_stage.queue(session, race)],
        "winner": {"alias": winner[0].racer.alias, "time_ms": winner[0].standing.result_ms} if winner else None,
    }


def _stage(session: Session, live: LiveRace) -> dict[str, Any] | None:
    run = live_stage.stage_run(session, live)
    if run is None:
        return None
    evaluation = live_stage.evaluation_of(session, run)
    finished = run.state == LiveState.FINISHED
    return {
        "run": run.public_id,
        "state": run.state,
        "alias": live_stage.racer_of(session, run).alias,
        "colour": live_stage.model_of(session, run).car_colour,
        "message": run.message,
        "countdown_ends_ms": _ms(run.countdown_ends_at),
        "anchor_at_ms": _ms(run.anchor_at),
        "anchor_ms": run.anchor_ms,
        "speed_percent": run.speed_percent,
        "drive_ms": run.drive_ms if finished else None,
        "best_lap_ms": evaluation.best_lap_ms if finished and evaluation else None,
    }


def _ms(moment: datetime | None) -> int | None:
    return round(moment.timestamp() * 1000) if moment else None


def piece(session: Session, race: Race, run: LiveRun, number: int) -> dict[str, Any]:
    """Ten seconds of a drive from `number` times ten on, with what is said of them.

    One row more than that, so that cars move from piece to piece. Raises RuleBroken: missing, conflict (not yet).
    """
    evaluation = live_stage.evaluation_of(session, run)
    if evaluation is None or run.state not in (LiveState.DRIVING, LiveState.FINISHED):
        raise RuleBroken(Code.CONFLICT, "This car does not drive yet.")
    ahead = AHEAD_MS * max(1, run.speed_percent // 100)
    if number * PIECE_S * 1000 > live_stage.position_ms(run, clock.now()) + ahead:
        raise RuleBroken(Code.CONFLICT, "This part is still to be driven.")
    told = _told(session, race, evaluation)
    begin, end = number * PIECE_ROWS, (number + 1) * PIECE_ROWS
    rows = told.trace.rows[begin : end + 1]
    if not len(rows):
        raise RuleBroken(Code.MISSING, "The drive is shorter.")
    last = end >= len(told.trace.rows)
    until_ms = (number + 1) * PIECE_S * 1000
    lines = [line for line in told.lines if number * PIECE_S * 1000 <= line.ms and (last or line.ms < until_ms)]
    return {
        "number": number,
        "last": last,
        "drive": base64.b64encode(DriveTrace(rows).to_bytes()).decode(),
        "lines": [asdict(line) for line in lines],
    }


class _Told:
    """A drive and all that is said of it."""

    def __init__(self, trace: DriveTrace, lines: Sequence[Line]) -> None:
        self.trace = trace
        self.lines = lines


def _told(session: Session, race: Race, evaluation: Evaluation) -> _Told:
    """Made once for all who watch: anew only if the drive or the race's results changed."""
    path = evaluation_parts.drive_path(evaluation)
    name = drives.racer_of(session, evaluation).alias or ""
    key = (path, path.stat().st_mtime_ns, race.id, race.version, name, str(get_locale()))
    told = _kept.get(key)
    if told is None:
        told = _tell(session, race, evaluation, DriveTrace.from_bytes(path.read_bytes()), name)
        with _kept_lock:
            while len(_kept) >= _KEPT_DRIVES:
                del _kept[next(iter(_kept))]
            _kept[key] = told
    return told


_kept: dict[tuple[Any, ...], _Told] = {}
_kept_lock = Lock()
_KEPT_DRIVES = 8


def _tell(session: Session, race: Race, evaluation: Evaluation, trace: DriveTrace, name: str) -> _Told:
    entered = submissions.of_evaluation(session, race, evaluation)
    others = [
        lap
        for entry in standings.entries_of(session, race, whole=False)
        if entry.submission != entered.submission.public_id
        for lap in entry.laps
    ]
    rivals = Rivals(best_lap_ms(others), sectors.bests(others))
    return _Told(trace, commentary.lines_of(trace, timed_laps(entered, trace), name, rivals))


def visitor_run(race: Race) -> LiveRun | None:
    """The visitor's own car that waits, if any."""
    visitor = scope.visitor()
    waiting = live_stage.queue(scope.reading(), race) if visitor else []
    return next((run for run, racer in waiting if visitor and racer.id == visitor.id), None)
