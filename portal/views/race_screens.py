"""The standings for many eyes: a big screen, and an overlay for streams."""

from __future__ import annotations

import segno
from flask import Blueprint, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from portal import clock, headers, hx, live, scope
from portal.access import Permission, access
from portal.forms.overlay import COLUMNS, OverlayForm
from portal.forms.parsing import FormErrors, parse
from portal.rules import overlay_keys, races, standings
from portal.rules.broken import Code, RuleBroken
from portal.streams.tokens import stream_url
from portal.tables import Race
from portal.views.races import STREAM_HEADER

pages = Blueprint("race_screens", __name__)


@pages.get("/races/<race_id>/screen")
@access(Permission.PUBLIC)
def screen(race_id: str) -> Response:
    address = scope.settings().address + url_for("races.show", race_id=race_id)
    race = races.get_visible(scope.reading(), scope.visitor(), race_id)
    return _page("race_screens/screen.html", race, qr=_qr(address), race_address=address)


@pages.get("/races/<race_id>/overlay")
@access(Permission.PUBLIC)
def overlay(race_id: str) -> Response:
    """A transparent page; `rows`, `columns`, `theme`, `size` and `title` in the address say how it looks.

    With `key`, that of a private race, it opens for everybody: the page and the fragment that it asks for.
    """
    key = request.args.get("key")
    if key is None:
        race, source = races.get_visible(scope.reading(), scope.visitor(), race_id), "races.show"
    else:
        race, source = overlay_keys.race_of(scope.reading(), race_id, key), "race_screens.overlay"
    try:
        options = parse(OverlayForm, request.args)
    except FormErrors as wrong:
        name, message = next(iter(wrong.by_field.items()))
        raise RuleBroken(Code.INVALID, f"{name}: {message}") from None
    hidden = [column for column in (*COLUMNS, "runs") if column not in options.columns]
    address = url_for(source, race_id=race_id, key=key)
    return _page("race_screens/overlay.html", race, options=options, hidden=hidden, fragment_address=address)


def _page(template: str, race: Race, **context: object) -> Response:
    now = clock.now()
    stream = stream_url(live.race_channel(race.public_id, race.audience))
    response = hx.render(
        template,
        "races/_standings.html",
        race=race,
        board=standings.for_race(scope.reading(), race),
        state=races.state(race, now),
        stream=stream,
        mine=None,
        now=now,
        **context,
    )
    response.headers[STREAM_HEADER] = stream
    return headers.fresh(response)


def _qr(address: str) -> Markup:
    """The address as a QR code, an SVG without a size of its own."""
    drawn = segno.make(address, error="m").svg_inline(omitsize=True, svgclass="qr", lineclass=None, light="#ffffff")
    return Markup(drawn)  # noqa: S704  made of squares
