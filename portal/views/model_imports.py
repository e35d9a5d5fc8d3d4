"""A racer's own archive, back into the garage."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import hx, import_parts, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.rate_limits import limiter
from portal.rules import ledger, sponsorship
from portal.rules.broken import RuleBroken

pages = Blueprint("model_imports", __name__)
Answer = Response | tuple[str, int]


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
        model = import_parts.from_upload(scope.me(), request.files.get("archive"), request.form.get("name", ""))
    except RuleBroken as problem:
        return _form(problem)
    flash(_("%(name)s is in your garage.", name=model.name), "success")
    return hx.redirect(url_for("models.show", model_id=model.public_id))


def _form(problem: Problem | None = None) -> tuple[str, int]:
    errors, status = errors_of(problem)
    session, racer = scope.reading(), scope.me()
    page = render_template(
        "models/import.html",
        values=request.form,
        errors=errors,
        refusal=sponsorship.refusal(session, racer),
        maximum_models=ledger.account_of(session, racer).maximum_models,
        most_mb=import_parts.MOST_MB,
    )
    return page, status
