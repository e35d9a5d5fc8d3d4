"""What a racer asks the administrators for: hours, models; and what became of it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, hx, request_letters, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.parsing import FormErrors, parse
from portal.forms.request import MoreForm, read_amount, written_amount
from portal.rate_limits import limiter
from portal.rules import ledger, models, requests, sponsorship
from portal.rules.broken import RuleBroken
from portal.tables import RequestKind

pages = Blueprint("requests", __name__)

Answer = Response | tuple[str, int]
KINDS = "any(hours, models)"


@pages.get("/requests")
@access(Permission.RACER)
def index() -> str:
    session, me = scope.reading(), scope.me()
    rows = requests.of_racer(session, me)
    withdrawn = request.args.get("withdrawn", "")
    undo = next((row for row in rows if row.public_id == withdrawn and row.state == "withdrawn"), None)
    return render_template("requests/index.html", rows=rows, undo=undo, refusal=_shut_out())


@pages.get(f"/requests/<{KINDS}:kind>")
@access(Permission.RACER)
def new(kind: str) -> Answer:
    found = requests.open_of(scope.reading(), scope.me(), RequestKind(kind))
    values = {"amount": written_amount(kind, found.amount), "reason": found.reason} if found else {}
    return _form(kind, values)


@pages.post(f"/requests/<{KINDS}:kind>")
@access(Permission.RACER)
@limiter.limit("20 per minute")
def create(kind: str) -> Answer:
    try:
        form = parse(MoreForm, request.form)
        amount = read_amount(RequestKind(kind), form.amount)
        with scope.writing() as session:
            asked = requests.ask(session, RequestKind(kind), amount, by=scope.me(), reason=form.reason, now=clock.now())
            request_letters.tell_administrators(session, asked)
    except (FormErrors, RuleBroken) as problem:
        return _form(kind, request.form, problem)
    flash(_("Sent. The answer appears here and in your garage.") if asked.is_new else _("Changed."), "success")
    return hx.redirect(url_for("requests.index"))


def _form(kind: str, values: Mapping[str, str], problem: Problem | None = None) -> tuple[str, int]:
    session, me = scope.reading(), scope.me()
    errors, status = errors_of(problem)
    page = render_template(
        "requests/new.html",
        kind=kind,
        values=values,
        errors=errors,
        balance=ledger.balance(session, me),
        own_models=len(models.of_racer(session, me)),
        maximum_models=ledger.account_of(session, me).maximum_models,
        found=requests.open_of(session, me, RequestKind(kind)),
        refusal=_shut_out(),
    )
    return page, status


def _shut_out() -> str:
    return sponsorship.SWITCHED_OFF if sponsorship.is_shut_out(scope.reading(), scope.me()) else ""


@pages.post("/requests/<request_id>/withdraw")
@access(Permission.RACER)
def withdraw(request_id: str) -> Response:
    with scope.writing() as session:
        requests.withdraw(session, request_id, by=scope.me(), now=clock.now())
    return hx.redirect(url_for("requests.index", withdrawn=request_id))


@pages.post("/requests/<request_id>/restore")
@access(Permission.RACER)
def restore(request_id: str) -> Response:
    with scope.writing() as session:
        requests.restore(session, request_id, by=scope.me(), now=clock.now())
    flash(_("Your request is open again."), "success")
    return hx.redirect(url_for("requests.index"))


@pages.post("/requests/<request_id>/put-away")
@access(Permission.RACER)
def put_away(request_id: str) -> Response:
    """Puts the notice of a decision away, and stays on the page that showed it."""
    with scope.writing() as session:
        requests.put_away(session, request_id, by=scope.me(), now=clock.now())
    back = request.form.get("back", "")
    return hx.redirect(back if hx.is_local_path(back) else url_for("requests.index"))
