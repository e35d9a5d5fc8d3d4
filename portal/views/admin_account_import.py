"""Local accounts by CSV: uploaded, made, and their first passwords handed over once."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from portal import clock, csv_export, first_passwords, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.account_import import read_accounts
from portal.forms.csv_upload import LONGEST_BYTES
from portal.forms.parsing import FormErrors
from portal.rules import account_import
from portal.rules.account_import import ImportedRow
from portal.rules.broken import Code, RuleBroken
from portal.rules.row_results import Result

pages = Blueprint("admin_account_import", __name__)

Answer = str | Response | tuple[str, int]
HEADER = ("user name", "name", "e-mail", "first password", "portal")
ORDER = [Result.FAILED, Result.SKIPPED, Result.RENEWED, Result.CREATED]


@pages.get("/admin/accounts/import")
@access(Permission.ADMIN)
def new() -> Answer:
    _require_local()
    return _form()


@pages.post("/admin/accounts/import")
@access(Permission.ADMIN)
def create() -> Answer:
    """Hashes between two transactions: nobody else waits for it. The passwords are on this answer only."""
    _require_local()
    file = request.files.get("file")
    try:
        wanted = read_accounts(file.read(LONGEST_BYTES + 1) if file else b"")
    except FormErrors as problem:
        return _form(problem)
    planned = account_import.plan(scope.reading(), wanted, renew=request.form.get("renew") == "1")
    planned = account_import.with_passwords(planned)
    with scope.writing() as session:
        rows = account_import.make(session, planned, by=scope.me(), now=clock.now())
    return _report(rows)


@pages.post("/admin/accounts/import/passwords.csv")
@access(Permission.ADMIN)
def passwords() -> Response:
    """The first passwords that the page before holds, as a file."""
    slips = first_passwords.opened(request.form.get("slips", ""), scope.me().id or 0)
    address = scope.settings().address
    return csv_export.response("first-passwords", HEADER, [(*slip, address) for slip in slips])


def _form(problem: Problem | None = None) -> Answer:
    errors, status = errors_of(problem)
    return render_template("admin/account_import.html", errors=errors), status


def _report(rows: list[ImportedRow]) -> Answer:
    counts = {result: sum(row.result is result for row in rows) for result in Result}
    made = [row for row in rows if row.is_made]
    page = render_template(
        "admin/accounts_imported.html",
        rows=sorted((row for row in rows if not row.is_made), key=lambda row: ORDER.index(row.result)),
        made=made,
        counts=counts,
        slips=first_passwords.sealed(made, scope.me().id or 0),
        address=scope.settings().address,
    )
    return page, 422 if counts[Result.FAILED] == len(rows) else 200


def _require_local() -> None:
    if not scope.settings().uses_local_provider:
        raise RuleBroken(Code.MISSING, "Accounts are kept by your organisation's own provider.")
