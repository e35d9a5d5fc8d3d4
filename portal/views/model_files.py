"""The files of a racer's own model, to take away."""

from __future__ import annotations

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from portal import clock, model_files, model_logs, model_tabs, scope
from portal.access import Permission, access
from portal.model_pages import ModelPages
from portal.rate_limits import limiter
from portal.rules import model_use, models, trainings
from portal.rules.broken import Code, RuleBroken

pages = Blueprint("model_files", __name__)


@pages.get("/garage/models/<model_id>/files")
@access(Permission.GARAGE)
def show(model_id: str) -> str:
    model = models.get_own(scope.reading(), scope.me(), model_id)
    return render_template("models/files.html", **model_tabs.kept(ModelPages(model)))


@pages.get("/garage/models/<model_id>/download/<any(car, onnx):form>")
@access(Permission.GARAGE)
@limiter.limit(model_files.PER_MINUTE)
def download(model_id: str, form: str) -> Response:
    model = models.get_own(scope.reading(), scope.me(), model_id)
    weights = trainings.weights_of(scope.reading(), model)
    if weights is None or weights.artefact is None:
        raise RuleBroken(Code.CONFLICT, "There is nothing to download yet. Train the model first.")
    answer = model_files.response(scope.settings().runs_path, weights.artefact, model.name, form)
    with scope.writing() as session:
        model_use.touch(session, model.id or 0, clock.now())
    return answer


@pages.get("/garage/models/<model_id>/trainings/<run_id>/logs")
@access(Permission.GARAGE)
@limiter.limit(model_files.PER_MINUTE)
def logs(model_id: str, run_id: str) -> Response:
    return model_logs.response(models.get_own(scope.reading(), scope.me(), model_id), run_id)
