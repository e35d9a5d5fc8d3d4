"""Reward functions: tried in the sandbox, kept in versions, compared."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal import clock, doorbell, hx, model_tabs, reward_help, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.parsing import FormErrors, parse
from portal.forms.reward_function import CheckForm
from portal.model_pages import ModelPages
from portal.rate_limits import limiter
from portal.rules import models, reward_functions, trainings
from portal.rules.broken import Code, RuleBroken
from portal.tables import JobKind, Model
from sim.reward_examples import EXAMPLES

pages = Blueprint("reward_functions", __name__)
Answer = Response | tuple[str, int]
few_checks = limiter.shared_limit(
    reward_help.CHECKS_PER_MINUTE, scope="reward-check", exempt_when=reward_help.is_no_validation
)


@pages.post("/garage/reward-functions/check")
@access(Permission.GARAGE)
@limiter.shared_limit(reward_help.CHECKS_PER_MINUTE, scope="reward-check")
def check() -> Answer:
    """Tries code on a track: a fragment for the editor, a page of its own for a plain form."""
    try:
        form = parse(CheckForm, request.form)
    except FormErrors as problem:
        errors, status = errors_of(problem)
        return hx.render(
            "reward_functions/check.html", "reward_functions/_check.html", status, answer=None, errors=errors
        )
    return hx.render(
        "reward_functions/check.html",
        "reward_functions/_check.html",
        answer=reward_help.ask(form),
        errors={},
        sample_columns=reward_help.MOST_COLUMNS,
    )


@pages.get("/garage/reward-functions/parameters")
@access(Permission.GARAGE)
def parameters() -> str:
    """Every parameter with a picture of what it means."""
    return render_template("reward_functions/parameters.html", groups=reward_help.GROUPS)


@pages.get("/garage/reward-functions/examples/<name>")
@access(Permission.GARAGE)
def example(name: str) -> Response:
    """An example's text, for the editor."""
    found = next((example for example in EXAMPLES if example.name == name), None)
    if found is None:
        raise RuleBroken(Code.MISSING, "There is no such example.")
    return Response(found.code, mimetype="text/plain")


@pages.get("/garage/models/<model_id>/reward-function")
@access(Permission.GARAGE)
def show(model_id: str) -> tuple[str, int]:
    model = models.get_own(scope.reading(), scope.me(), model_id)
    version = request.args.get("version", "")
    if version.isdecimal():
        code = reward_functions.get(scope.reading(), model, int(version[:9])).code
    else:
        code = reward_functions.current(scope.reading(), model).code
    return _page(model, MultiDict({"code": code}))


@pages.post("/garage/models/<model_id>/reward-function")
@access(Permission.GARAGE)
@few_checks
def save(model_id: str) -> Answer:
    model = models.get_own(scope.reading(), scope.me(), model_id)
    values = MultiDict(request.form)
    values["track"], values["direction"] = model.track, model.direction
    current = reward_functions.current(scope.reading(), model)
    try:
        if values.get("do") in reward_help.HELP:
            return _page(model, values, answer=reward_help.help_with_code(values, current.code))
        with scope.writing() as session:
            row = reward_functions.save(session, model, code=values.get("code", ""), by=scope.me(), now=clock.now())
            trains = values.get("do") == "train"
            run = trainings.request(session, model, by=scope.me(), now=clock.now()) if trains else None
    except (FormErrors, RuleBroken) as problem:
        return _page(model, values, problem=problem)
    if run is not None:
        doorbell.ring(scope.redis(), JobKind.TRAINING, run.id or 0, run.attempt)
        return hx.redirect(url_for("models.show", model_id=model_id))
    changed = row.version != current.version
    flash(_("Saved as version %(number)s.", number=row.version) if changed else _("Nothing changed."), "success")
    return hx.redirect(url_for("reward_functions.show", model_id=model_id))


def _page(
    model: Model,
    values: MultiDict[str, str],
    *,
    problem: Problem | None = None,
    answer: reward_help.Answer | None = None,
) -> tuple[str, int]:
    session = scope.reading()
    errors, status = errors_of(problem)
    page = render_template(
        "models/reward_function.html",
        at=ModelPages(model),
        model=model,
        state=models.state_of(session, model),
        versions=reward_functions.versions(session, model),
        values=values,
        errors=errors,
        answer=answer,
        error_of_run=_error_of_latest(model),
        **reward_help.editor_context(reward_functions.current(session, model).code),
    )
    return page, status


def _error_of_latest(model: Model) -> dict[str, object] | None:
    """Where the newest training failed in the code, if the version that it ran is the current one."""
    session = scope.reading()
    run = trainings.latest(session, model)
    current = reward_functions.current(session, model)
    if run is None or run.message_line is None or run.reward_function_id != current.id:
        return None
    return {"line": run.message_line, "message": run.message}


@pages.get("/garage/models/<model_id>/reward-function/changes")
@access(Permission.GARAGE)
def changes(model_id: str) -> str:
    """What changed between two versions; without numbers, between the last two."""
    at = ModelPages(models.get_own(scope.reading(), scope.me(), model_id))
    older, newer = (request.args.get(name, type=int) for name in ("from", "to"))
    return render_template("models/changes.html", **model_tabs.changed(at, older, newer))
