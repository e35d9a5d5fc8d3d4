"""The administrator's start page."""

from __future__ import annotations

from flask import Blueprint, render_template

from portal import clock, scope, workers
from portal.access import Permission, access
from portal.rules import alerts, overview, usage, usage_totals

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
