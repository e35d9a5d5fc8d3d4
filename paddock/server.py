"""The web server: the portal and the local provider in threads, the event streams natively asynchronous."""

from __future__ import annotations

from typing import Any

import uvicorn
from a2wsgi import WSGIMiddleware

from paddock.site import wsgi_application
from paddock.whole_requests import WholeRequests
from portal import streams
from portal.app import create_app
from portal.settings import Settings

THREADS = 32
STOP_WITHIN_S = 3


def application(settings: Settings) -> Any:
    """The whole site as one ASGI application: /events goes to the streams, everything else to the portal."""
    portal = create_app(settings)
    pages = WholeRequests(WSGIMiddleware(wsgi_application(portal, settings), workers=THREADS))  # type: ignore[arg-type]
    events = streams.app(portal, settings)

    async def site(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] == "/events"):
            await events(scope, receive, send)
        else:
            await pages(scope, receive, send)

    return site


def serve(settings: Settings) -> None:
    """Serves until a signal comes; open streams are closed then."""
    uvicorn.run(
        application(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # the portal believes as many proxies as it is told of
        timeout_graceful_shutdown=STOP_WITHIN_S,
        server_header=False,
    )
