"""What an event looks like when it leaves: a rendered fragment where one is registered, else one line of JSON.

    @renders("race", "standings")
    def standings(public_id: str, data: dict[str, Any]) -> str | None: ...

A renderer runs in a thread inside a request of an anonymous visitor, once per event, for all viewers: it must show
nothing that only some of them may see. None sends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import render_template

from portal import clock, live_parts, scope
from portal.rules import live_stage, races, standings

Render = Callable[[str, dict[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Renderer:
    """How an event becomes text. `newest_only`: it shows a whole state, so that older ones need not be sent."""

    render: Render
    newest_only: bool


RENDERERS: dict[tuple[str, str], Renderer] = {}
"""By kind of channel and name of event."""


def renders(kind: str, event: str, *, newest_only: bool = True) -> Callable[[Render], Render]:
    """Registers the renderer of one event on one kind of channel."""

    def register(render: Render) -> Render:
        RENDERERS[kind, event] = Renderer(render, newest_only)
        return render

    return register


def renderer_of(channel: str, event: str) -> Renderer | None:
    """The registered renderer; None where the event leaves as JSON."""
    return RENDERERS.get((channel.partition(":")[0], event))


def as_json(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


@renders("race", "standings")
def race_standings(channel_id: str, _data: dict[str, Any]) -> str | None:
    """The standings as the database has them now; nothing once the race was deleted or has another audience."""
    session = scope.reading()
    public_id, _, audience = channel_id.partition(".")
    race = races.find(session, public_id)
    if race is None or int(audience or 0) != race.audience:
        return None
    board = standings.for_race(session, race)
    now = clock.now()
    state = races.state(race, now)
    return render_template("races/_standings.html", race=race, board=board, state=state, mine=None, now=now)


@renders("race", "live")
def live_race(channel_id: str, _data: dict[str, Any]) -> str | None:
    """The state of a LIVE race as JSON, with the server's clock."""
    session = scope.reading()
    public_id, _, audience = channel_id.partition(".")
    race = races.find(session, public_id)
    live = live_stage.of(session, race) if race is not None else None
    if race is None or live is None or int(audience or 0) != race.audience:
        return None
    return as_json(live_parts.state(session, race, live))
