"""The standings for many eyes: a big screen, and an overlay for streams."""

from __future__ import annotations

import segno
from flask import Blueprint, make_response, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from portal import clock, live, scope
from portal.access import Permission, access
from portal.forms.overlay import COLUMNS, OverlayForm
from portal.forms.parsing import FormErrors, parse
from portal.rules import races, standings
from portal.rules.broken import Code, RuleBroken
from portal.streams.tokens import stream_url

pages = Blueprint("race_screens", __name__)


@pages.get("/races/<race_id>/screen")
@access(Permission.PUBLIC)
def screen(race_id: str) -> Response:
    address = scope.settings().address + url_for("races.show", race_id=race_id)
    return _page("race_screens/screen.html", race_id, qr=_qr(address), race_address=address)


@pages.get("/races/<race_id>/overlay")
@access(Permission.PUBLIC)
def overlay(race_id: str) -> Response:
    """A transparent page; `rows`, `columns`, `theme`, `size` and `title` in the address say how it looks."""
    try:
        options = parse(OverlayForm, request.args)
    except FormErrors as wrong:
        name, message = next(iter(wrong.by_field.items()))
        raise RuleBroken(Code.INVALID, f"{name}: {message}") from None
    hidden = [column for column in (*COLUMNS, "runs") if column not in options.columns]
    return _page("race_screens/overlay.html", race_id, options=options, hidden=hidden)


def _page(template: str, race_id: str, **context: object) -> Response:
    race = races.get_visible(scope.reading(), scope.visitor(), race_id)
    now = clock.now()
    page = render_template(
        template,
        race=race,
        board=standings.for_race(scope.reading(), race),
        state=races.state(race, now),
        stream=stream_url(live.race_channel(race.public_id, race.audience)),
        mine=None,
        now=now,
        **context,
    )
    response = make_response(page)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _qr(address: str) -> Markup:
    """The address as a QR code, an SVG without a size of its own."""
    drawn = segno.make(address, error="m").svg_inline(omitsize=True, svgclass="qr", lineclass=None, light="#ffffff")
    return Markup(drawn)  # noqa: S704  made of squares
