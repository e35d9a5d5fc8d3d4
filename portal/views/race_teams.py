"""My team in a race: made, joined by its code, left."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, hx, live, scope
from portal.access import Permission, access
from portal.form_problems import errors_of
from portal.forms.parsing import FormErrors, parse
from portal.forms.race_community import TeamCodeForm, TeamForm
from portal.rate_limits import limiter
from portal.rules import race_teams, races
from portal.rules.broken import RuleBroken
from portal.tables import Race

pages = Blueprint("race_teams", __name__)

Answer = Response | tuple[str, int]


@pages.get("/races/<race_id>/team")
@access(Permission.RACER)
def show(race_id: str) -> Answer:
    return _page(_visible(race_id))


@pages.post("/races/<race_id>/team")
@access(Permission.RACER)
@limiter.limit("60 per hour")
def make(race_id: str) -> Answer:
    race = _visible(race_id)
    try:
        name = parse(TeamForm, request.form).name
        with scope.writing() as session:
            team = race_teams.make(session, race, name, by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _page(race, problem)
    flash(_("%(team)s is made. Give its code to those who should join.", team=team.name), "success")
    return _done(race)


@pages.post("/races/<race_id>/team/join")
@access(Permission.RACER)
@limiter.limit("60 per hour")
def join(race_id: str) -> Answer:
    race = _visible(race_id)
    try:
        code = parse(TeamCodeForm, request.form).code
        with scope.writing() as session:
            team = race_teams.join(session, race, code, by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _page(race, problem)
    flash(_("You drive for %(team)s now.", team=team.name), "success")
    return _done(race)


@pages.post("/races/<race_id>/team/leave")
@access(Permission.RACER)
def leave(race_id: str) -> Answer:
    race = _visible(race_id)
    try:
        with scope.writing() as session:
            team = race_teams.leave(session, race, by=scope.me(), now=clock.now())
    except RuleBroken as problem:
        return _page(race, problem)
    if team is not None:
        flash(_("You have left %(team)s. Its code lets you in again.", team=team.name), "success")
    return _done(race)


def _visible(race_id: str) -> Race:
    return races.get_visible(scope.reading(), scope.me(), race_id)


def _done(race: Race) -> Response:
    channel = live.race_channel(race.public_id, race.audience)
    live.publish(scope.redis(), channel, "standings", {"version": race.version})
    return hx.redirect(url_for("race_teams.show", race_id=race.public_id))


def _page(race: Race, problem: FormErrors | RuleBroken | None = None) -> Answer:
    errors, status = errors_of(problem)
    page = render_template(
        "races/team.html",
        race=race,
        mine=race_teams.mine(scope.reading(), race, scope.me()),
        state=races.state(race, clock.now()),
        values=request.form,
        errors=errors,
    )
    return page, status
