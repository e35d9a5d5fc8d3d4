"""The visitor's own profile: how others see it, what it used, where it is signed in."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import clock, hx, scope, user_agents
from portal.access import Permission, access
from portal.forms.parsing import FormErrors, parse
from portal.forms.profile import COLOURS, ProfileForm, countries
from portal.rules import alerts, browser_sessions, budgets, ledger, racers, statements
from portal.rules.broken import Code, RuleBroken

pages = Blueprint("profile", __name__)

Answer = str | Response | tuple[str, int]
SHOWN_LINES = 5


@pages.get("/profile")
@access(Permission.RACER)
def show() -> str:
    me, session = scope.me(), scope.reading()
    sessions = browser_sessions.open_of(session, me, now=clock.now(), idle_s=scope.settings().session_idle_s)
    account = ledger.account_of(session, me)
    return render_template(
        "profile/show.html",
        balance=ledger.balance_of(account),
        budget=budgets.of_racer(session, me, now=clock.now()),
        alert=alerts.own(session, me, now=clock.now()),
        lines=statements.newest(session, account, SHOWN_LINES),
        country=dict(_countries()).get(me.country, ""),
        sessions=sessions,
        this_session=browser_sessions.hash_of(current_user.secret),
        describe=user_agents.describe,
        has_local_password=scope.settings().uses_local_provider and me.issuer == racers.LOCAL_ISSUER,
    )


@pages.get("/profile/edit")
@access(Permission.SIGNED_IN)
def edit() -> str:
    me = scope.me()
    racers.require_may_join(scope.reading(), me)
    values = {name: getattr(me, name) or "" for name in ProfileForm.model_fields}
    return _form(values, {})


@pages.post("/profile/edit")
@access(Permission.SIGNED_IN)
def save() -> Answer:
    is_first = not scope.me().has_profile
    try:
        form = parse(ProfileForm, request.form)
        with scope.writing() as session:
            racers.save_profile(session, scope.me(), **form.model_dump(), now=clock.now())
    except FormErrors as errors:
        return _form(request.form.to_dict(), errors.by_field), 422
    except RuleBroken as refusal:
        if refusal.code is Code.FORBIDDEN:
            raise
        return _form(request.form.to_dict(), {refusal.field or "": refusal.message}), 422
    flash(_("Welcome to the paddock, %(alias)s.", alias=form.alias) if is_first else _("Profile saved."), "success")
    return redirect(_next(), code=303)


@pages.post("/profile/sessions/end-others")
@access(Permission.SIGNED_IN)
def end_other_sessions() -> Response:
    with scope.writing() as session:
        ended = browser_sessions.end_others(session, scope.me(), current_user.secret)
    flash(_("Signed out in %(count)s other places.", count=ended), "success")
    return redirect(url_for("profile.show"), code=303)


def _form(values: dict[str, str], errors: dict[str, str]) -> str:
    return render_template(
        "profile/edit.html",
        values=values,
        errors=errors,
        countries=_countries(),
        colours=COLOURS,
        is_first=not scope.me().has_profile,
    )


def _next() -> str:
    wanted = request.args.get("next", "")
    return wanted if hx.is_local_path(wanted) else url_for("profile.show")


def _countries() -> tuple[tuple[str, str], ...]:
    locale = get_locale()
    return countries(str(locale) if locale else "en")
