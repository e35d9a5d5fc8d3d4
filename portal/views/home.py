"""The start page: what is on now, what comes, what is over, and what Paddock is."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from portal import clock, headers, hx, scope
from portal.access import Permission, access
from portal.race_parts import track_of
from portal.rules import race_lists, standings
from portal.rules.races import RaceState

pages = Blueprint("home", __name__)

OPEN_SHOWN = 6
OTHERS_SHOWN = 5


@pages.get("/")
@access(Permission.PUBLIC)
def show() -> Response:
    session, visitor, now = scope.reading(), scope.visitor(), clock.now()
    on_now, upcoming, over = (
        race_lists.in_state(session, visitor, state, now=now, limit=limit)
        for state, limit in (
            (RaceState.OPEN, OPEN_SHOWN),
            (RaceState.UPCOMING, OTHERS_SHOWN),
            (RaceState.CLOSED, OTHERS_SHOWN),
        )
    )
    boards = {listed.race.id: standings.for_race(session, listed.race) for listed in (*on_now, *over)}
    tracks = {listed.race.id: track_of(listed.race) for listed in on_now}
    response = hx.render(
        "home/show.html",
        "home/_now.html",
        on_now=on_now,
        upcoming=upcoming,
        over=over,
        boards=boards,
        tracks=tracks,
    )
    return headers.fresh(response)
