"""Who comes into a private race: the organizer's page, and the way in by a link or a code."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from portal import clock, hx, live, scope
from portal.access import Permission, access
from portal.errors import STATUS
from portal.forms.parsing import FormErrors, parse
from portal.forms.race_people import LinkForm, ListForm
from portal.rate_limits import limiter
from portal.rules import overlay_keys, race_people, races
from portal.rules.broken import RuleBroken
from portal.tables import Race

pages = Blueprint("race_people", __name__)

Answer = str | Response | tuple[str, int]


@pages.get("/races/<race_id>/people")
@access(Permission.RACER)
def show(race_id: str) -> Answer:
    return _page(_own(race_id))


@pages.post("/races/<race_id>/people/link")
@access(Permission.RACER)
def change_link(race_id: str) -> Answer:
    race = _own(race_id)
    try:
        if request.form.get("do") == "revoke":
            with scope.writing() as session:
                race_people.revoke(session, race, by=scope.me(), now=clock.now())
            flash(_("The link and the code lead nowhere now. Who is in stays in."), "success")
        else:
            form = parse(LinkForm, request.form)
            with scope.writing() as session:
                race_people.renew(session, race, by=scope.me(), now=clock.now(), days=form.days)
            flash(_("The link and the code are new; the old ones lead nowhere. Who is in stays in."), "success")
    except (FormErrors, RuleBroken) as problem:
        return _page(race, problem)
    return _back(race)


@pages.post("/races/<race_id>/people/overlay")
@access(Permission.RACER)
def change_overlay(race_id: str) -> Answer:
    """Makes the address of the overlay, makes it anew, or takes it back."""
    race = _own(race_id)
    had_one = race.overlay_key is not None
    try:
        with scope.writing() as session:
            if request.form.get("do") == "revoke":
                overlay_keys.revoke(session, race, by=scope.me(), now=clock.now())
                flash(_("The address of the overlay leads nowhere now."), "success")
            else:
                overlay_keys.renew(session, race, by=scope.me(), now=clock.now())
                flash(_("The address of the overlay is new."), "success")
    except RuleBroken as problem:
        return _page(race, problem)
    if had_one:
        _tell(race)
    return hx.redirect(url_for("race_people.show", race_id=race.public_id, _anchor="overlay-title"))


@pages.post("/races/<race_id>/people")
@access(Permission.RACER)
def add(race_id: str) -> Answer:
    race = _own(race_id)
    try:
        form = parse(ListForm, request.form)
        with scope.writing() as session:
            listed = race_people.add(session, race, form.lines, by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _page(race, problem)
    if listed.added:
        flash(ngettext("%(num)s was added.", "%(num)s were added.", len(listed.added)), "success")
    if listed.there:
        flash(_("Already there: %(names)s", names=", ".join(listed.there[:20])), "info")
    if listed.wrong:
        names = ", ".join(listed.wrong[:20])
        flash(_("Not added, because it is no address, domain or racer's alias: %(names)s", names=names), "error")
    return _back(race)


@pages.post("/races/<race_id>/people/list/<guest_id>/remove")
@access(Permission.RACER)
def take_off(race_id: str, guest_id: str) -> Answer:
    race = _own(race_id)
    with scope.writing() as session:
        line = race_people.take_off(session, race, guest_id, by=scope.me(), now=clock.now())
    if line is not None:
        _tell(race)
        flash(_("%(line)s is off the list. To undo it, add it again.", line=line), "success")
    return _back(race)


@pages.post("/races/<race_id>/people/<racer_id>/<any(remove, restore):verb>")
@access(Permission.RACER)
def change(race_id: str, racer_id: str, verb: str) -> Answer:
    race = _own(race_id)
    racer = race_people.person(scope.reading(), race, racer_id)
    try:
        with scope.writing() as session:
            rule = race_people.remove if verb == "remove" else race_people.bring_back
            changed = rule(session, race, racer, by=scope.me(), now=clock.now())
    except RuleBroken as problem:
        return _page(race, problem)
    if changed and verb == "remove":
        _tell(race)
        flash(_("%(alias)s sees the race no more. You can bring them back below.", alias=racer.alias), "success")
    elif changed:
        flash(_("%(alias)s is in again.", alias=racer.alias), "success")
    return _back(race)


@pages.get("/join")
@access(Permission.RACER)
def ask_code() -> Answer:
    code = request.args.get("code", "").strip()
    return redirect(url_for("race_people.arrive", code=code)) if code else _code_form()


@pages.get("/join/<code>")
@access(Permission.RACER)
@limiter.limit("60 per hour")
def arrive(code: str) -> Answer:
    """The race that a link leads to, named and not yet joined; who is in goes on to it."""
    try:
        race = race_people.find(scope.reading(), scope.me(), code, now=clock.now())
    except RuleBroken as refusal:
        return _code_form(code, refusal.message), 404
    if races.may_see(scope.reading(), race, scope.me()):
        return redirect(url_for("races.show", race_id=race.public_id))
    owner = races.owner_of(scope.reading(), race)
    return render_template("races/join.html", race=race, owner=owner, code=code, state=races.state(race, clock.now()))


@pages.post("/join/<code>")
@access(Permission.RACER)
@limiter.limit("60 per hour")
def join(code: str) -> Answer:
    try:
        with scope.writing() as session:
            race, is_new = race_people.join(session, scope.me(), code, now=clock.now())
    except RuleBroken as refusal:
        return _code_form(code, refusal.message), STATUS[refusal.code]
    if is_new:
        flash(_("You are in. The race is on your start page from now on."), "success")
    return hx.redirect(url_for("races.show", race_id=race.public_id))


def _own(race_id: str) -> Race:
    return races.get_own(scope.reading(), scope.me(), race_id)


def _back(race: Race) -> Response:
    return hx.redirect(url_for("race_people.show", race_id=race.public_id))


def _overlay_address(race: Race) -> str:
    """The address for programs that stream; empty where none was made."""
    if race.overlay_key is None:
        return ""
    path = url_for("race_screens.overlay", race_id=race.public_id, key=race.overlay_key)
    return scope.settings().address + path


def _tell(race: Race) -> None:
    """Those who watch on the channel of the race as it was read ask anew; who lost sight of it finds nothing."""
    live.publish(scope.redis(), live.race_channel(race.public_id, race.audience), "moved", {})


def _code_form(code: str = "", problem: str = "") -> str:
    return render_template("races/join_code.html", values={"code": code}, errors={"code": problem} if problem else {})


def _page(race: Race, problem: FormErrors | RuleBroken | None = None) -> Answer:
    session = scope.reading()
    if isinstance(problem, RuleBroken):
        errors, status = {problem.field or "": problem.message}, STATUS[problem.code]
    else:
        errors, status = (problem.by_field, 422) if problem else ({}, 200)
    code = race.invite_code
    return (
        render_template(
            "races/people.html",
            race=race,
            people=race_people.of(session, race),
            code=race_people.shown(code) if code else "",
            address=scope.settings().address + url_for("race_people.arrive", code=code) if code else "",
            is_over=race.invite_expires_at is not None and race.invite_expires_at <= clock.now(),
            overlay_address=_overlay_address(race),
            private_left=races.private_left(session),
            values=request.form,
            errors=errors,
        ),
        status,
    )
