"""One racer, for the administrator: facts, statement, models, jobs, requests, audit, and what can be done."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from portal import clock, csv_export, racer_reports, racer_tables, scope
from portal.access import Permission, access
from portal.rules import ledger, limits, racer_facts, statements, undoing

pages = Blueprint("admin_racer", __name__)


@pages.get("/admin/racers/<string(length=16):racer_id>")
@access(Permission.ADMIN)
def show(racer_id: str) -> str:
    session, now = scope.reading(), clock.now()
    racer = racer_facts.get(session, racer_id)
    facts = racer_facts.of(session, racer, now=now)
    month, page = statements.month_named(request.args.get("month", "")), request.args.get("page", 1, type=int)
    return render_template(
        "admin/racer.html",
        facts=facts,
        statement=statements.page_of(session, facts.account, month=month, page=page),
        is_off=not limits.current(session).multi_user_enabled,
        done=undoing.offer(session, request.args.get("done", ""), by=scope.me(), now=now),
        here=racer_reports.with_done(request.full_path.rstrip("?"), ""),
    )


@pages.get("/admin/racers/<string(length=16):racer_id>/statement")
@access(Permission.ADMIN)
def export(racer_id: str) -> Response:
    """The racer's statement as a CSV, of a month or of everything."""
    session = scope.reading()
    account = ledger.account_of(session, racer_facts.get(session, racer_id))
    month = statements.month_named(request.args.get("month", ""))
    rows = statements.exported(session, account, month=month)
    return csv_export.response("statement", racer_tables.STATEMENT, (racer_tables.line(row) for row in rows))
