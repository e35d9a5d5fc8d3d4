"""The whole site as a WSGI application: the portal, and the local provider under /idp where no other is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from portal.provider import create_provider
from portal.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def wsgi_application(portal: Flask, settings: Settings) -> WSGIApplication:
    """Everything but the event streams: where they are missing, live pages ask again by themselves."""
    if not settings.uses_local_provider:
        return portal.wsgi_app
    provider = create_provider(settings, portal.extensions["paddock_engine"])
    return DispatcherMiddleware(portal.wsgi_app, {"/idp": provider})
