"""The visitor's own statement: every line of the account, by month, as a page and as a CSV."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from portal import csv_export, racer_tables, scope
from portal.access import Permission, access
from portal.rules import ledger, statements

pages = Blueprint("statement", __name__)


@pages.get("/profile/statement")
@access(Permission.RACER)
def show() -> str:
    session = scope.reading()
    account = ledger.account_of(session, scope.me())
    month = statements.month_named(request.args.get("month", ""))
    statement = statements.page_of(session, account, month=month, page=request.args.get("page", 1, type=int))
    return render_template(
        "profile/statement.html",
        balance=ledger.balance_of(account),
        statement=statement,
        month=f"{month:%Y-%m}" if month else None,
    )


@pages.get("/profile/statement/export")
@access(Permission.RACER)
def export() -> Response:
    session = scope.reading()
    account = ledger.account_of(session, scope.me())
    rows = statements.exported(session, account, month=statements.month_named(request.args.get("month", "")))
    return csv_export.response("statement", racer_tables.STATEMENT, (racer_tables.line(row) for row in rows))
