"""A whole site over real HTTP, portal and local provider, and people who walk through it with a cookie jar."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from flask import Flask
from sqlalchemy import Engine
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from portal.app import create_app
from portal.provider import create_provider
from portal.provider.signing_key import _new_key
from portal.settings import Settings

PASSWORD = "correct-horse-battery"


@cache
def _key() -> str:
    return _new_key()


def spare_the_key(data: Path) -> None:
    """Puts one ready signing key into a data directory: making one takes up to a second."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "idp.jwk"
    path.write_text(_key())
    path.chmod(0o600)


class Site:
    """A running site: its address, its settings and its portal."""

    def __init__(self, settings: Settings, portal: Flask, engine: Engine) -> None:
        self.settings = settings
        self.address = settings.address
        self.portal = portal
        self.engine = engine


@contextmanager
def served(settings: Settings, engine: Engine) -> Iterator[Site]:
    """Portal and provider on the port of the settings, in threads."""
    spare_the_key(settings.data_path)
    portal = create_app(settings)
    portal.config["RATELIMIT_ENABLED"] = False
    whole: object = portal
    if settings.uses_local_provider:
        whole = DispatcherMiddleware(portal, {"/idp": create_provider(settings, engine)})
    server = make_server(settings.host, settings.port, whole, threaded=True)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Site(settings, portal, engine)
    finally:
        server.shutdown()
        thread.join()
        portal.extensions["paddock_engine"].dispose()


class Person:
    """Somebody with a browser: follows links, fills in forms, keeps cookies."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = requests.Session()
        self.http.trust_env = False

    def get(self, path: str, *, follow: bool = True) -> requests.Response:
        return self.http.get(urljoin(self.address, path), allow_redirects=follow, timeout=30)

    def submit(
        self, page: requests.Response, values: dict[str, str], *, action: str = "", follow: bool = True
    ) -> requests.Response:
        """Sends the page's form (the one with this action, where several) with its hidden fields."""
        target = urljoin(page.url, action) if action else page.url
        token = re.search(r'name="csrf_token"\s+value="([^"]+)"', page.text)
        assert token, page.text
        fields = {"csrf_token": unescape(token.group(1)), **values}
        return self.http.post(target, data=fields, allow_redirects=follow, timeout=30)

    def sign_in(self, username: str, password: str = PASSWORD, *, path: str = "/sign-in") -> requests.Response:
        """From a path that leads to the sign-in to wherever it ends."""
        page = self.get(path)
        assert "/idp/login" in page.url, page.text
        return self.submit(page, {"username": username, "password": password})


def query_of(address: str) -> dict[str, str]:
    """The query of an address, each name once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
