"""One model as an administrator looks at it: every tab. What runs can be stopped (`admin_model_stops`), nothing else
is changed here. A download is in the audit.

An id has 16 characters; what can be done with the list has a shorter name, under the same address.
"""

from __future__ import annotations

from flask import Blueprint, jsonify, render_template, request
from werkzeug.wrappers import Response

from portal import clock, hx, model_archive, model_files, model_logs, model_tabs, scope, training_parts
from portal.access import Permission, access
from portal.model_pages import ModelPages
from portal.rate_limits import limiter
from portal.rules import audit, model_list, trainings
from portal.rules.broken import Code, RuleBroken
from portal.tables import Model

pages = Blueprint("admin_model", __name__)


@pages.get("/admin/models/<string(length=16):model_id>")
@access(Permission.ADMIN)
def show(model_id: str) -> Response:
    context = training_parts.tab(_at(model_id), request.args.get("run"))
    return hx.render("models/show.html", "trainings/_live_fragment.html", **context)


@pages.get("/admin/models/<string(length=16):model_id>/trainings/<run_id>/points")
@access(Permission.ADMIN)
def points(model_id: str, run_id: str) -> Response:
    """The graph and a drive as JSON, for the page's script."""
    model = _model(model_id)
    run = next((run for run in trainings.of_model(scope.reading(), model) if run.public_id == run_id), None)
    if run is None:
        raise RuleBroken(Code.MISSING, "There is no such training.")
    return jsonify(training_parts.graph_of(run))


@pages.get("/admin/models/<string(length=16):model_id>/evaluations")
@access(Permission.ADMIN)
def evaluations(model_id: str) -> str:
    return render_template("evaluations/of_model.html", **model_tabs.evaluated(_at(model_id)))


@pages.get("/admin/models/<string(length=16):model_id>/reward-function")
@access(Permission.ADMIN)
def reward_function(model_id: str) -> str:
    version = request.args.get("version", type=int)
    return render_template("admin/model_reward.html", **model_tabs.rewarded(_at(model_id), version))


@pages.get("/admin/models/<string(length=16):model_id>/reward-function/changes")
@access(Permission.ADMIN)
def changes(model_id: str) -> str:
    older, newer = (request.args.get(name, type=int) for name in ("from", "to"))
    return render_template("models/changes.html", **model_tabs.changed(_at(model_id), older, newer))


@pages.get("/admin/models/<string(length=16):model_id>/submissions")
@access(Permission.ADMIN)
def submissions(model_id: str) -> str:
    return render_template("models/submissions.html", **model_tabs.submitted(_at(model_id)))


@pages.get("/admin/models/<string(length=16):model_id>/configuration")
@access(Permission.ADMIN)
def configuration(model_id: str) -> str:
    tab = model_tabs.configured(_at(model_id))
    return render_template("models/configuration.html", values={}, errors={}, **tab)


@pages.get("/admin/models/<string(length=16):model_id>/download")
@access(Permission.ADMIN)
def download(model_id: str) -> Response:
    model = _model(model_id)
    weights = trainings.weights_of(scope.reading(), model)
    if weights is None or weights.artefact is None:
        raise RuleBroken(Code.CONFLICT, "There are no weights to download.")
    answer = model_archive.response(scope.settings().runs_path, weights.artefact, model.name)
    _record(model)
    return answer


@pages.get("/admin/models/<string(length=16):model_id>/files")
@access(Permission.ADMIN)
def files(model_id: str) -> str:
    return render_template("models/files.html", **model_tabs.kept(_at(model_id)))


@pages.get("/admin/models/<string(length=16):model_id>/download/<any(car, onnx):form>")
@access(Permission.ADMIN)
@limiter.limit(model_files.PER_MINUTE)
def download_as(model_id: str, form: str) -> Response:
    model = _model(model_id)
    weights = trainings.weights_of(scope.reading(), model)
    if weights is None or weights.artefact is None:
        raise RuleBroken(Code.CONFLICT, "There are no weights to download.")
    answer = model_files.response(scope.settings().runs_path, weights.artefact, model.name, form)
    _record(model)
    return answer


@pages.get("/admin/models/<string(length=16):model_id>/trainings/<run_id>/logs")
@access(Permission.ADMIN)
@limiter.limit(model_files.PER_MINUTE)
def logs(model_id: str, run_id: str) -> Response:
    model = _model(model_id)
    answer = model_logs.response(model, run_id)
    _record(model)
    return answer


def _record(model: Model) -> None:
    with scope.writing() as session:
        owner = model_list.owner_of(session, model)
        facts = {"name": model.name, "owner": owner.alias or owner.name}
        audit.record(session, "model.download", f"model:{model.public_id}", by=scope.me(), now=clock.now(), after=facts)


def _at(model_id: str) -> ModelPages:
    model = _model(model_id)
    return ModelPages(model, owner=model_list.owner_of(scope.reading(), model))


def _model(model_id: str) -> Model:
    return model_list.get(scope.reading(), model_id)
