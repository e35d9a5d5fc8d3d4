"""Error pages: what happened and what to do, never a stack trace."""

from __future__ import annotations

import structlog
from flask import Flask, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from markupsafe import Markup
from redis.exceptions import RedisError
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError

from portal.rules.broken import Code, RuleBroken
from portal.tables import RequestKind

STATUS = {Code.MISSING: 404, Code.FORBIDDEN: 403, Code.CONFLICT: 409, Code.INVALID: 422}

log = structlog.get_logger(__name__)

TITLES = {
    400: "That request could not be read",
    403: "This is not open to you",
    404: "There is nothing here",
    405: "That cannot be done here",
    409: "Not now",
    413: "That is too large",
    422: "Something in the form needs a change",
    429: "A little slower, please",
    500: "Something broke on our side",
    503: "Part of Paddock is away for a moment",
}


def init_app(app: Flask) -> None:
    app.register_error_handler(RuleBroken, _rule_broken)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(RedisError, _queue_away)
    app.register_error_handler(OperationalError, _storage_away)
    app.register_error_handler(DataError, _no_such_text)
    app.register_error_handler(HTTPException, _http_error)


def _page(status: int, message: str) -> tuple[str, int]:
    title = TITLES.get(status, "That did not work")
    fragment = bool(getattr(request, "htmx", False))
    template = "errors/_message.html" if fragment else "errors/show.html"
    return render_template(template, status=status, title=title, message=message), status


def told(error: RuleBroken) -> str:
    """What a rule says, with a link to the form that asks for more where more would mend it."""
    if error.ask_for is None:
        return error.message
    words = _("Ask for more models") if error.ask_for == RequestKind.MODELS else _("Ask for more hours")
    address = url_for("requests.new", kind=error.ask_for)
    return Markup('{} <a href="{}">{}</a>').format(error.message, address, words)


def _rule_broken(error: RuleBroken) -> tuple[str, int]:
    return _page(STATUS[error.code], told(error))


def _stale_form(_error: CSRFError) -> tuple[str, int]:
    if not current_user.is_authenticated:
        return _page(400, "You are not signed in any more. Go back, copy what you typed, sign in and send it again.")
    return _page(400, "This form was open for too long or came from elsewhere. Go back, reload it and send it again.")


def _queue_away(error: RedisError) -> tuple[str, int]:
    log.error("the queue server is away", error=str(error))
    return _page(503, "The queue is away. Nothing is lost; try again in a moment.")


def _storage_away(error: OperationalError) -> tuple[str, int]:
    """A full disk, a database that is away or too busy: the transaction was rolled back."""
    log.error("the database does not answer", error=str(error.orig))
    return _page(503, "The storage is full, away or busy. Nothing was changed; try again in a moment.")


def _no_such_text(error: DataError) -> tuple[str, int]:
    """PostgreSQL takes no NUL as text, wherever a form carried it in; SQLite does."""
    if "NUL" not in str(error.orig):
        raise error
    return _page(400, "There is an invisible NUL character in what was sent. Go back and type the text anew.")


def _http_error(error: HTTPException) -> tuple[str, int]:
    if isinstance(error, InternalServerError):
        return _page(500, "It is in the log. Try again; if it stays, tell your administrator when it happened.")
    return _page(error.code or 500, error.description or "")
