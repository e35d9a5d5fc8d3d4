"""Pieces of race pages: time left, gaps, countries, places and tracks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Flask, url_for
from flask_babel import format_datetime, get_locale, gettext, ngettext
from markupsafe import Markup

from portal import clock, formats, race_map, scope
from portal.drawing import TrackPicture, track_picture
from portal.race_map import DrawnObject
from portal.rules import race_cars, race_days, race_objects
from portal.rules.ranking import Standing
from portal.tables import Race
from sim.objects import TrackObjects
from sim.track import Direction, TrackError

SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class RaceTrack:
    """What a race's page says of its track."""

    title: str
    length_m: float
    picture: TrackPicture
    objects: tuple[DrawnObject, ...] = ()
    """Boxes and bots as a run begins."""


def track_of(race: Race) -> RaceTrack | None:
    """The track as the race drives it; None where it is not here any more."""
    return track_with(race.track, race.direction, race_objects.of(race), race.seed)


def track_with(name: str, direction: str, objects: TrackObjects | None, seed: int) -> RaceTrack | None:
    """A track with boxes or bots on it; None where there is no such track. Raises FormErrors where it has no room."""
    try:
        track = scope.tracks().get(name)
    except TrackError:
        return None
    way = Direction(direction)
    placed = race_map.drawn(track, way, objects, seed)
    return RaceTrack(track.title, track.length_m, track_picture(track, way), placed)


def race_type(race: Race) -> str:
    """The type of a race and what is on its track, in words."""
    return race_map.type_in_words(race_objects.of(race))


def race_time(moment: datetime, zone_name: str) -> str:
    """A moment by the clocks of the race's own time zone, which it names."""
    shown = format_datetime(moment.astimezone(race_days.zone_of(zone_name)), "d MMM y, HH:mm", rebase=False)
    return f"{shown} {zone_name.replace('_', ' ')}"


def time_left(moment: datetime, now: datetime | None = None) -> str:
    """How long until a moment, in its two largest units: `2 d 4 h`, `4 h 30 min`, `12 min 5 s`."""
    left_ms = max(0, int((moment - (now or clock.now())).total_seconds())) * SECOND_MS
    days, rest_ms = divmod(left_ms, 24 * 3600 * SECOND_MS)
    if days:
        hours = rest_ms // (3600 * SECOND_MS)
        return f"{days} d {hours} h" if hours else f"{days} d"
    return formats.duration(left_ms)


def countdown(moment: datetime) -> Markup:
    """The time left as an element that a script counts down; without it, as it was when the page was made."""
    return Markup('<span class="countdown" data-until="{}">{}</span>').format(
        moment.isoformat(timespec="seconds"), time_left(moment)
    )


def behind(standing_ms: int | None, laps: int) -> str:
    """A gap or an interval as it is written: `+0.231`, `+1 lap`, or a dash for the leader."""
    if laps:
        return "+" + str(ngettext("%(num)s lap", "%(num)s laps", laps))
    return formats.gap(standing_ms)


def gap_of(standing: Standing) -> str:
    return behind(standing.gap_ms, standing.gap_laps)


def interval_of(standing: Standing) -> str:
    return behind(standing.interval_ms, standing.interval_laps)


def moved(standing: Standing) -> Markup:
    """Places won or lost by the newest result: a sign for the eye, words for the ear."""
    delta = standing.delta
    if delta is None:
        return Markup('<span class="moved new">{}</span>').format(gettext("new"))
    if delta == 0:
        return Markup('<span class="moved same" aria-hidden="true">{}</span>').format(formats.DASH)
    sign, kind = ("▲", "up") if delta > 0 else ("▼", "down")
    words = gettext("up") if delta > 0 else gettext("down")
    return Markup('<span class="moved {}"><span aria-hidden="true">{}</span>{} {}</span>').format(
        kind, sign, Markup('<span class="visually-hidden">{}</span>').format(words), abs(delta)
    )


def country(code: str) -> Markup:
    """A country as its two letters, with its name for ears and pointers; nothing where none was given."""
    if not code:
        return Markup("")
    name = country_name(code)
    return Markup('<abbr class="country" title="{}">{}</abbr>').format(name, code)


def country_name(code: str) -> str:
    locale = get_locale()
    return str(locale.territories.get(code, code)) if locale else code


def racer_link(alias: str | None) -> Markup:
    """A racer's alias as a link to the public profile; who has no profile is not named."""
    if alias is None:
        return Markup("{}").format(gettext("a racer"))
    return Markup('<a href="{}">{}</a>').format(url_for("racers.show", alias=alias), alias)


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(countdown=countdown, country=country, country_name=country_name, racer_link=racer_link)
    app.jinja_env.globals.update(race_type=race_type, allowed_sensors=race_cars.titles)
    app.jinja_env.filters.update(race_time=race_time)
    app.jinja_env.filters.update(gap_of=gap_of, interval_of=interval_of, moved=moved)
