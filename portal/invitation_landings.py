"""Where an invitation may lead, in words for the person who chooses and for the one who comes."""

from __future__ import annotations

from flask import current_app, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from portal import clock, hx, scope
from portal.rules import race_lists, races
from portal.rules.races import RaceState

ELSEWHERE = "elsewhere"
"""The choice of a path that is typed."""
SHOWN_RACES = 20


def choices() -> list[tuple[str, str]]:
    """Paths and what they are: fixed pages, then public races that are open or to come."""
    found = [(path, text[:1].upper() + text[1:]) for path, text in _pages().items()]
    for wanted in (RaceState.OPEN, RaceState.UPCOMING):
        for listed in race_lists.in_state(scope.reading(), None, wanted, now=clock.now(), limit=SHOWN_RACES):
            found.append((_race_path(listed.race.public_id), _("Race: %(name)s", name=listed.race.name)))
    return [*found, (ELSEWHERE, _("Another page of this portal"))]


def name_of(path: str) -> str:
    """What a path is, for the invited person; empty where it has no name that everybody may read."""
    known = _pages().get(path, "")
    prefix = _race_path("")
    if known or not path.startswith(prefix):
        return known
    race = races.find(scope.reading(), path.removeprefix(prefix))
    is_public = race is not None and race.visibility == "public"
    return _("the race “%(name)s”", name=race.name) if race is not None and is_public else ""


def is_page(path: str) -> bool:
    """True where the portal has a page at this path, whoever may see it."""
    if not hx.is_local_path(path):
        return False
    try:
        current_app.url_map.bind("localhost").match(path.split("?", 1)[0].split("#", 1)[0], method="GET")
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True


def _pages() -> dict[str, str]:
    return {
        url_for("garage.index"): _("your garage"),
        url_for("models.new"): _("your first model"),
        url_for("races.index"): _("the races"),
        url_for("home.show"): _("the start page"),
    }


def _race_path(public_id: str) -> str:
    return url_for("races.index") + f"/{public_id}"
