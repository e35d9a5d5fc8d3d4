"""Freezing the standings and revealing them: the organizer's page."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, hx, live, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.parsing import FormErrors, parse
from portal.forms.race_freeze import FreezeForm, RevealForm
from portal.rules import freezing, publishing, races, standings
from portal.rules.broken import RuleBroken
from portal.tables import Race

pages = Blueprint("race_freeze", __name__)

Answer = Response | tuple[str, int]
USUAL_MINUTES = 60


@pages.get("/races/<race_id>/freeze")
@access(Permission.RACER)
def show(race_id: str) -> Answer:
    return _page(_own(race_id))


@pages.post("/races/<race_id>/freeze")
@access(Permission.RACER)
def plan(race_id: str) -> Answer:
    race = _own(race_id)
    try:
        minutes = None if "now" in request.form else parse(FreezeForm, request.form).minutes
        with scope.writing() as session:
            freezing.plan(session, race, by=scope.me(), now=clock.now(), minutes=minutes)
    except (FormErrors, RuleBroken) as problem:
        return _page(race, problem)
    flash(
        _("The standings are frozen.") if minutes is None else _("The standings will freeze by themselves."), "success"
    )
    return _back(race_id)


@pages.post("/races/<race_id>/freeze/reveal")
@access(Permission.RACER)
def reveal(race_id: str) -> Answer:
    race = _own(race_id)
    try:
        after = parse(RevealForm, request.form).after
        with scope.writing() as session:
            row = freezing.reveal(session, race, by=scope.me(), now=clock.now(), after=after)
    except (FormErrors, RuleBroken) as problem:
        return _page(race, problem)
    if row is not None:
        name, place = row.racer.alias, row.standing.place
        flash(_("Everybody sees now: place %(place)s, %(name)s.", place=place, name=name), "success")
    return _back(race_id)


@pages.post("/races/<race_id>/freeze/lift")
@access(Permission.RACER)
def lift(race_id: str) -> Answer:
    race = _own(race_id)
    with scope.writing() as session:
        lifted = freezing.lift(session, race, by=scope.me(), now=clock.now())
    if lifted:
        flash(_("Everybody sees the whole standings."), "success")
    return _back(race_id)


def _own(race_id: str) -> Race:
    return races.get_own(scope.reading(), scope.me(), race_id)


def _back(race_id: str) -> Response:
    """Every open page of the race is told; the organizer sees what comes next."""
    race = _own(race_id)
    channel = live.race_channel(race.public_id, race.audience)
    live.publish(scope.redis(), channel, "standings", {"version": race.version})
    return hx.redirect(url_for("race_freeze.show", race_id=race_id))


def _page(race: Race, problem: Problem | None = None) -> tuple[str, int]:
    session, now = scope.reading(), clock.now()
    errors, status = errors_of(problem)
    board = standings.for_race(session, race, whole=True)
    freeze = publishing.freeze_of(session, race)
    page = render_template(
        "races/freeze.html",
        race=race,
        board=board,
        state=races.state(race, now),
        freeze=freeze,
        is_frozen=publishing.is_frozen(freeze, now),
        following=freezing.next_row(board, freeze) if freeze else None,
        values=request.form or {"minutes": USUAL_MINUTES},
        errors=errors,
        mine=None,
        now=now,
    )
    return page, status
