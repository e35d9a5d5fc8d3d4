"""What an administrator brings into an own or a racer's garage: anybody's model, or an archive."""

from __future__ import annotations

from flask import Blueprint, flash, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import hx, import_parts, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.rules import model_imports, model_list
from portal.rules.broken import RuleBroken
from portal.tables import Model, Racer

pages = Blueprint("admin_model_imports", __name__)


@pages.get("/admin/models/import")
@access(Permission.ADMIN)
def new() -> Response:
    return _form(None)


@pages.post("/admin/models/import")
@access(Permission.ADMIN)
def create() -> Response:
    try:
        to = _receiver()
        model = import_parts.from_upload(to, request.files.get("archive"), request.form.get("name", ""))
    except RuleBroken as problem:
        return _form(None, problem)
    return _done(model, to)


@pages.get("/admin/models/<string(length=16):model_id>/import")
@access(Permission.ADMIN)
def new_copy(model_id: str) -> Response:
    return _form(model_list.get(scope.reading(), model_id))


@pages.post("/admin/models/<string(length=16):model_id>/import")
@access(Permission.ADMIN)
def create_copy(model_id: str) -> Response:
    source = model_list.get(scope.reading(), model_id)
    try:
        to = _receiver()
        model = import_parts.from_model(to, source, request.form.get("name", ""))
    except RuleBroken as problem:
        return _form(model_list.get(scope.reading(), model_id), problem)
    return _done(model, to)


def _receiver() -> Racer:
    return model_imports.receiver(scope.reading(), scope.me(), request.form.get("alias", ""))


def _done(model: Model, to: Racer) -> Response:
    if to.id == scope.me().id:
        flash(_("%(name)s is in your garage.", name=model.name), "success")
    else:
        flash(_("%(name)s is in the garage of %(owner)s.", name=model.name, owner=to.alias or to.name), "success")
    return hx.redirect(url_for("admin_model.show", model_id=model.public_id))


def _form(source: Model | None, problem: Problem | None = None) -> Response:
    errors, status = errors_of(problem)
    return hx.render(
        "admin/model_import.html",
        "admin/_model_import.html",
        status,
        source=source,
        owner=model_list.owner_of(scope.reading(), source) if source else None,
        values=request.form,
        errors=errors,
        most_mb=import_parts.MOST_MB,
    )
