"""The portal's way to its own local provider: the same requests as to any provider, answered in the same thread.

Over the network a burst of sign-ins could fill every thread of the server with requests that each wait for one more
thread; and behind a proxy the public address is often not reachable from inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import requests
from flask import Flask
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from werkzeug.test import EnvironBuilder, run_wsgi_app


class OwnProvider(BaseAdapter):
    """A transport for `requests` that hands every request to a WSGI application mounted at `mount`."""

    def __init__(self, make: Callable[[], Flask], mount: str) -> None:
        super().__init__()
        self.make = make
        self.mount = mount

    @cached_property
    def application(self) -> Flask:
        """Made at the first sign-in: a portal that nobody signs in to needs no signing key."""
        return self.make()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        builder = EnvironBuilder(
            base_url=self.mount,
            path=str(request.url).removeprefix(self.mount),
            method=request.method or "GET",
            headers=list(request.headers.items()),
            data=request.body or b"",
        )
        body, status, headers = run_wsgi_app(self.application, builder.get_environ(), buffered=True)
        response = requests.Response()
        response.status_code = int(status.split(" ", 1)[0])
        response.headers = CaseInsensitiveDict(headers.to_wsgi_list())
        response.url, response.request, response.encoding = str(request.url), request, "utf-8"
        response._content = b"".join(body)
        return response

    def close(self) -> None:
        """Nothing is held open."""
