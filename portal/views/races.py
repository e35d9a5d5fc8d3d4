"""Races: the list, the live leaderboard, and what an organizer does."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal import clock, doorbell, garage_parts, headers, hx, live, scope
from portal.access import Permission, access
from portal.errors import STATUS
from portal.forms.live_race import LiveRaceForm
from portal.forms.parsing import FormErrors, parse
from portal.forms.race import DRIVEN_FIELDS, LISTS, RaceForm, RacePreviewForm, copy_of, defaults, time_zones, values_of
from portal.forms.submission import SubmissionForm
from portal.race_map import are_drawn, type_in_words
from portal.race_parts import track_of, track_with
from portal.rate_limits import limiter
from portal.rules import (
    live_races,
    live_stage,
    models,
    race_announcements,
    race_lists,
    race_organizers,
    race_rescoring,
    race_teams,
    races,
    ranking,
    sponsorship,
    standings,
    submissions,
    usage,
)
from portal.rules.broken import Code, RuleBroken
from portal.rules.races import RaceDetails, RaceState
from portal.streams.tokens import stream_url
from portal.tables import JobKind, Race, Submission, Visibility
from sim.objects import objects_from_json
from sim.sensors import SENSORS
from sim.track import Direction

pages = Blueprint("races", __name__)

STREAM_HEADER = "Paddock-Stream"
"""On a fragment: where the page hears of what comes next, with a new ticket."""
LONGEST_PAGE_NUMBER = 6
FIRST_ATTEMPT = 0
LIVE_LIMIT = "live_limit_s"
"""The field of a clone of a LIVE race that makes it one as well."""

Problem = FormErrors | RuleBroken
Answer = Response | tuple[str, int]


@pages.get("/races")
@access(Permission.PUBLIC)
def index() -> Response:
    q = request.args.get("q", "").strip()[:100]
    wanted = request.args.get("state", "")
    number = request.args.get("page", "1")
    page = int(number) if number.isdecimal() and len(number) <= LONGEST_PAGE_NUMBER else 1
    state = RaceState(wanted) if wanted in list(RaceState) else None
    on_tracks = garage_parts.tracks_titled(q) if q else set()
    found = race_lists.listed(
        scope.reading(), scope.visitor(), now=clock.now(), q=q, on_tracks=on_tracks, wanted=state, page=page
    )
    return hx.render(
        "races/index.html",
        "races/_list.html",
        found=found,
        titles=garage_parts.track_titles({listed.race.track for listed in found.races}),
        q=q,
        wanted=state.value if state else "",
        states=RaceState,
    )


@pages.get("/races/<race_id>")
@access(Permission.PUBLIC)
def show(race_id: str) -> Response:
    race = races.get_visible(scope.reading(), scope.visitor(), race_id)
    context = _standings_of(race)
    stream = stream_url(live.race_channel(race.public_id, race.audience))
    if not hx.wants_fragment():
        context |= _page_of(race) | {"stream": stream}
    response = hx.render("races/show.html", "races/_standings.html", **context)
    response.headers[STREAM_HEADER] = stream
    return headers.fresh(response)


def _standings_of(race: Race) -> dict[str, Any]:
    """What the standings fragment shows."""
    board = standings.for_race(scope.reading(), race)
    now = clock.now()
    return {"race": race, "board": board, "state": races.state(race, now), "mine": scope.visitor(), "now": now}


def _page_of(race: Race) -> dict[str, Any]:
    """What stands around the standings."""
    session, visitor, now = scope.reading(), scope.visitor(), clock.now()
    is_racer = visitor is not None and visitor.has_profile
    may_change = races.may_change(race, visitor)
    entered = submissions.of_racer(session, race, visitor) if visitor and is_racer else []
    return {
        "track": track_of(race),
        "owner": races.owner_of(session, race),
        "tie_break": ranking.TIE_BREAK,
        "may_change": may_change,
        "event": live_stage.of(session, race),
        "may_become_live": may_change and not races.has_entries(session, race),
        "owns": races.owns(race, visitor),
        "organizers": race_organizers.of(session, race),
        "announced": race_announcements.of(session, race),
        "my_team": race_teams.mine(session, race, visitor),
        "cost": usage.of_race(session, race) if may_change else None,
        "entered": entered,
        "waits": submissions.waits(session, entered, now=now),
        "closed_to_me": submissions.why_closed(session, race, visitor, now=now) if visitor and is_racer else "",
    }


@pages.get("/races/new")
@access(Permission.RACER)
def new() -> str:
    values = {**defaults(clock.now()), "track": request.args.get("track", "")}
    errors = {"": refused} if (refused := sponsorship.refusal(scope.reading(), scope.me())) else {}
    return render_template("races/new.html", values=values, errors=errors, **_choices())


@pages.get("/races/<race_id>/clone")
@access(Permission.RACER)
def clone(race_id: str) -> str:
    """The form of a new race with everything that this one has, as long and beginning now; LIVE where it is."""
    race = races.get_own(scope.reading(), scope.me(), race_id)
    errors = {"": refused} if (refused := sponsorship.refusal(scope.reading(), scope.me())) else {}
    values = copy_of(race, clock.now())
    event = live_stage.of(scope.reading(), race)
    if event is not None:
        values[LIVE_LIMIT] = event.run_limit_ms // 1000
    return render_template("races/new.html", values=values, errors=errors, cloned=race, **_choices())


@pages.post("/races")
@access(Permission.RACER)
@limiter.limit("60 per hour")
def create() -> Answer:
    try:
        details = parse(RaceForm, request.form, LISTS).details(scope.tracks().names())
        _check_room(details)
        limit_s = _live_limit()
        with scope.writing() as session:
            race = races.create(session, scope.me(), now=clock.now(), **details)
            if limit_s is not None:
                live_races.make(session, race, by=scope.me(), now=clock.now(), limit_s=limit_s)
    except (FormErrors, RuleBroken) as problem:
        return _form_again("races/new.html", problem)
    if race.visibility == Visibility.PRIVATE:
        flash(_("The race is made, and nobody else sees it yet. Let people in here."), "success")
        return hx.redirect(url_for("race_people.show", race_id=race.public_id))
    flash(_("The race is made. Share this page with those who should enter."), "success")
    return hx.redirect(url_for("races.show", race_id=race.public_id))


def _live_limit() -> int | None:
    """For how long each car of a new LIVE race drives, in seconds; None for a race that is none."""
    typed = request.form.get(LIVE_LIMIT, "")
    if not typed:
        return None
    try:
        return parse(LiveRaceForm, MultiDict({"limit_s": typed})).limit_s
    except FormErrors as wrong:
        raise FormErrors({LIVE_LIMIT: wrong.by_field["limit_s"]}) from None


@pages.get("/races/<race_id>/edit")
@access(Permission.RACER)
def edit(race_id: str) -> str:
    race = races.get_own(scope.reading(), scope.me(), race_id)
    fixed = races.has_entries(scope.reading(), race)
    return render_template("races/edit.html", race=race, fixed=fixed, values=values_of(race), errors={}, **_choices())


@pages.post("/races/<race_id>/edit")
@access(Permission.RACER)
def save(race_id: str) -> Answer:
    race = races.get_own(scope.reading(), scope.me(), race_id)
    fixed = races.has_entries(scope.reading(), race)
    try:
        known = {*scope.tracks().names(), race.track}
        details = parse(RaceForm, request.form, LISTS).details(known, race)
        _check_room(details, race)
        if fixed and race_rescoring.is_rescored(race, details) and "confirmed" not in request.form:
            races.check_edit(scope.reading(), race, **details)
            return _ask_rescoring(race, details)
        with scope.writing() as session:
            changed = races.edit(session, race, by=scope.me(), now=clock.now(), **details)
    except (FormErrors, RuleBroken) as problem:
        return _form_again("races/edit.html", problem, race=race, fixed=fixed)
    _publish(changed)
    flash(_("The race is changed."), "success")
    return hx.redirect(url_for("races.show", race_id=race_id))


def _ask_rescoring(race: Race, details: RaceDetails) -> Answer:
    """What another way to score changes, with everything that was typed: nothing is written yet."""
    found = race_rescoring.preview(scope.reading(), race, details)
    typed = [pair for pair in request.form.items(multi=True) if pair[0] != "csrf_token"]
    page = render_template("races/confirm_edit.html", race=race, details=details, found=found, typed=typed)
    return page, 200


def _check_room(details: RaceDetails, race: Race | None = None) -> None:
    """Raises FormErrors where the track has no room for the boxes or bots."""
    objects = objects_from_json(details["objects"])
    track_with(details["track"], details["direction"], objects, details.get("seed", race.seed if race else 0))


def _publish(race: Race) -> None:
    """Those who watch draw the standings anew."""
    live.publish(
        scope.redis(), live.race_channel(race.public_id, race.audience), "standings", {"version": race.version}
    )


@pages.get("/races/preview")
@access(Permission.RACER)
def preview() -> str:
    """The track as a form says it, with its boxes and bots: a fragment, and nothing is stored.

    Without a seed it shows places of one that is drawn here, and says so; with `race`, which is edited, its own.
    """
    edited = races.get_own(scope.reading(), scope.me(), request.args["race"]) if "race" in request.args else None
    chosen, seed, problem, track = None, None, "", None
    try:
        form = parse(RacePreviewForm, request.args)
        chosen, seed = form.objects(), form.seed if form.seed is not None or edited is None else edited.seed
        way = request.args.get("direction", "")
        direction = Direction(way if way in list(Direction) else Direction.COUNTERCLOCKWISE).value
        drawn = secrets.randbelow(races.SEEDS) if seed is None else seed
        track = track_with(request.args.get("track", ""), direction, chosen, drawn)
    except FormErrors as errors:
        problem = str(errors)
    is_example = seed is None and are_drawn(chosen)
    words = type_in_words(chosen)
    return render_template("races/_preview.html", track=track, problem=problem, words=words, is_example=is_example)


@pages.get("/races/<race_id>/enter")
@access(Permission.RACER)
def enter(race_id: str) -> str:
    race = races.get_visible(scope.reading(), scope.me(), race_id)
    return render_template("submissions/new.html", **_own_models(race), errors={}, values=request.args)


@pages.post("/races/<race_id>/enter")
@access(Permission.RACER)
def submit(race_id: str) -> Answer:
    race = races.get_visible(scope.reading(), scope.me(), race_id)
    try:
        wanted = parse(SubmissionForm, request.form).model
        with scope.writing() as session:
            model = models.get_own(session, scope.me(), wanted)
            submission = submissions.enter(session, race, model, by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _not_entered(race, problem)
    _tell(race, submission)
    flash(_("%(model)s is entered. The result shows here by itself.", model=model.name), "success")
    return hx.redirect(url_for("races.show", race_id=race.public_id, _anchor="mine"))


def _tell(race: Race, submission: Submission) -> None:
    """Wakes a worker, and shows everybody who watches that one more is on its way."""
    redis = scope.redis()
    doorbell.ring(redis, JobKind.EVALUATION, submission.evaluation_id, FIRST_ATTEMPT)
    live.publish(redis, live.race_channel(race.public_id, race.audience), "standings", {"version": race.version})


def _not_entered(race: Race, problem: Problem) -> tuple[str, int]:
    if isinstance(problem, FormErrors):
        errors, status = {"model": _("Choose one of your models.")}, 422
    elif problem.code is Code.MISSING:
        raise problem
    else:
        errors, status = {problem.field or "": problem.message}, STATUS[problem.code]
    return render_template("submissions/new.html", **_own_models(race), errors=errors, values=request.form), status


def _own_models(race: Race) -> dict[str, object]:
    session, me = scope.reading(), scope.me()
    found = submissions.eligible_models(session, race, me)
    return {
        "race": race,
        "ready": [model for model, reason in found if reason is None],
        "not_ready": [(model, reason) for model, reason in found if reason is not None],
        "left": submissions.left_today(session, race, me, now=clock.now()),
        "closed_to_me": submissions.why_closed(session, race, me, now=clock.now()),
    }


@pages.get("/races/<race_id>/close")
@access(Permission.RACER)
def ask_close(race_id: str) -> str:
    race = races.get_own(scope.reading(), scope.me(), race_id)
    return render_template("races/close.html", race=race, pending=standings.pending(scope.reading(), race))


@pages.post("/races/<race_id>/close")
@access(Permission.RACER)
def close(race_id: str) -> Response:
    race = races.get_own(scope.reading(), scope.me(), race_id)
    with scope.writing() as session:
        closed = races.close(session, race, by=scope.me(), now=clock.now())
    _publish(race)
    flash(_("The race is closed.") if closed else _("The race was closed already."), "success")
    return hx.redirect(url_for("races.show", race_id=race_id))


@pages.get("/races/<race_id>/delete")
@access(Permission.RACER)
def ask_delete(race_id: str) -> str:
    race = races.get_own(scope.reading(), scope.me(), race_id)
    entered, racers = races.entries(scope.reading(), race)
    pending = standings.pending(scope.reading(), race)
    return render_template("races/delete.html", race=race, submissions=entered, racers=racers, pending=pending)


@pages.post("/races/<race_id>/delete")
@access(Permission.RACER)
def delete(race_id: str) -> Response:
    race = races.get_own(scope.reading(), scope.me(), race_id)
    with scope.writing() as session:
        races.delete(session, race, by=scope.me(), now=clock.now())
    flash(_("The race %(name)s is deleted.", name=race.name), "success")
    return hx.redirect(url_for("races.index"))


def _choices() -> dict[str, object]:
    library = scope.tracks()
    return {
        "tracks": [(name, library.get(name).title) for name in library.names()],
        "sensors": list(SENSORS.values()),
        "driven_fields": DRIVEN_FIELDS,
        "time_zones": [(zone, zone.replace("_", " ")) for zone in time_zones()],
        "private_left": races.private_left(scope.reading()),
    }


def _form_again(template: str, problem: Problem, **context: object) -> tuple[str, int]:
    """The form with everything that was typed and what is wrong with it: 422, or 409 and 403 where a rule says no."""
    if isinstance(problem, RuleBroken):
        if problem.code is Code.MISSING:
            raise problem
        errors, status = {problem.field or "": problem.message}, STATUS[problem.code]
    else:
        errors, status = problem.by_field, 422
    return render_template(template, values=request.form, errors=errors, **_choices(), **context), status
