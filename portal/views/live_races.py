"""LIVE races: the broadcast, the queue, and the organizer's control page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, jsonify, make_response, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, doorbell, headers, hx, live, live_parts, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.live_race import LiveRaceForm, MoveForm, OrderForm, RunForm, SpeedForm, SwitchForm
from portal.forms.parsing import FormErrors, parse
from portal.forms.submission import SubmissionForm
from portal.race_parts import track_of
from portal.rules import live_races, live_stage, models, races, standings, submissions
from portal.rules.broken import Code, RuleBroken
from portal.streams.tokens import stream_url
from portal.tables import Evaluation, JobKind, LiveRace, Race

pages = Blueprint("live_races", __name__)

Answer = Response | tuple[str, int]
MOVES = {"up": -1, "down": 1, "first": -10_000}
LONGEST_PIECE_NUMBER = 4
KEPT_S = 3600


@pages.get("/races/<race_id>/live")
@access(Permission.PUBLIC)
def show(race_id: str) -> Response:
    race, event = _event(race_id)
    return _page("live_races/show.html", race, event, values=request.args, errors={})


@pages.get("/races/<race_id>/live/state")
@access(Permission.PUBLIC)
def state(race_id: str) -> Response:
    race, event = _event(race_id)
    return headers.fresh(jsonify(live_parts.state(scope.reading(), race, event)))


@pages.get("/races/<race_id>/live/runs/<run_id>/<number>")
@access(Permission.PUBLIC)
def piece(race_id: str, run_id: str, number: str) -> Response:
    """Ten seconds of the drive, from the moment on at which everybody may know them."""
    race, _live = _event(race_id)
    run = live_stage.find_run(scope.reading(), race, run_id)
    if run is None or not (number.isascii() and number.isdecimal() and len(number) <= LONGEST_PIECE_NUMBER):
        raise RuleBroken(Code.MISSING, "There is no such drive.")
    answer = jsonify(live_parts.piece(scope.reading(), race, run, int(number)))
    answer.headers["Cache-Control"] = f"private, max-age={KEPT_S}"
    return answer


@pages.post("/races/<race_id>/live/enter")
@access(Permission.RACER)
def enter(race_id: str) -> Answer:
    race, event = _event(race_id)
    try:
        wanted = parse(SubmissionForm, request.form).model
        with scope.writing() as session:
            model = models.get_own(session, scope.me(), wanted)
            live_races.enter(session, race, model, by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        errors, status = errors_of(problem)
        return _page("live_races/show.html", race, event, values=request.form, errors=errors, status=status)
    _tell(race_id)
    flash(_("%(model)s is in the queue.", model=model.name), "success")
    return hx.redirect(url_for("live_races.show", race_id=race_id))


@pages.post("/races/<race_id>/live/withdraw")
@access(Permission.RACER)
def withdraw(race_id: str) -> Answer:
    race, _live = _event(race_id)
    run = parse(RunForm, request.form).run
    with scope.writing() as session:
        gone = live_races.withdraw(session, race, run, by=scope.me())
    _tell(race_id)
    flash(_("The car is out of the queue.") if gone else _("The car was launched already."), "success")
    back = "live_races.control" if "control" in request.form else "live_races.show"
    return hx.redirect(url_for(back, race_id=race_id))


@pages.get("/races/<race_id>/live/control")
@access(Permission.RACER)
def control(race_id: str) -> Response:
    return _control(races.get_own(scope.reading(), scope.me(), race_id))


@pages.post("/races/<race_id>/live/<any(make, entries, autolaunch, launch, clear, speed, move, order, winner):verb>")
@access(Permission.RACER)
def change(race_id: str, verb: str) -> Answer:
    """Everything that the organizer does; each is one rule."""
    race = races.get_own(scope.reading(), scope.me(), race_id)
    try:
        _do(race, verb)
    except (FormErrors, RuleBroken) as problem:
        return _control(race, problem)
    _tell(race_id)
    if hx.wants_fragment():
        return _control(races.get_own(scope.reading(), scope.me(), race_id))
    return hx.redirect(url_for("live_races.control", race_id=race_id))


def _do(race: Race, verb: str) -> None:
    by, now, form = scope.me(), clock.now(), request.form
    wanted: Evaluation | None = None
    with scope.writing() as session:
        if verb == "make":
            live_races.make(session, race, by=by, now=now, limit_s=parse(LiveRaceForm, form).limit_s)
        elif verb == "entries":
            live_races.set_entries(session, race, by=by, now=now, is_open=parse(SwitchForm, form).on == "1")
        elif verb == "autolaunch":
            live_races.set_autolaunch(session, race, by=by, now=now, is_on=parse(SwitchForm, form).on == "1")
        elif verb == "launch":
            evaluation_id = live_races.launch(session, race, parse(RunForm, form).run, by=by, now=now)
            wanted = session.get(Evaluation, evaluation_id) if evaluation_id else None
        elif verb == "clear":
            live_races.clear(session, race, by=by, now=now)
        elif verb == "speed":
            live_races.set_speed(session, race, parse(SpeedForm, form).speed, by=by, now=now)
        elif verb == "move":
            asked = parse(MoveForm, form)
            live_races.move(session, race, asked.run, by=by, places=MOVES[asked.to])
        elif verb == "order":
            live_races.reorder(session, race, parse(OrderForm, form, lists=("order",)).order, by=by)
        else:
            live_races.declare(session, race, by=by, now=now)
    if wanted is not None:
        doorbell.ring(scope.redis(), JobKind.EVALUATION, wanted.id or 0, wanted.attempt)


def _tell(race_id: str) -> None:
    """Every open page of the race hears that its state is another one."""
    race, event = _event(race_id)
    channel = live.race_channel(race.public_id, race.audience)
    live.publish(scope.redis(), channel, "live", {})
    if event.winner_id is not None:
        live.publish(scope.redis(), channel, "standings", {"version": race.version})


def _event(race_id: str) -> tuple[Race, LiveRace]:
    """A LIVE race that the visitor may see. Raises RuleBroken (missing)."""
    race = races.get_visible(scope.reading(), scope.visitor(), race_id)
    event = live_stage.of(scope.reading(), race)
    if event is None:
        raise RuleBroken(Code.MISSING, "This is no LIVE race.")
    return race, event


def _page(template: str, race: Race, event: LiveRace, status: int = 200, **context: Any) -> Response:
    session, visitor, now = scope.reading(), scope.visitor(), clock.now()
    is_racer = visitor is not None and visitor.has_profile
    closed = live_races.why_closed(session, race, event, visitor, now=now) if visitor and is_racer else ""
    eligible = submissions.eligible_models(session, race, visitor) if visitor and is_racer and not closed else []
    page = render_template(
        template,
        race=race,
        event=event,
        live_state=live_parts.state(session, race, event),
        own_run=live_parts.visitor_run(race),
        closed_to_me=closed,
        ready=[model for model, reason in eligible if reason is None],
        board=standings.for_race(session, race),
        state=races.state(race, now),
        track=track_of(race),
        may_change=races.may_change(race, visitor),
        stream=stream_url(live.race_channel(race.public_id, race.audience)),
        mine=visitor,
        now=now,
        **context,
    )
    response = make_response(page, status)
    return headers.fresh(response)


def _control(race: Race, problem: Problem | None = None) -> Response:
    session = scope.reading()
    event = live_stage.of(session, race)
    errors, status = errors_of(problem)
    context = {
        "race": race,
        "event": event,
        "errors": errors,
        "values": request.form or {"limit_s": live_races.USUAL_LIMIT_S},
        "has_entries": races.has_entries(session, race),
        "stage": live_stage.stage_run(session, event) if event else None,
        "live_state": live_parts.state(session, race, event) if event else None,
        "queue": live_stage.queue(session, race),
        "done": [pair for pair in live_stage.done(session, race) if not event or pair[0].id != event.stage_run_id],
        "board": standings.for_race(session, race),
        "speeds": live_races.SPEEDS_PERCENT,
        "stream": stream_url(live.race_channel(race.public_id, race.audience)),
        "now": clock.now(),
    }
    response = hx.render("live_races/control.html", "live_races/_control.html", status=status, **context)
    return headers.fresh(response)
