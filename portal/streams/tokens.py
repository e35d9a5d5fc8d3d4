"""Tickets for streams: a page that may show something carries a signed token for its channels.

The token is checked without the database. It ends after twelve hours, and with it the stream: the page asks for itself
again, which checks anew what it may show.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app
from itsdangerous import BadData, URLSafeTimedSerializer

EVENTS_PATH = "/events"
LIFE_S = 12 * 3600
SALT = "paddock.streams"
REACH_BACK_S = 5
"""How far before its token a new stream begins: what was published while the page was being made is not missed."""


class BadToken(Exception):
    """Not signed by this instance, or over."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a token says: channels, and the moment (seconds since 1970) at which it was signed."""

    channels: tuple[str, ...]
    signed_at: float

    @property
    def since(self) -> str:
        """The id in a Redis stream from which a viewer without a last event begins."""
        return f"{int((self.signed_at - REACH_BACK_S) * 1000)}-0"

    @property
    def ends_at(self) -> float:
        return self.signed_at + LIFE_S


def issue(secret: str, channels: tuple[str, ...]) -> str:
    """A token for channels such as `race:<public-id>`."""
    return URLSafeTimedSerializer(secret, salt=SALT).dumps(list(channels))


def read(secret: str, token: str, *, life_s: int = LIFE_S) -> Ticket:
    """The ticket of a token. Raises BadToken where it is forged, damaged or over."""
    try:
        channels, signed_at = URLSafeTimedSerializer(secret, salt=SALT).loads(
            token, max_age=life_s, return_timestamp=True
        )
    except BadData as error:
        raise BadToken(str(error)) from None
    return Ticket(tuple(channels), signed_at.timestamp())


def stream_url(*channels: str) -> str:
    """The address at which a page hears of these channels. Only for what the page itself may show."""
    return f"{EVENTS_PATH}?t={issue(current_app.config['SECRET_KEY'], channels)}"


def init_app(app: Flask) -> None:
    app.jinja_env.globals["stream_url"] = stream_url
