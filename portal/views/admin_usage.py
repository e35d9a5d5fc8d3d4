"""Usage: estimated spending of the instance by month, day, racer and race, with charts and as CSV."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from portal import clock, csv_export, hx, scope, usage_parts
from portal.access import Permission, access
from portal.rules import spenders, usage

pages = Blueprint("admin_usage", __name__)


@pages.get("/admin/usage")
@access(Permission.ADMIN)
def show() -> str:
    month = usage.parse_month(request.args.get("month", ""), now=clock.now())
    return render_template("admin/usage.html", axis_money=usage_parts.axis_money, **usage_parts.page(month))


@pages.get("/admin/usage/<any(racers, races):of>")
@access(Permission.ADMIN)
def index(of: str) -> Response:
    month = usage.parse_month(request.args.get("month", ""), now=clock.now())
    page = request.args.get("page", 1, type=int)
    return hx.render(
        "admin/usage_spenders.html",
        "admin/_usage_spenders.html",
        of=of,
        month=month,
        found=usage_parts.table(of, month, request.args, page=page),
        q=request.args.get("q", "").strip(),
        sort=request.args.get("sort", spenders.BY_SPENDING),
        choices=usage_parts.choices(usage.first_month(scope.reading()) or month),
    )


@pages.get("/admin/usage/<any(months, days, racers, races):of>.csv")
@access(Permission.ADMIN)
def export(of: str) -> Response:
    month = usage.parse_month(request.args.get("month", ""), now=clock.now())
    if of in ("months", "days"):
        spans = usage_parts.spans_of(scope.reading(), of, month)
        header, rows = usage_parts.csv_of_spans(spans, of.removesuffix("s"))
    else:
        found = usage_parts.table(of, month, request.args, page=1, whole=True)
        header, rows = usage_parts.csv_of_spenders(found.rows, of)
    return csv_export.response(f"usage-{of}-{month:%Y-%m}", header, rows)
