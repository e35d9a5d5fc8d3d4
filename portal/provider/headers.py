"""Security headers of the provider's pages: nothing but its own forms, the portal's style sheets and icons."""

from __future__ import annotations

from flask import Flask
from werkzeug.wrappers import Response

from portal.settings import Settings

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def init_app(app: Flask, settings: Settings) -> None:
    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cache-Control", "no-store")
        if settings.address.startswith("https://"):
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response
