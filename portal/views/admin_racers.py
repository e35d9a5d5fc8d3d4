"""The table of racers, and what an administrator does to one, several or all of them."""

from __future__ import annotations

from flask import Blueprint, flash, request
from werkzeug.wrappers import Response

from portal import clock, csv_export, hx, racer_reports, racer_selection, racer_tables, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.parsing import FormErrors, parse
from portal.forms.racer_actions import QuotaForm, ReasonForm
from portal.racer_selection import Selection
from portal.rules import racer_actions, racer_consequences, racer_list, undoing
from portal.rules.broken import Code, RuleBroken
from portal.rules.outcome import new_batch
from portal.rules.racer_actions import Action

pages = Blueprint("admin_racers", __name__)
pages.app_template_global("names_of")(racer_reports.names_of)

ACTIONS = f"any({', '.join(repr(action.value) for action in Action)})"


@pages.get("/admin/racers")
@access(Permission.ADMIN)
def index() -> Response:
    session, wanted, sort = scope.reading(), racer_selection.filter_of(request.args), request.args.get("sort", "alias")
    found = racer_list.listed(session, wanted, sort=sort, page=request.args.get("page", 1, type=int))
    done = undoing.offer(session, request.args.get("done", ""), by=scope.me(), now=clock.now())
    here = racer_reports.with_done(request.full_path.rstrip("?"), "")
    return hx.render(
        "admin/racers.html", "admin/_racers.html", found=found, wanted=wanted, sort=sort, done=done, here=here
    )


@pages.get("/admin/racers/export")
@access(Permission.ADMIN)
def export() -> Response:
    wanted, sort = racer_selection.filter_of(request.args), request.args.get("sort", "alias")
    rows = racer_list.exported(scope.reading(), wanted, sort=sort)
    return csv_export.response("racers", racer_tables.RACERS, (racer_tables.racer(row) for row in rows))


@pages.get(f"/admin/racers/<{ACTIONS}:action>")
@access(Permission.ADMIN)
def ask(action: str) -> Response:
    """Names who is meant and what follows, before anything happens."""
    return _question(Action(action), racer_selection.read(request.args))


@pages.post(f"/admin/racers/<{ACTIONS}:action>")
@access(Permission.ADMIN)
def act(action: str) -> Response:
    selection, batch, verb = racer_selection.read(request.form), new_batch(), Action(action)
    try:
        form = parse(QuotaForm if verb is Action.QUOTA else ReasonForm, request.form)
        with scope.writing() as session:
            people = selection.people(session)
            selection.check(people)
            me, now = scope.me(), clock.now()
            asked = {"reason": form.reason, "wanted": form.quotas()}
            outcome = racer_actions.do(session, verb, people, by=me, now=now, batch=batch, **asked)
            spent = racer_consequences.used_up(session, outcome.changed) if verb is Action.QUOTA else 0
    except (FormErrors, RuleBroken) as problem:
        return _question(verb, selection, problem)
    racer_reports.tell(outcome, used_up=spent)
    return hx.redirect(racer_reports.with_done(selection.back, batch if outcome.changed else ""))


@pages.post("/admin/racers/undo")
@access(Permission.ADMIN)
def undo() -> Response:
    try:
        with scope.writing() as session:
            outcome = undoing.undo(session, request.form.get("batch", ""), by=scope.me(), now=clock.now())
        racer_reports.tell_undone(outcome)
    except RuleBroken as refusal:
        if refusal.code is not Code.CONFLICT:
            raise
        flash(refusal.message, "error")
    return hx.redirect(racer_reports.with_done(racer_selection.read(request.form).back, ""))


def _question(action: Action, selection: Selection, problem: Problem | None = None) -> Response:
    session = scope.reading()
    people = selection.people(session)
    racer_actions.require_on(session)
    errors, status = errors_of(problem)
    return hx.render(
        "admin/racer_action.html",
        "admin/_racer_action.html",
        status,
        action=action.value,
        people=people,
        selection=selection,
        seen=racer_list.fingerprint(people),
        follows=racer_consequences.of(session, action, people),
        quotas_now=racer_consequences.quotas_now(session, people) if action is Action.QUOTA else {},
        values=request.form.to_dict(),
        errors=errors,
    )
