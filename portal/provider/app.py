"""The provider's application: a list of what it is set up with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask_wtf import CSRFProtect
from sqlalchemy import Engine
from werkzeug.middleware.proxy_fix import ProxyFix

from portal import keys, translation
from portal.provider import grants, guessing, headers, protocol, screens
from portal.provider.context import Provider
from portal.provider.registration import registration
from portal.provider.signing_key import signing_key
from portal.settings import Settings

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
MAXIMUM_FORM_BYTES = 64 * 1024


def create_provider(settings: Settings, engine: Engine) -> Flask:
    """The local provider for one configuration. The issuer is `settings.issuer`, the only client is the portal."""
    app = Flask("portal.provider", template_folder=str(TEMPLATES), static_folder=None)
    _configure(app, settings)
    provider = Provider(settings, engine, signing_key(settings), registration(settings))
    app.extensions["paddock_provider"] = provider
    app.extensions["paddock_authorization"] = grants.authorization_server(app, provider.client)
    CSRFProtect(app).exempt(protocol.pages)  # what is there carries its own proof: a client secret, a code, a token
    for part in (translation, screens):
        part.init_app(app)
    for guard in (headers, guessing):
        guard.init_app(app, settings)
    for pages in (protocol.pages, screens.pages):
        app.register_blueprint(pages)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _configure(app: Flask, settings: Settings) -> None:
    secure = settings.address.startswith("https://")
    app.config.update(
        SECRET_KEY=keys.derived(settings, "local provider's cookies"),
        SESSION_COOKIE_NAME="__Secure-paddock-idp" if secure else "paddock-idp",
        SESSION_COOKIE_PATH="/idp",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=settings.session_idle_s),
        MAX_CONTENT_LENGTH=MAXIMUM_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAXIMUM_FORM_BYTES,
        MAX_FORM_PARTS=50,
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
