"""Headers of responses: for security on every one, and against keeping what moves."""

from __future__ import annotations

from flask import Flask, make_response
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)


def init_app(app: Flask, settings: Settings) -> None:
    """Adds the headers. The provider's origin is allowed as a form target: signing out is a form that ends there."""
    forms = "'self'"
    if not settings.uses_local_provider:
        forms += " " + "/".join(settings.oidc_issuer.split("/")[:3])
    policy = POLICY.format(forms=forms)

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        if settings.address.startswith("https://"):
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if current_user and current_user.is_authenticated:
            headers.setdefault("Cache-Control", "no-store")
        return response


def fresh(page: str | Response) -> Response:
    """The response of a page that nobody keeps, since what it shows moves, or is not for everybody for ever."""
    response: Response = make_response(page)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
