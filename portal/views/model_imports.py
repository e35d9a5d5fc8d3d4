"""An archive into the racer's own garage: uploaded, looked at, and brought in."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal import garage_parts, hx, import_parts, scope, waiting_imports
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.rate_limits import limiter
from portal.rules import ledger, sponsorship
from portal.rules.broken import RuleBroken
from portal.waiting_imports import Waiting

pages = Blueprint("model_imports", __name__)
Answer = Response | tuple[str, int]
ADDRESS = "/garage/models/import/<string(length=16):token>"


@pages.get("/garage/models/import")
@access(Permission.GARAGE)
def new() -> tuple[str, int]:
    return _form()


@pages.post("/garage/models/import")
@access(Permission.GARAGE)
@limiter.limit(import_parts.PER_MINUTE)
def create() -> Answer:
    """Who may not import is refused before anything is unpacked."""
    try:
        token = import_parts.check_upload(request.files.get("archive"))
    except RuleBroken as problem:
        return _form(problem)
    return hx.redirect(url_for("model_imports.show", token=token))


@pages.get(ADDRESS)
@access(Permission.GARAGE)
def show(token: str) -> tuple[str, int]:
    held = import_parts.waiting(token)
    values = MultiDict({"track": import_parts.home_of(held), "direction": str(held.model.direction)})
    return _found(held, values)


@pages.post(ADDRESS)
@access(Permission.GARAGE)
def bring_in(token: str) -> Answer:
    held, values = import_parts.waiting(token), request.form
    try:
        model = import_parts.from_waiting(
            held, values.get("name", ""), values.get("track", ""), values.get("direction", "")
        )
    except RuleBroken as problem:
        return _found(held, values, problem)
    flash(_("%(name)s is in your garage.", name=model.name), "success")
    return hx.redirect(url_for("models.show", model_id=model.public_id))


@pages.post(f"{ADDRESS}/forget")
@access(Permission.GARAGE)
def forget(token: str) -> Response:
    waiting_imports.forget(import_parts.waiting(token))
    return hx.redirect(url_for("garage.index"))


def _form(problem: Problem | None = None) -> tuple[str, int]:
    errors, status = errors_of(problem)
    session, racer = scope.reading(), scope.me()
    page = render_template(
        "models/import.html",
        errors=errors,
        refusal=sponsorship.refusal(session, racer),
        maximum_models=ledger.account_of(session, racer).maximum_models,
        most_mb=import_parts.MOST_MB,
    )
    return page, status


def _found(held: Waiting, values: MultiDict[str, str], problem: Problem | None = None) -> tuple[str, int]:
    errors, status = errors_of(problem)
    page = render_template(
        "models/import_found.html",
        held=held,
        car=garage_parts.car_facts(held.model.car.to_metadata()),
        track_title=garage_parts.track_title(held.model.track_name),
        tracks=garage_parts.tracks_by_length(),
        values=values,
        errors=errors,
    )
    return page, status
