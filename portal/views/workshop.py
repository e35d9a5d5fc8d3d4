"""A workshop of an hour: what to say and do, a checklist, a handout to print, and the form to ask for one."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, hx, request_letters, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.parsing import FormErrors, parse
from portal.forms.request import WorkshopForm
from portal.rate_limits import limiter
from portal.reward_help import DEFAULT_CODE
from portal.rules import limits, requests, sponsorship
from portal.rules.broken import RuleBroken
from portal.tables import RequestKind

pages = Blueprint("workshop", __name__)

Answer = Response | tuple[str, int]


@pages.get("/workshop")
@access(Permission.PUBLIC)
def show() -> str:
    return render_template("workshop/show.html", limits=limits.current(scope.reading()), workers=_workers())


@pages.get("/workshop/handout")
@access(Permission.PUBLIC)
def handout() -> str:
    """Two sheets for participants; the browser prints them."""
    return render_template(
        "workshop/handout.html",
        address=scope.settings().address,
        code=DEFAULT_CODE,
        local_accounts=scope.settings().uses_local_provider,
        limits=limits.current(scope.reading()),
    )


def _workers() -> int:
    """Trainings that run at the same time on this machine; workers on other hosts come on top."""
    return scope.settings().workers


@pages.get("/workshop/request")
@access(Permission.RACER)
def ask() -> Answer:
    found = requests.open_of(scope.reading(), scope.me(), RequestKind.WORKSHOP)
    return _form({**found.details, "reason": found.reason} if found else {"contact": scope.me().email})


@pages.post("/workshop/request")
@access(Permission.RACER)
@limiter.limit("20 per minute")
def send() -> Answer:
    try:
        form = parse(WorkshopForm, request.form)
        with scope.writing() as session:
            asked = requests.ask(
                session,
                RequestKind.WORKSHOP,
                0,
                by=scope.me(),
                reason=form.reason,
                details=form.model_dump(exclude={"reason"}),
                now=clock.now(),
            )
            request_letters.tell_administrators(session, asked)
    except (FormErrors, RuleBroken) as problem:
        return _form(request.form, problem)
    flash(_("Sent. The answer appears here and in your garage.") if asked.is_new else _("Changed."), "success")
    return hx.redirect(url_for("requests.index"))


def _form(values: Mapping[str, str], problem: Problem | None = None) -> tuple[str, int]:
    session, me = scope.reading(), scope.me()
    errors, status = errors_of(problem)
    page = render_template(
        "workshop/request.html",
        values=values,
        errors=errors,
        found=requests.open_of(session, me, RequestKind.WORKSHOP),
        refusal=sponsorship.SWITCHED_OFF if sponsorship.is_shut_out(session, me) else "",
        today=clock.now().date().isoformat(),
    )
    return page, status
