"""The web application: a list of what it is set up with."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import timedelta
from pathlib import Path

from flask import Flask, abort, request
from flask_wtf import CSRFProtect
from htmx_flask import Htmx
from werkzeug.middleware.proxy_fix import ProxyFix

from portal import (
    access,
    errors,
    formats,
    headers,
    keys,
    oidc,
    page_parts,
    race_parts,
    rate_limits,
    redis_connection,
    request_parts,
    scope,
    translation,
    views,
    visitors,
)
from portal.database import make_engine
from portal.settings import Settings
from portal.streams import tokens

ROOT = Path(__file__).resolve().parent.parent
MAXIMUM_UPLOAD_BYTES = 128 * 1024 * 1024
MAXIMUM_FORM_BYTES = 1024 * 1024


def create_app(settings: Settings) -> Flask:
    """The portal for one configuration. It connects to nothing before the first request."""
    app = Flask("portal", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "portal" / "static"))
    _configure(app, settings)
    app.extensions["paddock_settings"] = settings
    app.extensions["paddock_engine"] = make_engine(settings.database_address)
    app.extensions["paddock_redis"] = redis_connection.for_requests(settings.redis_address)
    Htmx(app)
    app.before_request(_limit_form)
    app.before_request(_refuse_nul)
    CSRFProtect(app)
    app.before_request(access.guard)
    for part in (scope, visitors, translation, formats, page_parts, race_parts, request_parts, errors, tokens):
        part.init_app(app)
    for part in (headers, rate_limits, oidc):
        part.init_app(app, settings)
    _register_views(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _configure(app: Flask, settings: Settings) -> None:
    secure = settings.address.startswith("https://")
    app.config.update(
        SECRET_KEY=keys.secret_key(settings),
        SESSION_COOKIE_NAME="__Host-paddock" if secure else "paddock",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=settings.session_life_s),
        MAX_CONTENT_LENGTH=MAXIMUM_UPLOAD_BYTES,
        MAX_FORM_MEMORY_SIZE=MAXIMUM_FORM_BYTES,
        MAX_FORM_PARTS=2000,
        WTF_CSRF_TIME_LIMIT=None,  # a form is good for as long as the session
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _limit_form() -> None:
    """MAX_FORM_MEMORY_SIZE holds for multipart forms only: of a plain form every byte is read and decoded at once."""
    if request.mimetype == "application/x-www-form-urlencoded":
        request.max_content_length = MAXIMUM_FORM_BYTES


def _refuse_nul() -> None:
    """No address holds a NUL, and PostgreSQL takes none as text: without this a search for one would be a 500."""
    if "\0" in request.path:
        abort(404)
    if b"%00" in request.query_string or b"\0" in request.query_string:
        abort(400, "The address contains a NUL character (%00). Take it out and try again.")


def _register_views(app: Flask) -> None:
    """Every module in `portal.views` offers its routes as a Blueprint named `pages`."""
    for module in pkgutil.iter_modules(views.__path__):
        app.register_blueprint(importlib.import_module(f"portal.views.{module.name}").pages)
