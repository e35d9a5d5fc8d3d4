"""Seasons: the list, the table, and what an organizer does."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal import clock, csv_export, headers, hx, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.parsing import FormErrors, parse
from portal.forms.season import SeasonForm
from portal.rate_limits import limiter
from portal.rules import seasons
from portal.rules.broken import RuleBroken
from portal.tables import Season

pages = Blueprint("seasons", __name__)

Answer = Response | tuple[str, int]


@pages.get("/seasons")
@access(Permission.PUBLIC)
def index() -> Response:
    found = seasons.listed(scope.reading(), scope.visitor())
    return headers.fresh(render_template("seasons/index.html", seasons=found))


@pages.get("/seasons/<season_id>")
@access(Permission.PUBLIC)
def show(season_id: str) -> Response:
    session, visitor = scope.reading(), scope.visitor()
    season = seasons.get_visible(session, visitor, season_id)
    table = seasons.table(session, season, viewer=visitor, now=clock.now())
    page = render_template(
        "seasons/show.html", season=season, table=table, may_change=seasons.may_change(season, visitor)
    )
    return headers.fresh(page)


@pages.get("/seasons/<season_id>/table.csv")
@access(Permission.PUBLIC)
def export(season_id: str) -> Response:
    session, visitor = scope.reading(), scope.visitor()
    season = seasons.get_visible(session, visitor, season_id)
    table = seasons.table(session, season, viewer=visitor, now=clock.now())
    header = ["place", "racer", "points", *(race.name for race in table.races)]
    rows = [
        [row.place, row.racer.alias, row.points, *(row.results.get(race.id or 0, ("",))[0] for race in table.races)]
        for row in table.rows
    ]
    return csv_export.response(f"season-{season.public_id}", header, rows)


@pages.get("/seasons/new")
@access(Permission.RACER)
def new() -> Answer:
    points = " ".join(str(number) for number in seasons.USUAL_POINTS)
    return _form(None, MultiDict({"points": points}))


@pages.post("/seasons")
@access(Permission.RACER)
@limiter.limit("60 per hour")
def create() -> Answer:
    try:
        details = parse(SeasonForm, request.form, lists=("races",)).details()
        with scope.writing() as session:
            season = seasons.create(session, scope.me(), details, now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _form(None, request.form, problem)
    flash(_("The season is made."), "success")
    return hx.redirect(url_for("seasons.show", season_id=season.public_id))


@pages.get("/seasons/<season_id>/edit")
@access(Permission.RACER)
def edit(season_id: str) -> Answer:
    season = seasons.get_own(scope.reading(), scope.me(), season_id)
    values = MultiDict(
        {
            "name": season.name,
            "description": season.description,
            "points": " ".join(str(number) for number in season.points),
        }
    )
    values.setlist("races", seasons.chosen_ids(scope.reading(), season, scope.me()))
    return _form(season, values)


@pages.post("/seasons/<season_id>/edit")
@access(Permission.RACER)
def save(season_id: str) -> Answer:
    season = seasons.get_own(scope.reading(), scope.me(), season_id)
    try:
        details = parse(SeasonForm, request.form, lists=("races",)).details()
        with scope.writing() as session:
            seasons.edit(session, season, details, by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _form(season, request.form, problem)
    flash(_("The season is changed."), "success")
    return hx.redirect(url_for("seasons.show", season_id=season_id))


@pages.get("/seasons/<season_id>/delete")
@access(Permission.RACER)
def ask_delete(season_id: str) -> str:
    return render_template("seasons/delete.html", season=seasons.get_own(scope.reading(), scope.me(), season_id))


@pages.post("/seasons/<season_id>/delete")
@access(Permission.RACER)
def delete(season_id: str) -> Response:
    season = seasons.get_own(scope.reading(), scope.me(), season_id)
    with scope.writing() as session:
        seasons.remove(session, season, by=scope.me(), now=clock.now())
    flash(_("The season %(name)s is deleted; its races stay.", name=season.name), "success")
    return hx.redirect(url_for("seasons.index"))


def _form(season: Season | None, values: MultiDict[str, str], problem: Problem | None = None) -> tuple[str, int]:
    errors, status = errors_of(problem)
    page = render_template(
        "seasons/form.html",
        season=season,
        values=values,
        chosen=set(values.getlist("races")),
        races=seasons.choices(scope.reading(), scope.me(), season),
        errors=errors,
    )
    return page, status
