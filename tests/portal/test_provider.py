"""The local provider as a client sees it: over real HTTP, asked rightly and wrongly."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import select

from portal import clock
from portal.database import read_session, write_session
from portal.provider.registration import registration
from portal.provider.signing_key import signing_key
from portal.rules import local_accounts
from portal.settings import Settings
from portal.tables import ProviderCode, ProviderToken
from tests.portal.site import PASSWORD, Person, Site, query_of, served
from tests.ports import free_port

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def site(settings: Settings, engine: Engine, redis: Redis, cheap_hashes: None) -> Iterator[Site]:
    with write_session(engine) as session:
        for name in ("alice", "bob"):
            local_accounts.create(session, name, PASSWORD, by=None, now=clock.now(), groups=["drivers"])
    with served(replace(settings, port=free_port()), engine) as site:
        yield site


@pytest.fixture
def alice(site: Site) -> Person:
    """Signed in at the provider."""
    alice = Person(site.address)
    alice.submit(alice.get("/idp/login"), {"username": "alice", "password": PASSWORD}, follow=False)
    return alice


def asked(site: Site, **changes: str | None) -> dict[str, str]:
    """A good authorization request, with changes; None leaves a parameter out."""
    request = {
        "response_type": "code",
        "client_id": "paddock",
        "redirect_uri": f"{site.address}/sign-in/callback",
        "scope": "openid profile email groups",
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in request.items() if value is not None}


def authorize(person: Person, site: Site, **changes: str | None) -> requests.Response:
    return person.http.get(
        f"{site.address}/idp/authorize", params=asked(site, **changes), allow_redirects=False, timeout=30
    )


def exchange(site: Site, code: str, **changes: str) -> requests.Response:
    client = registration(site.settings)
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": VERIFIER,
        **changes,
    }
    secret = body.pop("client_secret", client.client_secret)
    return requests.post(f"{site.address}/idp/token", data=body, auth=("paddock", secret), timeout=30)


def code_of(answer: requests.Response) -> str:
    return query_of(answer.headers["Location"])["code"]


def test_discovery_says_what_it_does_and_names_the_issuer(site: Site) -> None:
    found = requests.get(f"{site.settings.issuer}/.well-known/openid-configuration", timeout=30).json()
    assert found["issuer"] == site.settings.issuer
    assert found["response_types_supported"] == ["code"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    for name in ("jwks_uri", "userinfo_endpoint"):
        assert requests.get(found[name], timeout=30).status_code in (200, 401)


def test_a_good_request_gets_a_code_and_then_a_signed_token(site: Site, alice: Person) -> None:
    answer = query_of(authorize(alice, site).headers["Location"])
    assert (answer["state"], answer["iss"]) == ("state-1", site.settings.issuer)
    tokens = exchange(site, answer["code"]).json()
    keys = KeySet.import_key_set(requests.get(f"{site.settings.issuer}/jwks.json", timeout=30).json())
    token = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
    claims = token.claims
    assert token.header["kid"] == keys.keys[0].kid
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (site.settings.issuer, "paddock", "nonce-1")
    assert (claims["preferred_username"], claims["groups"]) == ("alice", ["drivers"])
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    who = requests.get(f"{site.settings.issuer}/userinfo", headers=header, timeout=30).json()
    assert (who["sub"], who["groups"]) == (claims["sub"], ["drivers"])


def test_the_published_keys_hold_nothing_private(site: Site) -> None:
    (key,) = requests.get(f"{site.settings.issuer}/jwks.json", timeout=30).json()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"nonce": None},
        {"scope": "profile"},
        {"scope": "openid admin"},
        {"response_type": "token"},
        {"response_type": "code id_token"},
    ],
    ids=str,
)
def test_a_weaker_request_goes_back_with_an_error_and_no_code(
    site: Site, alice: Person, changes: dict[str, str | None]
) -> None:
    answer = authorize(alice, site, **changes)
    assert answer.status_code == 302
    back = query_of(answer.headers["Location"])
    assert answer.headers["Location"].startswith(f"{site.address}/sign-in/callback?")
    assert "error" in back
    assert "code" not in back
    assert back["iss"] == site.settings.issuer


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": None},
        {"client_id": "somebody-else"},
        {"client_id": None},
    ],
    ids=str,
)
def test_a_request_that_leads_elsewhere_is_not_sent_anywhere(
    site: Site, alice: Person, changes: dict[str, str | None]
) -> None:
    answer = authorize(alice, site, **changes)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "That did not work" in answer.text


def test_a_redirect_address_that_only_begins_right_is_refused(site: Site, alice: Person) -> None:
    for ending in ("/", "?x=1", "/../evil", "#x"):
        answer = authorize(alice, site, redirect_uri=f"{site.address}/sign-in/callback{ending}")
        assert answer.status_code == 400, ending


def test_a_code_is_good_once(site: Site, alice: Person) -> None:
    code = code_of(authorize(alice, site))
    assert exchange(site, code).status_code == 200
    again = exchange(site, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_of_many_who_come_with_one_code_at_once_one_gets_a_token(site: Site, alice: Person) -> None:
    code = code_of(authorize(alice, site))
    with ThreadPoolExecutor(6) as pool:
        answers = [answer.status_code for answer in pool.map(lambda _: exchange(site, code), range(6))]
    assert sorted(answers) == [200, 400, 400, 400, 400, 400]


def test_a_code_is_stored_as_a_hash_and_good_for_a_minute(site: Site, alice: Person) -> None:
    code = code_of(authorize(alice, site))
    with write_session(site.engine) as session:
        row = session.exec(select(ProviderCode)).one()
        assert row.code_hash == hashlib.sha256(code.encode()).hexdigest()
        assert 50 < (row.expires_at - clock.now()).total_seconds() <= 60
        row.expires_at = clock.now()
    assert exchange(site, code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"redirect_uri": "https://evil.example"}, "invalid_grant"),
        ({"client_secret": "guessed"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    ],
    ids=str,
)
def test_a_code_alone_is_not_enough_for_a_token(site: Site, alice: Person, changes: dict[str, str], error: str) -> None:
    answer = exchange(site, code_of(authorize(alice, site)), **changes)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] == error
    with read_session(site.engine) as session:
        assert session.exec(select(ProviderToken)).all() == []


def test_somebody_with_a_reset_password_gets_nothing_for_an_old_code_or_token(site: Site, alice: Person) -> None:
    token = exchange(site, code_of(authorize(alice, site))).json()["access_token"]
    code = code_of(authorize(alice, site))
    with write_session(site.engine) as session:
        local_accounts.reset_password(session, "alice", "another-one-2026", by=None, now=clock.now())
    assert exchange(site, code).status_code == 400
    header = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{site.settings.issuer}/userinfo", headers=header, timeout=30).status_code == 401
    assert "/idp/login" in authorize(alice, site).headers["Location"]


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer guessed", "Basic YTpi"])
def test_userinfo_needs_a_token(site: Site, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    answer = requests.get(f"{site.settings.issuer}/userinfo", headers=headers, timeout=30)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_signing_out_goes_back_to_the_portals_address_only(site: Site, alice: Person) -> None:
    hint = exchange(site, code_of(authorize(alice, site))).json()["id_token"]
    logout = f"{site.settings.issuer}/logout"
    elsewhere = {"id_token_hint": hint, "post_logout_redirect_uri": "https://evil.example"}
    answer = alice.http.get(logout, params=elsewhere, allow_redirects=False, timeout=30)
    assert answer.headers["Location"] == site.address
    back = f"{site.address}/signed-out"
    answer = requests.get(
        logout,
        params={"id_token_hint": hint, "post_logout_redirect_uri": back, "state": "s"},
        allow_redirects=False,
        timeout=30,
    )
    assert answer.headers["Location"] == f"{back}?state=s"


def test_a_forged_or_missing_hint_signs_nobody_out_unasked(site: Site, alice: Person) -> None:
    logout = f"{site.settings.issuer}/logout"
    assert alice.http.get(logout, params={"id_token_hint": "a.b.c"}, timeout=30).status_code == 400
    question = alice.get("/idp/logout")
    assert "Sign out?" in question.text
    assert "code" in query_of(authorize(alice, site).headers["Location"])
    alice.submit(question, {}, action="/idp/sign-out", follow=False)
    assert "/idp/login" in authorize(alice, site).headers["Location"]


def test_the_token_of_somebody_else_ends_nobodys_session(site: Site, alice: Person) -> None:
    bob = Person(site.address)
    bob.submit(bob.get("/idp/login"), {"username": "bob", "password": PASSWORD}, follow=False)
    hint = exchange(site, code_of(authorize(bob, site))).json()["id_token"]
    alice.http.get(f"{site.settings.issuer}/logout", params={"id_token_hint": hint}, timeout=30)
    assert "code" in query_of(authorize(alice, site).headers["Location"])


def test_asking_to_sign_in_anew_shows_the_form_once(site: Site, alice: Person) -> None:
    form = alice.http.get(f"{site.address}/idp/authorize", params=asked(site, prompt="login"), timeout=30)
    assert "/idp/login" in form.url
    answer = alice.submit(form, {"username": "alice", "password": PASSWORD}, follow=False)
    assert answer.headers["Location"].startswith("/idp/authorize?")
    assert "prompt" not in query_of(answer.headers["Location"])


def test_asking_without_a_page_says_that_nobody_is_signed_in(site: Site) -> None:
    answer = authorize(Person(site.address), site, prompt="none")
    assert query_of(answer.headers["Location"])["error"] == "login_required"


def test_the_sign_in_form_needs_its_token(site: Site) -> None:
    answer = requests.post(f"{site.address}/idp/login", data={"username": "alice", "password": PASSWORD}, timeout=30)
    assert answer.status_code == 400
    assert "came from elsewhere" in answer.text


def test_guessing_is_slowed_for_the_account_but_not_for_others(site: Site) -> None:
    mallory = Person(site.address)
    page = mallory.get("/idp/login")
    answers = [mallory.submit(page, {"username": "Alice", "password": f"guess-{n}"}).status_code for n in range(10)]
    assert answers == [422] * 8 + [429] * 2
    blocked = mallory.submit(page, {"username": "alice", "password": PASSWORD})
    assert blocked.status_code == 429
    assert "Wait ten minutes" in blocked.text
    assert mallory.submit(page, {"username": "bob", "password": PASSWORD}, follow=False).status_code == 303


def test_good_passwords_are_never_slowed(site: Site) -> None:
    person = Person(site.address)
    for _ in range(12):
        page = person.get("/idp/login")
        answer = person.submit(page, {"username": "alice", "password": PASSWORD}, follow=False)
        assert answer.status_code == 303


def test_its_pages_allow_no_script_and_no_frame(site: Site) -> None:
    headers = requests.get(f"{site.address}/idp/login", timeout=30).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Cache-Control"] == "no-store"
    cookie = headers["Set-Cookie"]
    assert cookie.startswith("paddock-idp=")
    assert "HttpOnly" in cookie
    assert "Path=/idp" in cookie
    assert "SameSite=Lax" in cookie


def test_the_key_file_is_closed_to_others_and_made_once_by_many(settings: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(lambda _: signing_key(settings).kid, range(4)))
    assert len(set(keys)) == 1
    path = settings.data_path / "idp.jwk"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["kid"] == keys[0]
    assert [found.name for found in settings.data_path.iterdir()] == ["idp.jwk"]
