"""Submissions: my own in a race, and one result."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from portal import clock, headers, hx, scope
from portal.access import Permission, access
from portal.rules import publishing, races, reruns, standings, submission_files, submissions
from portal.rules.ranking import best_lap_ms
from portal.rules.standings import LapMark, LapTime, Row, lap_mark
from portal.rules.submissions import Entered
from portal.tables import Lap

pages = Blueprint("submissions", __name__)


@pages.get("/races/<race_id>/submissions")
@access(Permission.RACER)
def index(race_id: str) -> Response:
    race = races.get_visible(scope.reading(), scope.me(), race_id)
    entered = submissions.of_racer(scope.reading(), race, scope.me())
    waits = submissions.waits(scope.reading(), entered, now=clock.now())
    return hx.render("submissions/index.html", "submissions/_mine.html", race=race, entered=entered, waits=waits)


@pages.get("/races/<race_id>/submissions/<submission_id>")
@access(Permission.PUBLIC)
def show(race_id: str, submission_id: str) -> Response:
    session, visitor = scope.reading(), scope.visitor()
    race = races.get_visible(session, visitor, race_id)
    entered = submissions.get_visible(session, race, submission_id, viewer=visitor)
    board = standings.for_race(session, race)
    racer = submissions.racer_of(session, entered.submission)
    own = visitor is not None and visitor.id == racer.id
    row = board.row_of(racer)
    response = hx.render(
        "submissions/show.html",
        "submissions/_result.html",
        race=race,
        entered=entered,
        racer=racer,
        own=own,
        row=row,
        published=publishing.is_published(session, entered.evaluation),
        counts=row is not None and row.standing.submission == entered.submission.public_id,
        laps=_marked(entered, row, board.best_lap_ms),
        waits=submissions.waits(session, [entered], now=clock.now()),
        may_change=races.may_change(race, visitor),
        may_have_weights=submission_files.may_have_weights(entered.submission, visitor),
        may_rerun=reruns.may_ask(race, entered.submission, visitor),
        rerun=reruns.of(session, entered.submission),
    )
    return headers.fresh(response)


def _marked(entered: Entered, row: Row | None, overall_ms: int | None) -> list[tuple[Lap, LapMark | None]]:
    """The laps, each with what it is beside the racer's best and the race's best."""
    personal_ms = row.standing.best_lap_ms if row else best_lap_ms(entered.laps)
    return [
        (lap, lap_mark(LapTime(lap.time_ms, lap.resets, lap.complete), personal_ms, overall_ms)) for lap in entered.laps
    ]
