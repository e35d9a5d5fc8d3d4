"""Trainings: started, watched, stopped."""

from __future__ import annotations

from flask import Blueprint, flash, jsonify, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, doorbell, hx, scope, training_parts
from portal.access import Permission, access
from portal.form_problems import errors_of
from portal.forms.model import limit_ms_of
from portal.forms.parsing import FormErrors
from portal.model_pages import ModelPages
from portal.rate_limits import limiter
from portal.rules import models, trainings
from portal.tables import JobKind, Model

pages = Blueprint("trainings", __name__)


@pages.post("/garage/models/<model_id>/train")
@access(Permission.GARAGE)
@limiter.limit("30 per minute")
def start(model_id: str) -> Response | tuple[str, int]:
    """Trains a model with the stop time that the form says, else with its own."""
    model = models.get_own(scope.reading(), scope.me(), model_id)
    try:
        limit_ms = limit_ms_of(request.form.get("minutes", "")) if "minutes" in request.form else None
    except FormErrors as problem:
        return _not_started(model, problem)
    with scope.writing() as session:
        if limit_ms is not None:
            models.set_limit(session, model, by=scope.me(), training_limit_ms=limit_ms)
        run = trainings.request(session, model, by=scope.me(), now=clock.now())
    doorbell.ring(scope.redis(), JobKind.TRAINING, run.id or 0, run.attempt)
    return hx.redirect(url_for("models.show", model_id=model_id))


def _not_started(model: Model, problem: FormErrors) -> tuple[str, int]:
    errors, status = errors_of(problem)
    context = training_parts.tab(ModelPages(model), None) | {
        "minutes": request.form.get("minutes", ""),
        "errors": errors,
    }
    return render_template("models/show.html", **context), status


@pages.get("/garage/trainings/<run_id>/stop")
@access(Permission.GARAGE)
def ask_stop(run_id: str) -> str:
    session = scope.reading()
    run = trainings.get_own(session, scope.me(), run_id)
    return render_template("trainings/stop.html", run=run, model=models.of_run(session, run))


@pages.post("/garage/trainings/<run_id>/stop")
@access(Permission.GARAGE)
def stop(run_id: str) -> Response:
    with scope.writing() as session:
        run = trainings.get_own(session, scope.me(), run_id)
        asked = trainings.stop(session, run, by=scope.me(), now=clock.now())
        model = models.of_run(session, run)
    flash(_("The training stops and keeps what it has learned.") if asked else _("This training is over."), "success")
    return hx.redirect(url_for("models.show", model_id=model.public_id))


@pages.get("/garage/trainings/<run_id>/points")
@access(Permission.GARAGE)
def points(run_id: str) -> Response:
    """The graph and a drive as JSON, for the page's script."""
    run = trainings.get_own(scope.reading(), scope.me(), run_id)
    return jsonify(training_parts.graph_of(run))
