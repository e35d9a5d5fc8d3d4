"""Who organizes a race, and what they announce."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, headers, hx, live, scope
from portal.access import Permission, access
from portal.form_problems import errors_of
from portal.forms.parsing import FormErrors, parse
from portal.forms.race_community import AnnouncementForm, OrganizerForm, RaceHookForm
from portal.rate_limits import limiter
from portal.rules import race_announcements, race_hooks, race_organizers, races
from portal.rules.broken import RuleBroken
from portal.tables import Race

pages = Blueprint("race_organizers", __name__)

Answer = Response | tuple[str, int]


@pages.get("/races/<race_id>/organizers")
@access(Permission.RACER)
def show(race_id: str) -> Answer:
    return _page(_own(race_id))


@pages.post("/races/<race_id>/organizers")
@access(Permission.RACER)
def add(race_id: str) -> Answer:
    race = _own(race_id)
    try:
        alias = parse(OrganizerForm, request.form).alias
        with scope.writing() as session:
            racer = race_organizers.add(session, race, alias, by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _page(race, problem)
    flash(_("%(alias)s organizes this race with you now.", alias=racer.alias), "success")
    return _back(race)


@pages.post("/races/<race_id>/organizers/<racer_id>/remove")
@access(Permission.RACER)
def take_off(race_id: str, racer_id: str) -> Response:
    race = _own(race_id)
    with scope.writing() as session:
        racer = race_organizers.take_off(session, race, racer_id, by=scope.me(), now=clock.now())
    if racer is not None:
        live.publish(scope.redis(), live.race_channel(race.public_id, race.audience), "moved", {})
        flash(_("%(alias)s organizes it no more. To undo it, add them again.", alias=racer.alias), "success")
    own = racer is not None and racer.id == scope.me().id
    return hx.redirect(url_for("races.index")) if own else _back(race)


@pages.get("/races/<race_id>/announcements")
@access(Permission.PUBLIC)
def announcements(race_id: str) -> Response:
    race = races.get_visible(scope.reading(), scope.visitor(), race_id)
    found = race_announcements.of(scope.reading(), race)
    may_change = races.may_change(race, scope.visitor())
    context = {"race": race, "announced": found, "may_change": may_change}
    return headers.fresh(hx.render("races/announcements.html", "races/_announcements.html", **context))


@pages.post("/races/<race_id>/announcements")
@access(Permission.RACER)
@limiter.limit("60 per hour")
def announce(race_id: str) -> Answer:
    race = _own(race_id)
    try:
        text = parse(AnnouncementForm, request.form).text
        with scope.writing() as session:
            race_announcements.announce(session, race, text, by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _page(race, problem)
    flash(_("Everybody who sees the race reads it now."), "success")
    return _back(race)


@pages.post("/races/<race_id>/announcements/<announcement_id>/<any(remove, restore):verb>")
@access(Permission.RACER)
def change(race_id: str, announcement_id: str, verb: str) -> Response:
    race = _own(race_id)
    rule = race_announcements.take_back if verb == "remove" else race_announcements.bring_back
    with scope.writing() as session:
        rule(session, race, announcement_id, by=scope.me(), now=clock.now())
    flash(_("It is taken back.") if verb == "remove" else _("Everybody reads it again."), "success")
    undo = {"removed": announcement_id} if verb == "remove" else {}
    return hx.redirect(url_for("race_organizers.show", race_id=race_id, **undo))


@pages.post("/races/<race_id>/hooks")
@access(Permission.RACER)
@limiter.limit("60 per hour")
def add_hook(race_id: str) -> Answer:
    race = _own(race_id)
    try:
        url = parse(RaceHookForm, request.form).webhook_url
        with scope.writing() as session:
            race_hooks.add(session, race, url, by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _page(race, problem)
    flash(_("Events of this race are posted there from now on, signed with the secret below."), "success")
    return _back(race)


@pages.post("/races/<race_id>/hooks/<hook_id>/remove")
@access(Permission.RACER)
def remove_hook(race_id: str, hook_id: str) -> Response:
    race = _own(race_id)
    with scope.writing() as session:
        race_hooks.remove(session, race, hook_id, by=scope.me(), now=clock.now())
    flash(_("Nothing is posted there any more. To undo it, add the address again: it gets a new secret."), "success")
    return _back(race)


def _own(race_id: str) -> Race:
    return races.get_own(scope.reading(), scope.me(), race_id)


def _back(race: Race) -> Response:
    return hx.redirect(url_for("race_organizers.show", race_id=race.public_id))


def _page(race: Race, problem: FormErrors | RuleBroken | None = None) -> Answer:
    session, me = scope.reading(), scope.me()
    errors, status = errors_of(problem)
    page = render_template(
        "races/organizers.html",
        race=race,
        owner=races.owner_of(session, race),
        organizers=race_organizers.of(session, race),
        may_name=races.owns(race, me),
        me=me,
        announced=race_announcements.of(session, race),
        hooks=[(hook, race_hooks.log_of(session, hook)) for hook in race_hooks.of(session, race)],
        removed=request.args.get("removed", ""),
        values=request.form,
        errors=errors,
    )
    return page, status
