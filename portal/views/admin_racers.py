"""The table of racers, and what an administrator does to one, several or all of them."""

from __future__ import annotations

from flask import Blueprint, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlmodel import Session
from werkzeug.wrappers import Response

from portal import clock, hx, scope
from portal.access import Permission, access
from portal.forms.parsing import FormErrors, parse
from portal.forms.racer_actions import QuotaForm, ReasonForm
from portal.rules import racer_actions, racer_list
from portal.rules.racer_actions import Outcome
from portal.tables import HOUR_MS, Racer

pages = Blueprint("admin_racers", __name__)

VERBS = "any(pause, resume, quota)"


@pages.get("/admin/racers")
@access(Permission.ADMIN)
def index() -> Response:
    search, sort = request.args.get("q", "").strip(), request.args.get("sort", "alias")
    found = racer_list.listed(scope.reading(), search=search, sort=sort, page=request.args.get("page", 1, type=int))
    return hx.render("admin/racers.html", "admin/_racers.html", found=found, q=search, sort=sort)


@pages.get(f"/admin/racers/<{VERBS}:verb>")
@access(Permission.ADMIN)
def ask(verb: str) -> Response:
    """Names who is meant and what follows, before anything happens."""
    people = racer_list.chosen(scope.reading(), request.args.getlist("racer"))
    return _question(verb, people, {}, {})


@pages.post(f"/admin/racers/<{VERBS}:verb>")
@access(Permission.ADMIN)
def act(verb: str) -> Response:
    chosen = request.form.getlist("racer")
    try:
        form = parse(QuotaForm if verb == "quota" else ReasonForm, request.form)
    except FormErrors as errors:
        people = racer_list.chosen(scope.reading(), chosen)
        return _question(verb, people, request.form.to_dict(), errors.by_field, 422)
    with scope.writing() as session:
        outcome = _do(session, verb, racer_list.chosen(session, chosen), form)
    _report(outcome)
    return hx.redirect(url_for("admin_racers.index"))


def _do(session: Session, verb: str, people: list[Racer], form: ReasonForm) -> Outcome:
    me, now = scope.me(), clock.now()
    if isinstance(form, QuotaForm):
        quota_ms = round(form.hours * HOUR_MS)
        return racer_actions.set_quota(session, people, quota_ms, by=me, now=now, reason=form.reason)
    change = {"pause": racer_actions.pause, "resume": racer_actions.resume}[verb]
    return change(session, people, by=me, now=now, reason=form.reason)


def _question(
    verb: str, people: list[Racer], values: dict[str, str], errors: dict[str, str], status: int = 200
) -> Response:
    return hx.render(
        "admin/racer_action.html",
        "admin/_racer_action.html",
        status,
        verb=verb,
        people=people,
        values=values,
        errors=errors,
    )


def _report(outcome: Outcome) -> None:
    if outcome.changed:
        count = len(outcome.changed)
        flash(ngettext("Done for %(num)s racer.", "Done for %(num)s racers.", count), "success")
    if outcome.same:
        names = ", ".join(racer.alias or racer.name for racer in outcome.same)
        flash(_("It was so already for %(names)s.", names=names), "info")
    for racer, message in outcome.refused:
        flash(f"{racer.alias or racer.name}: {message}", "error")
