"""Page or fragment: the one place that knows how HTMX asks and is answered."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import flask
from flask import render_template
from htmx_flask import make_response, request
from werkzeug.wrappers import Response

from portal.rules.local_paths import is_local_path as is_local_path

VARY = "HX-Request, HX-History-Restore-Request"


def wants_fragment() -> bool:
    """True where HTMX asks for a part of a page. Restoring history needs the whole page."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def render(page: str, fragment: str, /, status: int = 200, **context: Any) -> Response:
    """The fragment for HTMX, the page that includes it for everybody else."""
    template = fragment if wants_fragment() else page
    response: Response = make_response(render_template(template, **context), status)
    response.headers["Vary"] = VARY
    return response


def redirect(location: str) -> Response:
    """A redirect that both kinds of request follow: 303 for a page, HX-Redirect for a fragment.

    A fragment request would follow a 303 by itself and swap a whole page into its target. HX-Location would ask for
    the next page as a fragment; HX-Redirect makes the browser go there.
    """
    if wants_fragment():
        response: Response = make_response("", 204, redirect=location)
        response.headers["Vary"] = VARY
        return response
    return flask.redirect(location, code=303)


def current_path() -> str:
    """The path that the visitor sees: for a fragment the page around it, for a POST the page it came from."""
    if wants_fragment():
        try:
            seen = urlsplit(request.htmx.current_url or "/")
        except ValueError:
            return "/"
        return f"{seen.path}?{seen.query}" if seen.query else seen.path
    if request.method != "GET" or request.blueprint == "sign_in":
        return "/"  # the way in is nowhere to come back to
    return request.full_path.rstrip("?")
