"""Signing in at an independent provider: canaille, which shares no code of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import select

from portal.app import create_app
from portal.database import read_session
from portal.settings import Settings
from portal.tables import BrowserSession, Racer
from tests.portal.site import Person, served
from tests.ports import free_port

pytest.importorskip("pytest_iam")

SECRET = "secret-of-paddock-at-canaille-0001"


@pytest.fixture
def elsewhere(settings: Settings, iam_server: Any) -> Settings:
    """The portal's settings with canaille as its provider, where it is registered."""
    own = replace(
        settings,
        port=free_port(),
        oidc_issuer=iam_server.url.rstrip("/"),
        oidc_client_id="paddock",
        oidc_client_secret=SECRET,
        oidc_admin_groups=("race-directors",),
    )
    with iam_server.app.app_context():
        for old in iam_server.backend.query(iam_server.models.Client):
            iam_server.backend.delete(old)
        client = iam_server.models.Client(
            client_id="paddock",
            client_secret=SECRET,
            client_name="Paddock",
            client_uri=own.address,
            redirect_uris=[f"{own.address}/sign-in/callback"],
            post_logout_redirect_uris=[f"{own.address}/signed-out"],
            grant_types=["authorization_code"],
            response_types=["code"],
            token_endpoint_auth_method="client_secret_basic",
            scope=["openid", "profile", "email", "groups"],
        )
        iam_server.backend.save(client)
        client.audience = [client]  # what canaille's own registration page sets
        iam_server.backend.save(client)
    return own


@pytest.fixture
def iam_user(iam_server: Any, elsewhere: Settings) -> Iterator[Any]:
    """Somebody who has a session at canaille and lets Paddock know who she is."""
    user = iam_server.random_user(user_name="carla", emails=["carla@example.org"], formatted_name="Carla Gomez")
    iam_server.consent(user)
    iam_server.login(user)
    yield user
    iam_server.logout()
    with iam_server.app.app_context():
        iam_server.backend.delete(user)


def test_somebody_of_another_provider_signs_in_and_out(
    elsewhere: Settings, engine: Engine, redis: Redis, iam_server: Any, iam_user: Any
) -> None:
    iam_server.random_group(display_name="race-directors", members=[iam_user])
    with served(elsewhere, engine) as site:
        carla = Person(site.address)
        page = carla.get("/sign-in")
        assert page.url.startswith(f"{site.address}/profile/edit"), page.text
        with read_session(engine) as session:
            racer = session.exec(select(Racer)).one()
        assert racer.issuer.rstrip("/") == elsewhere.oidc_issuer
        assert (racer.email, racer.is_admin) == ("carla@example.org", True)
        iam_server.logout()
        gone = carla.submit(page, {}, action="/sign-out")
        assert re.match(rf"{re.escape(site.address)}/signed-out|{re.escape(iam_server.url)}", gone.url)
        with read_session(engine) as session:
            assert session.exec(select(BrowserSession)).all() == []


def test_a_wrong_client_secret_is_a_page_that_says_so(
    elsewhere: Settings, engine: Engine, redis: Redis, iam_server: Any, iam_user: Any
) -> None:
    with served(replace(elsewhere, oidc_client_secret="not-the-one"), engine) as site:
        page = Person(site.address).get("/sign-in")
        assert page.status_code == 502
        assert "invalid_client" in page.text


def test_no_local_provider_runs_beside_another(elsewhere: Settings, engine: Engine, redis: Redis) -> None:
    app: Flask = create_app(elsewhere)
    assert app.test_client().get("/idp/login").status_code == 404
    assert not (elsewhere.data_path / "idp.jwk").exists()
