"""Security headers of the portal's pages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from portal.app import create_app
from portal.database import write_session
from portal.settings import Settings
from tests.cast import make_racer
from tests.conftest import sign_in

PAGES = ("/signed-out", "/nowhere", "/static/css/tokens.css", "/healthz")


def policy(header: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in header.split(";"))}


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_carries_the_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    rules = policy(headers["Content-Security-Policy"])
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == rules["style-src"] == ["'self'"]
    assert rules["frame-ancestors"] == rules["base-uri"] == ["'none'"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_what_a_signed_in_person_sees_is_not_kept_anywhere(app: Flask, engine: Engine) -> None:
    with write_session(engine) as session:
        alice = make_racer(session, "alice")
    assert sign_in(app, alice).get("/profile").headers["Cache-Control"] == "no-store"


def test_a_form_may_end_at_the_configured_provider(settings: Settings, engine: Engine) -> None:
    elsewhere = replace(
        settings, oidc_issuer="https://sso.example/realms/x", oidc_client_id="a", oidc_client_secret="b"
    )
    rules = policy(create_app(elsewhere).test_client().get("/signed-out").headers["Content-Security-Policy"])
    assert rules["form-action"] == ["'self'", "https://sso.example"]


def test_over_tls_cookies_are_bound_to_the_host_and_browsers_stay_with_tls(settings: Settings, engine: Engine) -> None:
    app = create_app(replace(settings, public_url="https://paddock.example"))
    answer = app.test_client().get("/sign-in", base_url="https://paddock.example")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-paddock=")
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))


def test_no_page_of_mine_has_a_script_or_style_inside(app: Flask, engine: Engine) -> None:
    with write_session(engine) as session:
        ada = make_racer(session, "ada", role="admin")  # type: ignore[arg-type]
    browser = sign_in(app, ada)
    for path in (
        "/profile",
        "/profile/edit",
        "/admin",
        "/admin/racers",
        "/admin/accounts",
        "/admin/audit",
        "/signed-out",
    ):
        text = browser.get(path).get_data(as_text=True)
        assert ' style="' not in text, path
        assert "<style" not in text, path
        assert " onclick=" not in text, path
        assert all("src=" in tag for tag in text.split("<script")[1:]), path
