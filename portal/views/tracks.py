"""Tracks: the gallery, one track with its facts, and its outline for canvases."""

from __future__ import annotations

from flask import Blueprint, jsonify, render_template, request
from werkzeug.wrappers import Response

from portal import drawing, garage_parts, scope
from portal.access import Permission, access
from portal.rules.broken import Code, RuleBroken
from sim.track import Direction, Track, TrackError

pages = Blueprint("tracks", __name__)

OUTLINE_KEPT_S = 300


@pages.get("/tracks")
@access(Permission.PUBLIC)
def index() -> str:
    tracks = garage_parts.tracks_by_length()
    pictures = {track.name: drawing.track_picture(track) for track in tracks}
    return render_template("tracks/index.html", tracks=tracks, pictures=pictures)


@pages.get("/tracks/<name>")
@access(Permission.PUBLIC)
def show(name: str) -> str:
    track = _track(name)
    pictures = {direction: drawing.track_picture(track, direction) for direction in Direction}
    return render_template(
        "tracks/show.html", track=track, pictures=pictures, shipped=scope.tracks().is_shipped(track.name)
    )


@pages.get("/tracks/<name>/outline")
@access(Permission.PUBLIC)
def outline(name: str) -> Response:
    """The borders as JSON, in the order in which a car meets them: what canvases draw."""
    wanted = request.args.get("direction", Direction.COUNTERCLOCKWISE.value)
    if wanted not in list(Direction):
        raise RuleBroken(Code.INVALID, "The direction is counterclockwise or clockwise.")
    response = jsonify(_track(name).driven(Direction(wanted)).outline())
    response.headers["Cache-Control"] = f"public, max-age={OUTLINE_KEPT_S}"
    return response


def _track(name: str) -> Track:
    try:
        return scope.tracks().get(name)
    except TrackError as error:
        raise RuleBroken(Code.MISSING, f"{str(error)[:1].upper()}{str(error)[1:]}") from None
