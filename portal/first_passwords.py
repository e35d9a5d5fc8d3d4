"""First passwords on their way to a download: signed into the page that shows them, and stored nowhere."""

from __future__ import annotations

from collections.abc import Iterable

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer

from portal.rules.account_import import ImportedRow
from portal.rules.broken import Code, RuleBroken

SALT = "paddock.first-passwords"
LIFE_S = 3600

Slip = tuple[str, str, str, str]
"""User name, name, e-mail, first password."""


def sealed(rows: Iterable[ImportedRow], racer_id: int) -> str:
    """The slips of a page, for its own download: only whoever made the page can read them back, within the hour."""
    slips = [(row.wanted.username, row.wanted.name, row.wanted.email, row.password) for row in rows if row.is_made]
    return str(_serializer().dumps([racer_id, slips]))


def opened(seal: str, racer_id: int) -> list[Slip]:
    """The slips again. Raises RuleBroken (invalid) where they are somebody else's, changed or too old."""
    try:
        owner, slips = _serializer().loads(seal, max_age=LIFE_S)
    except BadData:
        owner, slips = None, []
    if owner != racer_id:
        message = "These passwords cannot be shown again. Upload the list once more with “new first passwords”."
        raise RuleBroken(Code.INVALID, message)
    return [(str(username), str(name), str(email), str(password)) for username, name, email, password in slips]


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=SALT)
