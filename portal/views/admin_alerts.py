"""Alerts of spending: the list, dismissed and brought back."""

from __future__ import annotations

from datetime import date, datetime

from flask import Blueprint, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from portal import clock, hx, scope
from portal.access import Permission, access
from portal.rules import alerts, budgets, limits

pages = Blueprint("admin_alerts", __name__)


@pages.get("/admin/alerts")
@access(Permission.ADMIN)
def index() -> Response:
    session, month = scope.reading(), _month(request.args.get("month", ""))
    with_dismissed = bool(request.args.get("all"))
    page = request.args.get("page", 1, type=int)
    return hx.render(
        "admin/alerts.html",
        "admin/_alerts.html",
        found=alerts.listed(session, month=month, with_dismissed=with_dismissed, page=page),
        months=alerts.months(session),
        month=month,
        with_dismissed=with_dismissed,
        standing=budgets.instance(session, now=clock.now()),
        limits=limits.current(session),
        today=clock.now().date(),
        dismissed=request.args.get("dismissed", ""),
        dismissed_at=request.args.get("dismissed_at", ""),
    )


@pages.post("/admin/alerts/<alert_id>/dismiss")
@access(Permission.ADMIN)
def dismiss(alert_id: str) -> Response:
    with scope.writing() as session:
        changed = alerts.dismiss(session, alert_id, by=scope.me(), now=clock.now())
    return hx.redirect(url_for("admin_alerts.index", dismissed=alert_id if changed else None))


@pages.post("/admin/alerts/<alert_id>/restore")
@access(Permission.ADMIN)
def restore(alert_id: str) -> Response:
    with scope.writing() as session:
        alerts.restore(session, alert_id, by=scope.me(), now=clock.now())
    flash(_("It is open again."), "success")
    return hx.redirect(url_for("admin_alerts.index"))


@pages.post("/admin/alerts/dismiss-all")
@access(Permission.ADMIN)
def dismiss_all() -> Response:
    now = clock.now()
    with scope.writing() as session:
        count = alerts.dismiss_all(session, by=scope.me(), now=now)
    return hx.redirect(url_for("admin_alerts.index", dismissed_at=now.isoformat() if count else None))


@pages.post("/admin/alerts/restore-all")
@access(Permission.ADMIN)
def restore_all() -> Response:
    moment, count = _moment(request.form.get("dismissed_at", "")), 0
    if moment is not None:
        with scope.writing() as session:
            count = alerts.restore_all(session, moment, by=scope.me(), now=clock.now())
    flash(ngettext("%(num)s is open again.", "%(num)s are open again.", count), "success" if count else "info")
    return hx.redirect(url_for("admin_alerts.index"))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
