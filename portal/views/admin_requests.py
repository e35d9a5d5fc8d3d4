"""What racers ask for, in one place: read, approved, changed, declined and undone, one or several at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Blueprint, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal import clock, hx, request_letters, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.parsing import FormErrors, parse
from portal.forms.request import AnswerForm, amount_field, read_amounts, written_amount
from portal.request_parts import wanted
from portal.rules import request_decisions, request_list
from portal.rules.broken import RuleBroken
from portal.rules.request_decisions import Outcome
from portal.tables import RacerRequest, RequestKind, RequestState

pages = Blueprint("admin_requests", __name__)

VERBS = "any(approve, decline)"


@pages.get("/admin/requests")
@access(Permission.ADMIN)
def index() -> Response:
    search = request.args.get("q", "").strip()
    kind, state = request.args.get("kind", ""), request.args.get("state", "")
    found = request_list.listed(
        scope.reading(),
        search=search,
        kind=RequestKind(kind) if kind in list(RequestKind) else None,
        state=RequestState(state) if state in list(RequestState) else None,
        page=request.args.get("page", 1, type=int),
    )
    filters = {"q": search or None, "kind": kind or None, "state": state or None}
    undoable = _just_decided(request.args.getlist("decided"))
    return hx.render("admin/requests.html", "admin/_requests.html", found=found, filters=filters, undoable=undoable)


def _just_decided(public_ids: Sequence[str]) -> list[request_list.ListedRequest]:
    """What was decided a moment ago and can still be undone."""
    if not public_ids:
        return []
    session = scope.reading()
    rows = request_list.shown(session, request_decisions.chosen(session, public_ids[: request_list.PAGE_SIZE]))
    return [row for row in rows if row.request.decided_at is not None and not row.no_undo]


@pages.get(f"/admin/requests/<{VERBS}:verb>")
@access(Permission.ADMIN)
def ask(verb: str) -> Response:
    """Shows what is asked for, by whom and with what they have, before anything is decided."""
    chosen = request_decisions.chosen(scope.reading(), request.args.getlist("request"))
    values = {amount_field(row): written_amount(row.kind, row.amount) for row in chosen}
    return _question(verb, chosen, values)


@pages.post(f"/admin/requests/<{VERBS}:verb>")
@access(Permission.ADMIN)
def act(verb: str) -> Response:
    public_ids = request.form.getlist("request")
    chosen = request_decisions.chosen(scope.reading(), public_ids)
    try:
        outcome = _decide(verb, chosen, request.form)
    except (FormErrors, RuleBroken) as problem:
        return _question(verb, chosen, request.form, problem)
    _report(verb, outcome)
    decided = [row.public_id for row in outcome.changed]
    return hx.redirect(url_for("admin_requests.index", decided=decided or None))


def _decide(verb: str, chosen: Sequence[RacerRequest], submitted: MultiDict[str, str]) -> Outcome:
    answer, me, now = parse(AnswerForm, submitted).answer, scope.me(), clock.now()
    public_ids = [row.public_id for row in chosen]
    amounts = read_amounts(submitted, chosen) if verb == "approve" else {}
    with scope.writing() as session:
        if verb == "approve":
            outcome = request_decisions.approve_all(session, amounts, by=me, now=now, answer=answer)
        else:
            outcome = request_decisions.decline_all(session, public_ids, by=me, now=now, answer=answer)
        request_letters.tell_racers(session, outcome.changed)
    return outcome


def _question(
    verb: str, chosen: Sequence[RacerRequest], values: Mapping[str, str], problem: Problem | None = None
) -> Response:
    errors, status = errors_of(problem)
    return hx.render(
        "admin/request_decision.html",
        "admin/_request_decision.html",
        status,
        verb=verb,
        rows=request_list.shown(scope.reading(), chosen),
        values=values,
        errors=errors,
        amount_field=amount_field,
    )


@pages.post("/admin/requests/undo")
@access(Permission.ADMIN)
def undo() -> Response:
    with scope.writing() as session:
        outcome = request_decisions.undo_all(session, request.form.getlist("request"), by=scope.me(), now=clock.now())
        request_letters.tell_racers(session, outcome.changed)
    _report("undo", outcome)
    return hx.redirect(url_for("admin_requests.index"))


def _report(verb: str, outcome: Outcome) -> None:
    count = len(outcome.changed)
    done = {
        "approve": ngettext("%(num)s request approved.", "%(num)s requests approved.", count),
        "decline": ngettext("%(num)s request declined.", "%(num)s requests declined.", count),
        "undo": ngettext("%(num)s request is open again.", "%(num)s requests are open again.", count),
    }
    if count:
        flash(done[verb], "success")
    for row, message in outcome.refused:
        flash(_("Not changed: %(what)s. %(message)s", what=wanted(row), message=message), "error")
