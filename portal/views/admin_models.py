"""The administrator's "Your models": everybody's, listed, exported, deleted and brought back."""

from __future__ import annotations

from urllib.parse import parse_qsl

from flask import Blueprint, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from portal import artefact_sizes, clock, csv_export, garage_parts, hx, scope
from portal.access import Permission, access
from portal.forms.parsing import FormErrors, parse
from portal.forms.racer_actions import ReasonForm
from portal.rules import deletion_effects, model_actions, model_deletion, model_list
from portal.rules.model_actions import Outcome
from portal.rules.model_list import Filter, ListedModel
from portal.tables import HOUR_MS

pages = Blueprint("admin_models", __name__)

VERBS = "any(delete, restore, delete_for_good)"
LIST_FIELDS = ("q", "state", "owner", "use", "sort", "page")
COLUMNS = (
    "model",
    "id",
    "owner",
    "owner_email",
    "state",
    "track",
    "direction",
    "size_bytes",
    "hours",
    "last_used_at",
    "made_at",
    "deleted_at",
)


@pages.get("/admin/models")
@access(Permission.ADMIN)
def index() -> Response:
    session, wanted = scope.reading(), _wanted()
    sort, page = request.args.get("sort", model_list.FIRST), request.args.get("page", 1, type=int)
    found = model_list.listed(session, wanted, now=clock.now(), sort=sort, page=page)
    return hx.render(
        "admin/models.html",
        "admin/_models.html",
        found=found,
        wanted=wanted,
        sort=sort,
        asked={name: request.args[name] for name in LIST_FIELDS if request.args.get(name)},
        owner=model_list.owner_named(session, wanted.owner),
        titles=garage_parts.track_titles({row.model.track for row in found.rows}),
        undo=model_list.brought_back(session, request.args.get("undo", "").split(",")),
    )


@pages.get("/admin/models.csv")
@access(Permission.ADMIN)
def export() -> Response:
    found = model_list.everything(
        scope.reading(), _wanted(), now=clock.now(), sort=request.args.get("sort", model_list.FIRST)
    )
    return csv_export.response("models", COLUMNS, (_exported(row) for row in found))


@pages.get(f"/admin/models/<{VERBS}:verb>")
@access(Permission.ADMIN)
def ask(verb: str) -> Response:
    """Says what goes and what stays, before anything happens."""
    chosen = model_list.chosen(scope.reading(), request.args.getlist("model"))
    return _question(verb, chosen, request.args.get("back", ""))


@pages.post(f"/admin/models/<{VERBS}:verb>")
@access(Permission.ADMIN)
def act(verb: str) -> Response:
    ids, back = request.form.getlist("model"), request.form.get("back", "")
    try:
        form = parse(ReasonForm, request.form)
    except FormErrors as problem:
        return _question(verb, model_list.chosen(scope.reading(), ids), back, problem)
    with scope.writing() as session:
        chosen = [row.model for row in model_list.chosen(session, ids)]
        change = getattr(model_actions, verb)
        outcome = change(session, chosen, by=scope.me(), now=clock.now(), reason=form.reason)
    _report(verb, outcome)
    undo = ",".join(model.public_id for model in outcome.changed) if verb == "delete" else None
    return hx.redirect(url_for("admin_models.index", **_list_fields(back), undo=undo or None))


def _wanted() -> Filter:
    asked = {name: request.args.get(name, "").strip() for name in ("state", "owner", "use")}
    return Filter(search=request.args.get("q", "").strip(), **asked)


def _list_fields(back: str) -> dict[str, str]:
    """What the list was asked for before, from the query that the form carried along."""
    return {name: value for name, value in parse_qsl(back[:2000]) if name in LIST_FIELDS}


def _exported(row: ListedModel) -> tuple[object, ...]:
    model, owner = row.model, row.owner
    hours = round(model.used_ms / HOUR_MS, 4)
    return (
        model.name,
        model.public_id,
        owner.alias or owner.name,
        owner.email,
        str(row.state),
        model.track,
        model.direction,
        model.stored_bytes,
        hours,
        model.last_used_at,
        model.created_at,
        model.deleted_at,
    )


def _question(verb: str, chosen: list[ListedModel], back: str, problem: FormErrors | None = None) -> Response:
    effects = deletion_effects.of_models(scope.reading(), [row.model for row in chosen])
    return hx.render(
        "admin/model_action.html",
        "admin/_model_action.html",
        422 if problem else 200,
        verb=verb,
        chosen=chosen,
        effects=effects,
        sizes=artefact_sizes.of_jobs(scope.settings().runs_path, effects.trainings, effects.evaluations),
        grace_days=model_deletion.GRACE.days,
        back=back,
        values=request.form.to_dict(),
        errors=problem.by_field if problem else {},
    )


def _report(verb: str, outcome: Outcome) -> None:
    count = len(outcome.changed)
    said = {
        "delete": ngettext("%(num)s model is deleted.", "%(num)s models are deleted.", count),
        "restore": ngettext("%(num)s model is back in its garage.", "%(num)s models are back in their garages.", count),
        "delete_for_good": ngettext(
            "%(num)s model is deleted for good; its files go within a minute.",
            "%(num)s models are deleted for good; their files go within a minute.",
            count,
        ),
    }
    if count and verb != "delete":  # the notice with Undo says the other
        flash(said[verb], "success")
    if outcome.same:
        flash(_("It was so already for %(names)s.", names=", ".join(model.name for model in outcome.same)), "info")
    for model, message in outcome.refused:
        flash(f"{model.name}: {message}", "error")
