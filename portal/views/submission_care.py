"""What is done to a submission after it was entered: withdrawn, driven again, disqualified and put back."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, doorbell, hx, live, scope
from portal.access import Permission, access
from portal.form_problems import errors_of
from portal.forms.disqualification import DisqualificationForm
from portal.forms.parsing import FormErrors, parse
from portal.rate_limits import limiter
from portal.rules import disqualifications, races, reruns, submissions, withdrawals
from portal.rules.broken import Code, RuleBroken
from portal.tables import JobKind, Race

pages = Blueprint("submission_care", __name__)

Answer = Response | tuple[str, int]


@pages.post("/races/<race_id>/submissions/<submission_id>/withdraw")
@access(Permission.RACER)
def withdraw(race_id: str, submission_id: str) -> Response:
    race = races.get_visible(scope.reading(), scope.me(), race_id)
    try:
        with scope.writing() as session:
            withdrawals.withdraw(session, race, submission_id, by=scope.me(), now=clock.now())
    except RuleBroken as problem:
        if problem.code is Code.MISSING:
            raise
        flash(problem.message, "error")
    else:
        _publish(race)
        flash(_("It is withdrawn and cost nothing. You can enter the model again below."), "success")
    return hx.redirect(url_for("races.show", race_id=race_id, _anchor="mine"))


@pages.post("/races/<race_id>/submissions/<submission_id>/rerun")
@access(Permission.RACER)
@limiter.limit("30 per hour")
def rerun(race_id: str, submission_id: str) -> Response:
    race = races.get_visible(scope.reading(), scope.me(), race_id)
    try:
        with scope.writing() as session:
            again = reruns.request(session, race, submission_id, by=scope.me(), now=clock.now())
    except RuleBroken as problem:
        if problem.code in (Code.MISSING, Code.FORBIDDEN):
            raise
        flash(problem.message, "error")
    else:
        doorbell.ring(scope.redis(), JobKind.EVALUATION, again.id or 0, again.attempt)
        flash(_("It is driven again. Whether every lap is the same shows here by itself."), "success")
    return _back(race_id, submission_id)


@pages.get("/races/<race_id>/submissions/<submission_id>/disqualify")
@access(Permission.RACER)
def ask_disqualify(race_id: str, submission_id: str) -> Answer:
    return _question(races.get_own(scope.reading(), scope.me(), race_id), submission_id)


@pages.post("/races/<race_id>/submissions/<submission_id>/disqualify")
@access(Permission.RACER)
def disqualify(race_id: str, submission_id: str) -> Answer:
    race = races.get_own(scope.reading(), scope.me(), race_id)
    try:
        reason = parse(DisqualificationForm, request.form).reason
        with scope.writing() as session:
            disqualifications.disqualify(session, race, submission_id, reason=reason, by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _question(race, submission_id, problem)
    _publish(race)
    flash(_("It is out of the standings, which are ranked anew. You can put it back here."), "success")
    return _back(race_id, submission_id)


@pages.post("/races/<race_id>/submissions/<submission_id>/reinstate")
@access(Permission.RACER)
def reinstate(race_id: str, submission_id: str) -> Response:
    race = races.get_own(scope.reading(), scope.me(), race_id)
    with scope.writing() as session:
        disqualifications.reinstate(session, race, submission_id, by=scope.me(), now=clock.now())
    _publish(race)
    flash(_("It counts again, and the standings are ranked anew."), "success")
    return _back(race_id, submission_id)


def _question(race: Race, submission_id: str, problem: FormErrors | RuleBroken | None = None) -> Answer:
    entered = submissions.get(scope.reading(), race, submission_id)
    errors, status = errors_of(problem)
    racer = submissions.racer_of(scope.reading(), entered.submission)
    page = render_template(
        "submissions/disqualify.html", race=race, entered=entered, racer=racer, values=request.form, errors=errors
    )
    return page, status


def _back(race_id: str, submission_id: str) -> Response:
    return hx.redirect(url_for("submissions.show", race_id=race_id, submission_id=submission_id))


def _publish(race: Race) -> None:
    """Those who watch draw the standings anew."""
    channel = live.race_channel(race.public_id, race.audience)
    live.publish(scope.redis(), channel, "standings", {"version": race.version})
