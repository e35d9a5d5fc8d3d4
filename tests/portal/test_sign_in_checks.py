"""What the client believes of a provider's answers: a forged, stale or foreign one opens nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import select
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.database import read_session
from portal.oidc_claims import groups_of
from portal.settings import Settings
from portal.tables import BrowserSession, Racer
from tests.portal.site import query_of
from tests.portal.tiny_provider import CLIENT_ID, CLIENT_SECRET, KEY, TinyProvider, tiny_provider
from tests.ports import free_port

ANOTHER_KEY = RSAKey.generate_key(2048, auto_kid=True)


@pytest.fixture(scope="module")
def server() -> Iterator[TinyProvider]:
    with tiny_provider() as tiny:
        yield tiny


@pytest.fixture
def tiny(server: TinyProvider) -> Iterator[TinyProvider]:
    before = {name: dict(value) if isinstance(value, dict) else value for name, value in vars(server).items()}
    yield server
    vars(server).update(before)


@pytest.fixture
def portal(settings: Settings, engine: Engine, redis: Redis, tiny: TinyProvider) -> Iterator[Flask]:
    app = create_app(
        replace(
            settings,
            oidc_issuer=tiny.issuer,
            oidc_client_id=CLIENT_ID,
            oidc_client_secret=CLIENT_SECRET,
            oidc_admin_groups=("race-directors",),
        )
    )
    app.config["SERVER_NAME"] = "127.0.0.1:8000"  # what the test client calls itself
    yield app
    app.extensions["paddock_engine"].dispose()


@pytest.fixture
def client(portal: Flask) -> FlaskClient:
    return portal.test_client()


def begin(client: FlaskClient) -> dict[str, str]:
    """Goes to the provider; returns what it was asked."""
    return query_of(client.get("/sign-in").headers["Location"])


def come_back(client: FlaskClient, asked: dict[str, str], **parameters: str) -> TestResponse:
    return client.get("/sign-in/callback", query_string={"code": "c", "state": asked["state"], **parameters})


def sign_in_with(client: FlaskClient, tiny: TinyProvider, **claims: Any) -> TestResponse:
    asked = begin(client)
    tiny.answer_with(tiny.sign(tiny.claims(asked["nonce"], **claims)))
    return come_back(client, asked)


def nobody_came_in(engine: Engine) -> bool:
    with read_session(engine) as session:
        return not session.exec(select(Racer)).all() and not session.exec(select(BrowserSession)).all()


def racer(engine: Engine) -> Racer:
    with read_session(engine) as session:
        return session.exec(select(Racer)).one()


def test_a_good_token_opens_the_portal(client: FlaskClient, tiny: TinyProvider, engine: Engine) -> None:
    answer = sign_in_with(client, tiny)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/profile/edit?next=/")
    found = racer(engine)
    assert (found.issuer, found.subject, found.name) == (tiny.issuer, "tina", "Tina Tiny")


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "somebody-else"},
        {"aud": "somebody-else", "azp": CLIENT_ID},
        {"aud": ["somebody-else"], "azp": CLIENT_ID},
        {"aud": [CLIENT_ID, "somebody-else"], "azp": "somebody-else"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"nonce": "of-another-sign-in"},
        {"nonce": None},
        {"exp": 1_600_000_000},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "s" * 256},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_opens_nothing(
    client: FlaskClient, tiny: TinyProvider, engine: Engine, wrong: dict[str, Any]
) -> None:
    answer = sign_in_with(client, tiny, **wrong)
    assert answer.status_code in (400, 502)
    assert "Sign in again" in answer.text
    assert nobody_came_in(engine)


def _unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def _with_the_clients_secret(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256", "kid": KEY.kid}, claims, OctKey.import_key(CLIENT_SECRET))


def _with_the_public_key_as_secret(claims: dict[str, Any]) -> str:
    secret = OctKey.import_key(base64.urlsafe_b64encode(KEY.as_pem(private=False)).decode())
    return jwt.encode({"alg": "HS256", "kid": KEY.kid}, claims, secret)


def _by_another_key(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": KEY.kid}, claims, ANOTHER_KEY)


def _by_a_key_it_brings_along(claims: dict[str, Any]) -> str:
    header = {"alg": "RS256", "jwk": ANOTHER_KEY.as_dict(private=False)}
    return jwt.encode(header, claims, ANOTHER_KEY)


@pytest.mark.parametrize(
    "forge",
    [
        _unsigned,
        _with_the_clients_secret,
        _with_the_public_key_as_secret,
        _by_another_key,
        _by_a_key_it_brings_along,
        lambda claims: "not.a.token",
        lambda claims: None,
    ],
)
def test_a_token_that_the_provider_did_not_sign_opens_nothing(
    client: FlaskClient,
    tiny: TinyProvider,
    engine: Engine,
    forge: Callable[[dict[str, Any]], str | None],
) -> None:
    asked = begin(client)
    tiny.answer_with(forge(tiny.claims(asked["nonce"])))
    answer = come_back(client, asked)
    assert answer.status_code in (400, 502)
    assert nobody_came_in(engine)


def test_an_altered_token_opens_nothing(client: FlaskClient, tiny: TinyProvider, engine: Engine) -> None:
    asked = begin(client)
    header, _, signature = tiny.sign(tiny.claims(asked["nonce"])).split(".")
    body = json.dumps(tiny.claims(asked["nonce"], groups=["race-directors"])).encode()
    tiny.answer_with(f"{header}.{base64.urlsafe_b64encode(body).rstrip(b'=').decode()}.{signature}")
    assert come_back(client, asked).status_code == 400
    assert nobody_came_in(engine)


@pytest.mark.parametrize("issuer", ["https://evil.example", None, ["list"], ""])
def test_a_provider_that_calls_itself_otherwise_is_not_used(
    client: FlaskClient, tiny: TinyProvider, issuer: object
) -> None:
    tiny.metadata["issuer"] = issuer
    answer = client.get("/sign-in")
    assert answer.status_code == 502
    assert "PADDOCK_OIDC_ISSUER" in answer.text
    tiny.metadata["issuer"] = tiny.issuer
    assert client.get("/sign-in").status_code == 303


def test_an_issuer_that_ends_with_a_slash_is_the_same(client: FlaskClient, tiny: TinyProvider, engine: Engine) -> None:
    tiny.metadata["issuer"] = f"{tiny.issuer}/"
    assert sign_in_with(client, tiny).status_code == 303
    assert racer(engine).issuer == f"{tiny.issuer}/"


def test_a_provider_that_is_away_is_a_page_that_says_so(settings: Settings, engine: Engine) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    app = create_app(replace(settings, oidc_issuer=gone, oidc_client_id="x", oidc_client_secret="y"))
    answer = app.test_client().get("/sign-in", base_url="http://127.0.0.1:8000")
    assert answer.status_code == 503
    assert "does not answer" in answer.text


def test_an_answer_that_is_no_json_is_a_page_that_says_so(client: FlaskClient, tiny: TinyProvider) -> None:
    tiny.discovery_body = "<html>Maintenance</html>"
    answer = client.get("/sign-in")
    assert answer.status_code == 502
    assert "not set up well" in answer.text


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"error": "invalid_client"}, 502),
        (400, {"error": "invalid_grant"}, 400),
        (500, {"error": "server_error"}, 503),
        (200, {}, 400),
        (200, None, 502),
    ],
)
def test_a_token_endpoint_that_refuses_is_a_page_that_says_so(
    client: FlaskClient, tiny: TinyProvider, engine: Engine, status: int, body: dict[str, str] | None, expected: int
) -> None:
    asked = begin(client)
    tiny.token_status, tiny.token = status, body
    assert come_back(client, asked).status_code == expected
    assert nobody_came_in(engine)


def test_the_iss_parameter_has_to_be_right_where_it_is_there(
    client: FlaskClient, tiny: TinyProvider, engine: Engine
) -> None:
    asked = begin(client)
    tiny.answer_with(tiny.sign(tiny.claims(asked["nonce"])))
    assert come_back(client, asked, iss="https://evil.example").status_code == 400
    asked = begin(client)
    tiny.answer_with(tiny.sign(tiny.claims(asked["nonce"])))
    assert come_back(client, asked, iss=tiny.issuer).status_code == 303


def test_the_iss_parameter_has_to_be_there_where_it_was_promised(client: FlaskClient, tiny: TinyProvider) -> None:
    tiny.metadata["authorization_response_iss_parameter_supported"] = True
    assert sign_in_with(client, tiny).status_code == 400


def test_userinfo_adds_what_the_token_leaves_out(client: FlaskClient, tiny: TinyProvider, engine: Engine) -> None:
    tiny.userinfo = {"sub": "tina", "email": "t@example.org", "groups": ["race-directors"], "name": "Another"}
    assert sign_in_with(client, tiny, groups=None, email=None).status_code == 303
    found = racer(engine)
    assert (found.email, found.is_admin, found.name) == ("t@example.org", True, "Tina Tiny")


def test_userinfo_of_somebody_else_opens_nothing(client: FlaskClient, tiny: TinyProvider, engine: Engine) -> None:
    tiny.userinfo = {"sub": "eve", "groups": ["race-directors"]}
    assert sign_in_with(client, tiny, groups=None).status_code == 400
    assert nobody_came_in(engine)


def test_one_group_may_come_as_a_text(client: FlaskClient, tiny: TinyProvider, engine: Engine) -> None:
    sign_in_with(client, tiny, groups="race-directors")
    assert racer(engine).is_admin


@pytest.mark.parametrize(
    ("claims", "name", "expected"),
    [
        ({"groups": ["a", 7, None, "b"]}, "groups", ("a", "b")),
        ({"groups": {"a": 1}}, "groups", ()),
        ({}, "groups", ()),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ("a",)),
        ({"realm_access": ["a"]}, "realm_access.roles", ()),
        ({"https://x.example/groups": ["a"]}, "https://x.example/groups", ("a",)),
    ],
)
def test_groups_are_found_where_providers_put_them(
    claims: dict[str, Any], name: str, expected: tuple[str, ...]
) -> None:
    assert groups_of(claims, name) == expected


def test_a_provider_without_a_sign_out_address_ends_the_session_here(
    client: FlaskClient, tiny: TinyProvider, engine: Engine, portal: Flask
) -> None:
    portal.config["WTF_CSRF_ENABLED"] = False
    sign_in_with(client, tiny)
    answer = client.post("/sign-out")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/signed-out")
    with read_session(engine) as session:
        assert session.exec(select(BrowserSession)).all() == []


def test_a_sign_out_address_elsewhere_is_a_link_because_a_form_may_not_end_there(
    client: FlaskClient, tiny: TinyProvider, portal: Flask
) -> None:
    portal.config["WTF_CSRF_ENABLED"] = False
    tiny.metadata["end_session_endpoint"] = "https://elsewhere.example/logout"
    sign_in_with(client, tiny)
    answer = client.post("/sign-out")
    assert answer.status_code == 200
    assert 'href="https://elsewhere.example/logout?id_token_hint=' in answer.text
