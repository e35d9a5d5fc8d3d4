"""The setup of multi-user mode: its switch, the limits, what a new racer gets, and the prices of the estimate."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from sqlmodel import Session
from werkzeug.wrappers import Response

from portal import clock, hx, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms import setup
from portal.forms.parsing import FormErrors, parse
from portal.rules import limits, multi_user, overview
from portal.rules.broken import RuleBroken

pages = Blueprint("admin_setup", __name__)

Answer = str | Response | tuple[str, int]
VERBS = "any(enable, disable)"


@pages.get("/admin/setup")
@access(Permission.ADMIN)
def show() -> tuple[str, int]:
    stored = limits.current(scope.reading())
    return _page({name: setup.typed(name, getattr(stored, name)) for name in setup.defaults()})


@pages.post("/admin/setup")
@access(Permission.ADMIN)
def save() -> Answer:
    try:
        form = parse(setup.LimitsForm, request.form)
        with scope.writing() as session:
            changed = limits.change(session, by=scope.me(), now=clock.now(), reason=form.reason, **form.values())
    except (FormErrors, RuleBroken) as problem:
        return _page(request.form.to_dict(), problem)
    flash(
        _("Saved. It counts from now on.") if changed else _("Nothing was changed."), "success" if changed else "info"
    )
    return hx.redirect(url_for("admin_setup.show"))


@pages.post(f"/admin/setup/<any({', '.join(setup.PARTS)}):part>/defaults")
@access(Permission.ADMIN)
def reset(part: str) -> Response:
    """Puts one part back to the retired console's numbers."""
    values = {name: value for name, value in setup.defaults().items() if name in setup.PARTS[part]}
    with scope.writing() as session:
        limits.change(session, by=scope.me(), now=clock.now(), reason=_("back to the defaults"), **values)
    flash(_("Back to the defaults."), "success")
    return hx.redirect(url_for("admin_setup.show"))


@pages.get(f"/admin/setup/<{VERBS}:verb>")
@access(Permission.ADMIN)
def ask(verb: str) -> Answer:
    return _question(verb, {})


@pages.post(f"/admin/setup/<{VERBS}:verb>")
@access(Permission.ADMIN)
def switch(verb: str) -> Answer:
    try:
        form = parse(setup.SwitchForm, request.form)
        with scope.writing() as session:
            changed = _switch(session, verb, form)
    except (FormErrors, RuleBroken) as problem:
        return _question(verb, request.form.to_dict(), problem)
    said = _("Multi-user mode is on.") if verb == "enable" else _("Multi-user mode is off.")
    flash(said if changed else _("It was so already."), "success" if changed else "info")
    return hx.redirect(url_for("admin_setup.show"))


def _switch(session: Session, verb: str, form: setup.SwitchForm) -> bool:
    by, now, reason = scope.me(), clock.now(), form.reason
    if verb == "disable":
        return multi_user.disable(session, by=by, now=now, understood=form.understood, reason=reason)
    return multi_user.enable(session, by=by, now=now, access=form.access, permissions=form.permissions, reason=reason)


def _page(values: dict[str, str], problem: Problem | None = None) -> tuple[str, int]:
    errors, status = errors_of(problem)
    session = scope.reading()
    page = render_template(
        "admin/setup.html",
        values=values,
        errors=errors,
        limits=limits.current(session),
        reach=multi_user.reach(session),
        used=overview.shared(session),
        defaults={name: setup.typed(name, value) for name, value in setup.defaults().items()},
    )
    return page, status


def _question(verb: str, values: dict[str, Any], problem: Problem | None = None) -> Answer:
    errors, status = errors_of(problem)
    return hx.render(
        "admin/switch.html",
        "admin/_switch.html",
        status,
        verb=verb,
        values=values,
        errors=errors,
        limits=limits.current(scope.reading()),
        reach=multi_user.reach(scope.reading()),
        address=scope.settings().address,
    )
