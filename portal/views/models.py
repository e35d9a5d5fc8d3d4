"""Models: made, cloned, shown by tabs, downloaded, deleted and brought back."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from sqlmodel import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal import (
    clock,
    doorbell,
    garage_parts,
    hx,
    model_archive,
    model_tabs,
    preset_parts,
    reward_help,
    scope,
    training_parts,
)
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.model import ModelForm, read_model
from portal.forms.parsing import FormErrors
from portal.model_pages import ModelPages
from portal.rate_limits import limiter
from portal.rules import model_use, models, reward_functions, trainings
from portal.rules.broken import Code, RuleBroken
from portal.tables import Car as CarRow
from portal.tables import JobKind, Model, TrainingRun
from sim.car import Car
from sim.presets import Preset
from sim.training_scene import scene_in

pages = Blueprint("models", __name__)
Answer = Response | tuple[str, int]
few_checks = limiter.shared_limit(
    reward_help.CHECKS_PER_MINUTE, scope="reward-check", exempt_when=reward_help.is_no_validation
)


@pages.get("/garage/models/new")
@access(Permission.GARAGE)
def new() -> tuple[str, int]:
    return _form(garage_parts.default_values(request.args.get("track", "")))


@pages.post("/garage/models/new")
@access(Permission.GARAGE)
@few_checks
def create() -> Answer:
    values = MultiDict(request.form)
    try:
        if values.get("do") in reward_help.HELP:
            return _form(values, answer=reward_help.help_with_code(values, reward_help.DEFAULT_CODE))
        if preset_parts.FIELD in values:
            preset_parts.fill_model(values)
            return _form(values)
        form = read_model(values, scope.tracks().names())
        preset = preset_parts.preset_of_car(form.car)
        car = None if preset else garage_parts.chosen_car(form.car)
        with scope.writing() as session:
            model = _make(session, form, car, preset)
            run = _train(session, model) if values.get("do") == "train" else None
    except (FormErrors, RuleBroken) as problem:
        return _form(values, problem=problem)
    return _made(model, run)


def _make(session: Session, form: ModelForm, car: CarRow | None, preset: Preset | None) -> Model:
    """With an own car, a preset's, or the starter car."""
    usual, title = (preset.car, preset.title) if preset else (Car.default(), _("Starter car"))
    return models.create(
        session,
        scope.me(),
        name=form.name,
        description=form.description,
        car=Car.from_metadata(car.metadata_json) if car else usual,
        car_name=car.name if car else title,
        car_colour=car.colour if car else scope.me().avatar_body,
        track=form.track,
        direction=form.direction,
        reward_code=form.code,
        hyperparameters=form.hyperparameters,
        training_limit_ms=form.training_limit_ms,
        now=clock.now(),
        **scene_in(form),
    )


def _train(session: Session, model: Model) -> TrainingRun:
    return trainings.request(session, model, by=scope.me(), now=clock.now())


def _made(model: Model, run: TrainingRun | None) -> Response:
    if run is not None:
        doorbell.ring(scope.redis(), JobKind.TRAINING, run.id or 0, run.attempt)
        flash(_("%(name)s is made and waits for a worker to train it.", name=model.name), "success")
    else:
        flash(_("%(name)s is made. Press Train when you are ready.", name=model.name), "success")
    return hx.redirect(url_for("models.show", model_id=model.public_id))


def _form(
    values: MultiDict[str, str],
    *,
    parent: Model | None = None,
    problem: Problem | None = None,
    answer: reward_help.Answer | None = None,
) -> tuple[str, int]:
    errors, status = errors_of(problem)
    reset_code = reward_functions.current(scope.reading(), parent).code if parent else reward_help.DEFAULT_CODE
    page = render_template(
        "models/clone.html" if parent else "models/new.html",
        parent=parent,
        parent_facts=garage_parts.car_facts(parent.car_metadata) if parent else None,
        values=values,
        errors=errors,
        answer=answer,
        offers=[] if parent else preset_parts.offers_for_model(values),
        **garage_parts.model_form_context(reset_code),
    )
    return page, status


@pages.get("/garage/models/<model_id>")
@access(Permission.GARAGE)
def show(model_id: str) -> Response:
    model = own(model_id)
    context = training_parts.tab(ModelPages(model), request.args.get("run"))
    return hx.render("models/show.html", "trainings/_live_fragment.html", **context)


@pages.get("/garage/models/<model_id>/submissions")
@access(Permission.GARAGE)
def submissions(model_id: str) -> str:
    return render_template("models/submissions.html", **model_tabs.submitted(ModelPages(own(model_id))))


@pages.get("/garage/models/<model_id>/configuration")
@access(Permission.GARAGE)
def configuration(model_id: str) -> tuple[str, int]:
    model = own(model_id)
    return _configuration(model, {"name": model.name, "description": model.description})


@pages.post("/garage/models/<model_id>/configuration")
@access(Permission.GARAGE)
def rename(model_id: str) -> Answer:
    name, description = request.form.get("name", ""), request.form.get("description", "")[:1000]
    try:
        with scope.writing() as session:
            models.rename(session, model_id, by=scope.me(), name=name, description=description)
    except RuleBroken as problem:
        return _configuration(own(model_id), {"name": name, "description": description}, problem)
    flash(_("Saved."), "success")
    return hx.redirect(url_for("models.configuration", model_id=model_id))


def _configuration(model: Model, values: dict[str, str], problem: Problem | None = None) -> tuple[str, int]:
    errors, status = errors_of(problem)
    tab = model_tabs.configured(ModelPages(model))
    return render_template("models/configuration.html", values=values, errors=errors, **tab), status


@pages.get("/garage/models/<model_id>/clone")
@access(Permission.GARAGE)
def clone(model_id: str) -> tuple[str, int]:
    model, session = own(model_id), scope.reading()
    values = garage_parts.values_of(model, reward_functions.current(session, model).code)
    values["name"] = models.name_for_copy(session, model)
    return _form(values, parent=model)


@pages.post("/garage/models/<model_id>/clone")
@access(Permission.GARAGE)
@few_checks
def make_clone(model_id: str) -> Answer:
    parent, values = own(model_id), MultiDict(request.form)
    code = reward_functions.current(scope.reading(), parent).code
    try:
        if values.get("do") in reward_help.HELP:
            return _form(values, parent=parent, answer=reward_help.help_with_code(values, code))
        form = read_model(values, scope.tracks().names())
        car = garage_parts.chosen_car(form.car)
        with scope.writing() as session:
            model = _copy(session, parent, form, car)
            run = _train(session, model) if values.get("do") == "train" else None
    except (FormErrors, RuleBroken) as problem:
        return _form(values, parent=parent, problem=problem)
    return _made(model, run)


def _copy(session: Session, parent: Model, form: ModelForm, car: CarRow | None) -> Model:
    return models.clone(
        session,
        parent,
        by=scope.me(),
        name=form.name,
        description=form.description,
        car=car,
        track=form.track,
        direction=form.direction,
        reward_code=form.code,
        hyperparameters=form.hyperparameters,
        training_limit_ms=form.training_limit_ms,
        now=clock.now(),
        **scene_in(form),
    )


@pages.get("/garage/models/<model_id>/download")
@access(Permission.GARAGE)
def download(model_id: str) -> Response:
    model = own(model_id)
    weights = trainings.weights_of(scope.reading(), model)
    if weights is None or weights.artefact is None:
        raise RuleBroken(Code.CONFLICT, "There is nothing to download yet. Train the model first.")
    answer = model_archive.response(scope.settings().runs_path, weights.artefact, model.name)
    with scope.writing() as session:
        model_use.touch(session, model.id or 0, clock.now())
    return answer


@pages.get("/garage/models/<model_id>/delete")
@access(Permission.GARAGE)
def ask_delete(model_id: str) -> str:
    return render_template("models/delete.html", model=own(model_id))


@pages.post("/garage/models/<model_id>/delete")
@access(Permission.GARAGE)
def delete(model_id: str) -> Response:
    with scope.writing() as session:
        models.delete(session, model_id, by=scope.me(), now=clock.now())
    return hx.redirect(url_for("garage.index", deleted_model=model_id))


@pages.post("/garage/models/<model_id>/restore")
@access(Permission.GARAGE)
def restore(model_id: str) -> Response:
    with scope.writing() as session:
        model = models.restore(session, model_id, by=scope.me(), now=clock.now())
    flash(_("%(name)s is back in your garage.", name=model.name), "success")
    return hx.redirect(url_for("garage.index"))


def own(model_id: str) -> Model:
    return models.get_own(scope.reading(), scope.me(), model_id)
