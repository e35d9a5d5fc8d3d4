"""Replays: a submission's drive again, beside another, and as a picture to keep."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, make_response, render_template, request, send_file
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import drive_pictures, evaluation_parts, headers, replay_parts, scope
from portal.access import Permission, access
from portal.drive_pictures import DrawingBusy
from portal.rate_limits import limiter
from portal.rules import races, replays
from portal.rules.broken import Code, RuleBroken
from portal.rules.submissions import Entered
from portal.tables import Race
from sim.trace import DriveTrace
from sim.track import Direction, Track, TrackError

pages = Blueprint("replays", __name__)

KEPT_S = 3600
LONGEST_LAP_NUMBER = 3


@pages.get("/races/<race_id>/replay/<submission_id>")
@access(Permission.PUBLIC)
def show(race_id: str, submission_id: str) -> Response:
    race, entered = _found(race_id, submission_id)
    wanted = request.args.get("ghost", "")
    ghost = replays.get(scope.reading(), race, wanted, viewer=scope.visitor()) if wanted else None
    return headers.fresh(render_template("replays/show.html", **replay_parts.page(race, entered, ghost)))


@pages.get("/races/<race_id>/replay/<submission_id>/drive")
@access(Permission.PUBLIC)
def drive(race_id: str, submission_id: str) -> Response:
    """The drive as bytes, in the layout of `sim.trace.DriveTrace`."""
    _race, entered = _found(race_id, submission_id)
    path = evaluation_parts.drive_path(entered.evaluation)
    return _kept(send_file(path, mimetype="application/octet-stream"))


@pages.get("/races/<race_id>/replay/<submission_id>/picture.png")
@access(Permission.PUBLIC)
@limiter.limit("60 per minute")
def picture(race_id: str, submission_id: str) -> Response:
    race, entered = _found(race_id, submission_id)
    track, trace = _drawn(race, entered)
    return _sent("picture.png", "image/png", lambda: drive_pictures.still(track, Direction(race.direction), trace))


@pages.get("/races/<race_id>/replay/<submission_id>/lap-<lap>.gif")
@access(Permission.PUBLIC)
@limiter.limit("20 per minute")
def clip(race_id: str, submission_id: str, lap: str) -> Response:
    race, entered = _found(race_id, submission_id)
    if not (lap.isdecimal() and len(lap) <= LONGEST_LAP_NUMBER and 1 <= int(lap) <= len(entered.laps)):
        raise RuleBroken(Code.MISSING, "There is no such lap.")
    track, trace = _drawn(race, entered)
    return _sent(
        f"lap-{int(lap)}.gif",
        "image/gif",
        lambda: drive_pictures.clip(track, Direction(race.direction), trace, int(lap)),
    )


def _found(race_id: str, submission_id: str) -> tuple[Race, Entered]:
    race = races.get_visible(scope.reading(), scope.visitor(), race_id)
    return race, replays.get(scope.reading(), race, submission_id, viewer=scope.visitor())


def _drawn(race: Race, entered: Entered) -> tuple[Track, DriveTrace]:
    """What a picture is made of. Raises RuleBroken (missing) where the drive or the track is here no more."""
    trace = evaluation_parts.trace_of(entered.evaluation)
    try:
        track = scope.tracks().get(race.track)
    except TrackError:
        track = None
    if trace is None or track is None or not len(trace.rows):
        raise RuleBroken(Code.MISSING, "There is no drive to draw.")
    return track, trace


def _sent(name: str, mimetype: str, draw: Callable[[], bytes]) -> Response:
    try:
        response = make_response(draw())
    except DrawingBusy:
        abort(503, _("Many want pictures at this moment. Try again in a few seconds."))
    response.mimetype = mimetype
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return _kept(response)


def _kept(response: Response) -> Response:
    """What was driven does not change; but whoever loses sight of the race loses it too, so only browsers keep it."""
    response.headers["Cache-Control"] = f"private, max-age={KEPT_S}"
    return response
