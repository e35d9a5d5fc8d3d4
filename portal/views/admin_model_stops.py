"""Stopping anybody's training or evaluation: asked first, and in the audit with who did it."""

from __future__ import annotations

from flask import Blueprint, flash, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, hx, scope
from portal.access import Permission, access
from portal.rules import evaluations, model_list, trainings
from portal.rules.broken import Code, RuleBroken
from portal.tables import Evaluation, Model, TrainingRun

pages = Blueprint("admin_model_stops", __name__)


@pages.get("/admin/models/<string(length=16):model_id>/trainings/<run_id>/stop")
@access(Permission.ADMIN)
def ask_training(model_id: str, run_id: str) -> Response:
    model = model_list.get(scope.reading(), model_id)
    _training(model, run_id)
    back = url_for("admin_model.show", model_id=model_id, run=run_id)
    return _ask(model, "training", url_for(".stop_training", model_id=model_id, run_id=run_id), back)


@pages.post("/admin/models/<string(length=16):model_id>/trainings/<run_id>/stop")
@access(Permission.ADMIN)
def stop_training(model_id: str, run_id: str) -> Response:
    run = _training(model_list.get(scope.reading(), model_id), run_id)
    with scope.writing() as session:
        asked = trainings.stop(session, run, by=scope.me(), now=clock.now())
    flash(_("The training stops and keeps what it has learned.") if asked else _("This training is over."), "success")
    return hx.redirect(url_for("admin_model.show", model_id=model_id, run=run_id))


@pages.get("/admin/models/<string(length=16):model_id>/evaluations/<evaluation_id>/stop")
@access(Permission.ADMIN)
def ask_evaluation(model_id: str, evaluation_id: str) -> Response:
    model = model_list.get(scope.reading(), model_id)
    _evaluation(model, evaluation_id)
    action = url_for(".stop_evaluation", model_id=model_id, evaluation_id=evaluation_id)
    return _ask(model, "evaluation", action, url_for("admin_model.evaluations", model_id=model_id))


@pages.post("/admin/models/<string(length=16):model_id>/evaluations/<evaluation_id>/stop")
@access(Permission.ADMIN)
def stop_evaluation(model_id: str, evaluation_id: str) -> Response:
    evaluation = _evaluation(model_list.get(scope.reading(), model_id), evaluation_id)
    with scope.writing() as session:
        asked = evaluations.stop(session, evaluation, by=scope.me(), now=clock.now())
    flash(_("The evaluation stops.") if asked else _("This evaluation is over."), "success")
    return hx.redirect(url_for("admin_model.evaluations", model_id=model_id))


def _ask(model: Model, kind: str, action: str, back: str) -> Response:
    owner = model_list.owner_of(scope.reading(), model)
    context = {"model": model, "owner": owner, "kind": kind, "action": action, "back": back}
    return hx.render("admin/job_stop.html", "admin/_job_stop.html", **context)


def _training(model: Model, run_id: str) -> TrainingRun:
    for run in trainings.of_model(scope.reading(), model):
        if run.public_id == run_id:
            return run
    raise RuleBroken(Code.MISSING, "There is no such training.")


def _evaluation(model: Model, evaluation_id: str) -> Evaluation:
    for evaluation in evaluations.of_model(scope.reading(), model):
        if evaluation.public_id == evaluation_id:
            return evaluation
    raise RuleBroken(Code.MISSING, "There is no such evaluation.")
