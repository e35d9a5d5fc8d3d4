"""Budgets, the hard cap, thresholds, and where alerts go besides the page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, hx, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms import alerts as forms
from portal.forms.parsing import FormErrors, parse
from portal.rules import alert_receivers, alert_thresholds, budgets, limits, racers
from portal.rules.broken import Code, RuleBroken
from portal.tables import AlertScope

pages = Blueprint("admin_budgets", __name__)

Answer = str | Response | tuple[str, int]


@pages.get("/admin/alerts/setup")
@access(Permission.ADMIN)
def show() -> Answer:
    return _page({})


@pages.post("/admin/alerts/setup")
@access(Permission.ADMIN)
def save() -> Answer:
    try:
        form = parse(forms.BudgetsForm, request.form)
        with scope.writing() as session:
            changed = limits.change(
                session, by=scope.me(), now=clock.now(), reason=form.reason, action="budget.change", **form.values()
            )
    except (FormErrors, RuleBroken) as problem:
        blank: dict[str, Any] = {"hard_cap_enabled": False}
        return _page(blank | request.form.to_dict(), problem)
    return _done(changed, _("Saved. It counts from now on."), "budgets")


@pages.post("/admin/alerts/setup/racers")
@access(Permission.ADMIN)
def save_own() -> Answer:
    try:
        form = parse(forms.OwnBudgetForm, request.form)
        with scope.writing() as session:
            racer = racers.find_by_alias(session, form.alias)
            if racer is None:
                raise RuleBroken(Code.INVALID, _("Nobody here has this alias."), "alias")
            changed = budgets.set_for(session, racer, form.budget, by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _page(request.form.to_dict(), problem)
    return _done(changed, _("The budget of %(name)s is changed.", name=form.alias), "own-budgets")


@pages.post("/admin/alerts/setup/thresholds")
@access(Permission.ADMIN)
def add_threshold() -> Answer:
    try:
        form = parse(forms.ThresholdForm, request.form)
        with scope.writing() as session:
            alert_thresholds.add(session, form.scope, **form.values(), by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _page(request.form.to_dict(), problem)
    return _done(True, _("Added. Paddock looks within 15 seconds."), "thresholds")


@pages.post("/admin/alerts/setup/thresholds/<threshold_id>/remove")
@access(Permission.ADMIN)
def remove_threshold(threshold_id: str) -> Response:
    with scope.writing() as session:
        gone = alert_thresholds.remove(session, threshold_id, by=scope.me(), now=clock.now())
    value = gone.percent if gone.percent is not None else forms.typed(gone.amount_microusd)
    unit = "dollars" if gone.percent is None else "percent"
    return hx.redirect(url_for("admin_budgets.show", removed=value, unit=unit, scope=gone.scope, _anchor="thresholds"))


@pages.post("/admin/alerts/setup/addresses")
@access(Permission.ADMIN)
def save_addresses() -> Answer:
    try:
        form = parse(forms.AddressesForm, request.form)
        with scope.writing() as session:
            changed = alert_receivers.set_addresses(session, form.values(), by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _page(request.form.to_dict(), problem)
    return _done(changed, _("The addresses are saved."), "receivers")


@pages.post("/admin/alerts/setup/web-hook")
@access(Permission.ADMIN)
def save_web_hook() -> Answer:
    """A new secret is on this answer only."""
    try:
        form = parse(forms.WebHookForm, request.form)
        with scope.writing() as session:
            changed = alert_receivers.set_web_hook(session, form.webhook_url, by=scope.me(), now=clock.now())
            receivers = alert_receivers.current(session)
    except (FormErrors, RuleBroken) as problem:
        return _page(request.form.to_dict(), problem)
    if changed and receivers.webhook_secret:
        return _secret(receivers.webhook_url, receivers.webhook_secret)
    return _done(changed, _("There is no web hook any more."), "receivers")


@pages.get("/admin/alerts/setup/web-hook/secret")
@access(Permission.ADMIN)
def ask_secret() -> Response:
    url = alert_receivers.current(scope.reading()).webhook_url
    if not url:
        raise RuleBroken(Code.MISSING, _("There is no web hook."))
    return hx.render("admin/web_hook_renew.html", "admin/_web_hook_renew.html", url=url)


@pages.post("/admin/alerts/setup/web-hook/secret")
@access(Permission.ADMIN)
def renew_secret() -> Answer:
    with scope.writing() as session:
        secret = alert_receivers.renew_secret(session, by=scope.me(), now=clock.now())
        url = alert_receivers.current(session).webhook_url
    return _secret(url, secret)


@pages.post("/admin/alerts/setup/test-<any(mail, hook):what>")
@access(Permission.ADMIN)
def test(what: str) -> Answer:
    """Writes it down to be sent, and shows the log, which says what becomes of it."""
    send = alert_receivers.test_mails if what == "mail" else alert_receivers.test_web_hook
    try:
        with scope.writing() as session:
            send(session, scope.settings().organisation, by=scope.me(), now=clock.now())
    except RuleBroken as problem:
        return _page({}, problem)
    flash(_("It is on its way. This page says what becomes of it."), "info")
    return hx.redirect(url_for("admin_deliveries.index", kind="mail" if what == "mail" else "web-hook"))


def _page(values: dict[str, Any], problem: Problem | None = None) -> Answer:
    errors, status = errors_of(problem)
    session = scope.reading()
    given, receivers = limits.current(session), alert_receivers.current(session)
    known = forms.values_of(given) | {"emails": "\n".join(receivers.emails), "webhook_url": receivers.webhook_url}
    page = render_template(
        "admin/alerts_setup.html",
        values=known | {"unit": "percent", "scope": AlertScope.INSTANCE} | values,
        errors=errors,
        thresholds={scope: alert_thresholds.of_scope(session, scope) for scope in AlertScope},
        own_budgets=budgets.own_budgets(session),
        receivers=receivers,
        sends_mails=bool(scope.settings().smtp_url),
        removed=request.args if "removed" in request.args else None,
        typed=forms.typed,
    )
    return page, status


def _secret(url: str, secret: str) -> Response:
    return hx.render("admin/web_hook_secret.html", "admin/_web_hook_secret.html", url=url, secret=secret)


def _done(changed: bool, said: str, part: str) -> Response:
    flash(said if changed else _("Nothing was changed."), "success" if changed else "info")
    return hx.redirect(url_for("admin_budgets.show", _anchor=part))
