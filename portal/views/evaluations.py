"""Evaluations: asked for, watched, replayed."""

from __future__ import annotations

from flask import Blueprint, render_template, request, send_file, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal import clock, doorbell, evaluation_parts, garage_parts, hx, model_tabs, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.evaluation import MOST_LAPS, EvaluationForm
from portal.forms.parsing import FormErrors, parse
from portal.model_pages import ModelPages
from portal.rate_limits import limiter
from portal.rules import drives, evaluations, ledger, models, race_objects, races, submissions
from portal.rules.broken import RuleBroken
from portal.tables import Evaluation, JobKind, Model

pages = Blueprint("evaluations", __name__)
Answer = Response | tuple[str, int]


@pages.get("/garage/models/<model_id>/evaluations")
@access(Permission.GARAGE)
def of_model(model_id: str) -> str:
    at = ModelPages(models.get_own(scope.reading(), scope.me(), model_id))
    return render_template("evaluations/of_model.html", **model_tabs.evaluated(at))


@pages.get("/garage/models/<model_id>/evaluate")
@access(Permission.GARAGE)
def new(model_id: str) -> tuple[str, int]:
    """The form; with `race` in the address it is filled with what is driven in that race."""
    model = models.get_own(scope.reading(), scope.me(), model_id)
    values = evaluation_parts.default_values(model)
    if "race" in request.args:
        race = races.get_visible(scope.reading(), scope.me(), request.args["race"])
        values = MultiDict(evaluation_parts.values_as_in(race))
    return _form(model, values)


@pages.post("/garage/models/<model_id>/evaluate")
@access(Permission.GARAGE)
@limiter.limit("30 per minute")
def create(model_id: str) -> Answer:
    model = models.get_own(scope.reading(), scope.me(), model_id)
    try:
        form = parse(EvaluationForm, evaluation_parts.without_empty(request.form))
        evaluation_parts.check_track(form)
        with scope.writing() as session:
            evaluation = evaluations.request(
                session,
                model,
                by=scope.me(),
                track=form.track,
                direction=form.direction.value,
                rules=form.rules(),
                now=clock.now(),
                seed=form.seed,
                objects=race_objects.stored(form.objects()),
            )
    except (FormErrors, RuleBroken) as problem:
        return _form(model, MultiDict(request.form), problem)
    doorbell.ring(scope.redis(), JobKind.EVALUATION, evaluation.id or 0, evaluation.attempt)
    return hx.redirect(url_for("evaluations.show", evaluation_id=evaluation.public_id))


def _form(model: Model, values: MultiDict[str, str], problem: Problem | None = None) -> tuple[str, int]:
    session = scope.reading()
    errors, status = errors_of(problem)
    page = render_template(
        "evaluations/new.html",
        at=ModelPages(model),
        model=model,
        state=models.state_of(session, model),
        values=values,
        errors=errors,
        tracks=garage_parts.tracks_by_length(),
        most_laps=MOST_LAPS,
        reserved_ms=evaluations.RESERVED_MS,
        balance=ledger.balance(session, scope.me()),
        refusal=evaluations.refusal(session, scope.me(), now=clock.now()),
    )
    return page, status


@pages.get("/evaluations/<evaluation_id>")
@access(Permission.PUBLIC)
def show(evaluation_id: str) -> Response:
    visitor = scope.visitor()
    unseen = submissions.unseen(scope.reading(), visitor, evaluation_id) if visitor else None
    if unseen and not races.may_change(unseen[0], visitor):
        race, entered = unseen
        return hx.redirect(url_for("submissions.show", race_id=race.public_id, submission_id=entered.public_id))
    evaluation = _visible(evaluation_id)
    context = evaluation_parts.page(evaluation)
    return hx.render("evaluations/show.html", "evaluations/_result.html", **context)


@pages.get("/evaluations/<evaluation_id>/drive")
@access(Permission.PUBLIC)
def drive(evaluation_id: str) -> Response:
    """The drive as bytes, in the layout of `sim.trace.DriveTrace`."""
    response = send_file(evaluation_parts.drive_path(_visible(evaluation_id)), mimetype="application/octet-stream")
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


@pages.get("/evaluations/<evaluation_id>/stop")
@access(Permission.GARAGE)
def ask_stop(evaluation_id: str) -> str:
    evaluation = evaluations.get_own(scope.reading(), scope.me(), evaluation_id)
    return render_template("evaluations/stop.html", evaluation=evaluation)


@pages.post("/evaluations/<evaluation_id>/stop")
@access(Permission.GARAGE)
def stop(evaluation_id: str) -> Response:
    with scope.writing() as session:
        evaluation = evaluations.get_own(session, scope.me(), evaluation_id)
        evaluations.stop(session, evaluation, by=scope.me(), now=clock.now())
    return hx.redirect(url_for("evaluations.show", evaluation_id=evaluation_id))


def _visible(evaluation_id: str) -> Evaluation:
    return drives.get_visible(scope.reading(), scope.visitor(), evaluation_id)
