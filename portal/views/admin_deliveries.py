"""The log of mails and web hooks, and sending again."""

from __future__ import annotations

from flask import Blueprint, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from portal import clock, hx, scope
from portal.access import Permission, access
from portal.rules import delivery_log
from portal.rules.broken import Code, RuleBroken
from portal.rules.delivery_log import DeliveryKind
from portal.tables import DeliveryState

pages = Blueprint("admin_deliveries", __name__)

KINDS = f"any({', '.join(repr(str(kind)) for kind in DeliveryKind)})"


@pages.get("/admin/alerts/deliveries")
@access(Permission.ADMIN)
def index() -> Response:
    kind, state = _kind(), _state()
    page = request.args.get("page", 1, type=int)
    return hx.render(
        "admin/deliveries.html",
        "admin/_deliveries.html",
        log=delivery_log.listed(scope.reading(), kind, state=state, page=page),
        kind=kind,
        state=state or "",
        now=clock.now(),
        sends_mails=bool(scope.settings().smtp_url),
    )


@pages.post(f"/admin/alerts/deliveries/<{KINDS}:kind>/<delivery_id>/again")
@access(Permission.ADMIN)
def again(kind: str, delivery_id: str) -> Response:
    try:
        with scope.writing() as session:
            changed = delivery_log.again(session, DeliveryKind(kind), delivery_id, by=scope.me(), now=clock.now())
    except RuleBroken as problem:
        return _refused(kind, problem)
    flash(_("It is on its way again.") if changed else _("It waits or was sent already."), "info")
    return hx.redirect(url_for("admin_deliveries.index", kind=kind))


@pages.post(f"/admin/alerts/deliveries/<{KINDS}:kind>/again")
@access(Permission.ADMIN)
def all_again(kind: str) -> Response:
    try:
        with scope.writing() as session:
            count = delivery_log.all_again(session, DeliveryKind(kind), by=scope.me(), now=clock.now())
    except RuleBroken as problem:
        return _refused(kind, problem)
    flash(ngettext("%(num)s is on its way again.", "%(num)s are on their way again.", count), "info")
    return hx.redirect(url_for("admin_deliveries.index", kind=kind))


def _refused(kind: str, problem: RuleBroken) -> Response:
    if problem.code is Code.MISSING:
        raise problem
    flash(problem.message, "error")
    return hx.redirect(url_for("admin_deliveries.index", kind=kind))


def _kind() -> DeliveryKind:
    try:
        return DeliveryKind(request.args.get("kind", DeliveryKind.MAIL))
    except ValueError:
        return DeliveryKind.MAIL


def _state() -> DeliveryState | None:
    try:
        return DeliveryState(request.args.get("state", ""))
    except ValueError:
        return None
