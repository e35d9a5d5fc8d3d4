"""A racer's public profile."""

from __future__ import annotations

from flask import Blueprint, render_template

from portal import clock, garage_parts, scope
from portal.access import Permission, access
from portal.rules import racers, standings
from portal.rules.broken import Code, RuleBroken

pages = Blueprint("racers", __name__)


@pages.get("/racers/<alias>")
@access(Permission.PUBLIC)
def show(alias: str) -> str:
    session = scope.reading()
    racer = racers.find_by_alias(session, alias)
    if racer is None:
        raise RuleBroken(Code.MISSING, "There is no racer with this alias.")
    history = standings.history(session, racer, viewer=scope.visitor())
    best_laps = standings.best_laps(session, racer)
    return render_template(
        "racers/show.html",
        racer=racer,
        history=history,
        now=clock.now(),
        best_laps=best_laps,
        titles=garage_parts.track_titles({best.track for best in best_laps}),
        wins=sum(race.place == 1 for race in history),
        podiums=sum(race.place is not None and race.place <= 3 for race in history),
    )
