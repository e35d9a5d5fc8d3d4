"""The administrator's start page and the audit."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from portal import clock, hx, scope, workers
from portal.access import Permission, access
from portal.rules import alerts, audit_log, overview, usage, usage_totals

pages = Blueprint("admin", __name__)


@pages.get("/admin")
@access(Permission.ADMIN)
def show() -> str:
    session, now = scope.reading(), clock.now()
    return render_template(
        "admin/show.html",
        overview=overview.current(session),
        summary=usage.summary(session, usage_totals.month_of(now), now=now),
        workers=workers.listed(scope.redis()),
        alert_banner=alerts.banner(session, now=now),
    )


@pages.get("/admin/audit")
@access(Permission.ADMIN)
def audit() -> Response:
    action, who = request.args.get("action", ""), request.args.get("who", "").strip()
    page = audit_log.listed(scope.reading(), action=action, who=who, page=request.args.get("page", 1, type=int))
    return hx.render(
        "admin/audit.html",
        "admin/_audit.html",
        audit=page,
        action=action,
        who=who,
        actions=audit_log.actions(scope.reading()),
    )
