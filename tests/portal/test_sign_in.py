"""Signing in: the whole way over real HTTP, against the local provider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import select

from portal import clock
from portal.database import read_session, write_session
from portal.rules import browser_sessions, limits, local_accounts
from portal.settings import Settings
from portal.tables import Account, AuditEvent, BrowserSession, Racer
from tests.portal.site import PASSWORD, Person, Site, query_of, served
from tests.ports import free_port


@pytest.fixture
def site(settings: Settings, engine: Engine, redis: Redis, cheap_hashes: None) -> Iterator[Site]:
    with write_session(engine) as session:
        for name, groups in (("alice", []), ("ada", [local_accounts.ADMIN_GROUP])):
            local_accounts.create(
                session, name, PASSWORD, by=None, now=clock.now(), groups=groups, email=f"{name}@example.org"
            )
    with served(replace(settings, port=free_port()), engine) as site:
        yield site


@pytest.fixture
def alice(site: Site) -> Person:
    return Person(site.address)


def only_racer(engine: Engine) -> Racer:
    with read_session(engine) as session:
        return session.exec(select(Racer)).one()


def test_the_first_sign_in_makes_a_racer_with_an_account_and_asks_for_a_profile(site: Site, alice: Person) -> None:
    page = alice.sign_in("alice", path="/sign-in?next=/races")
    assert page.status_code == 200
    assert page.url == f"{site.address}/profile/edit?next=%2Fraces" or page.url.endswith("/profile/edit?next=/races")
    racer = only_racer(site.engine)
    assert (racer.issuer, racer.name, racer.email, racer.role) == ("local", "alice", "alice@example.org", "racer")
    with read_session(site.engine) as session:
        assert session.exec(select(Account).where(Account.racer_id == racer.id)).one().quota_ms == 5 * 3_600_000
        assert "racer.join" in session.exec(select(AuditEvent.action)).all()
    page = alice.submit(page, {"alias": "Alice-1", "country": "FR", "avatar_body": "red", "avatar_trim": "white"})
    assert page.url == f"{site.address}/races"
    assert only_racer(site.engine).alias == "Alice-1"


def test_a_second_sign_in_is_the_same_racer_with_the_names_of_today(site: Site, alice: Person) -> None:
    alice.sign_in("alice")
    with write_session(site.engine) as session:
        local_accounts.get(session, "alice").name = "Alice Moreau"
    Person(site.address).sign_in("alice")
    assert only_racer(site.engine).name == "Alice Moreau"


def test_members_of_the_admin_group_administer_and_lose_it_at_the_next_sign_in(site: Site) -> None:
    Person(site.address).sign_in("ada")
    assert only_racer(site.engine).is_admin
    with write_session(site.engine) as session:
        local_accounts.get(session, "ada").groups = []
    Person(site.address).sign_in("ada")
    assert not only_racer(site.engine).is_admin


def test_a_wrong_password_and_an_unknown_name_look_the_same(site: Site) -> None:
    wrong = Person(site.address).sign_in("alice", "not-the-password")
    unknown = Person(site.address).sign_in("nobody", "not-the-password")
    assert wrong.status_code == unknown.status_code == 422
    assert "do not fit together" in wrong.text
    assert "do not fit together" in unknown.text


def test_a_new_session_is_begun_at_every_sign_in(site: Site, alice: Person) -> None:
    alice.get("/sign-in", follow=False)
    before = alice.http.cookies["paddock"]
    alice.sign_in("alice")
    first = alice.http.cookies["paddock"]
    assert first != before
    with read_session(site.engine) as session:
        rows = session.exec(select(BrowserSession)).all()
    assert len(rows) == 1
    assert first not in rows[0].secret_hash
    assert rows[0].id_token.count(".") == 2


def test_a_callback_that_was_used_cannot_be_used_again(site: Site, alice: Person) -> None:
    answer = alice.sign_in("alice")
    callback = next(step.url for step in answer.history if "/sign-in/callback" in step.url)
    again = Person(site.address).get(callback)
    assert again.status_code == 400
    assert "This sign-in is over" in again.text
    replayed = alice.get(callback)
    assert replayed.status_code == 400
    assert "Go on as" in replayed.text


def test_a_foreign_state_is_refused(site: Site, alice: Person) -> None:
    alice.get("/sign-in", follow=False)
    answer = alice.get(f"/sign-in/callback?code=abc&state=forged&iss={site.settings.issuer}")
    assert answer.status_code == 400
    assert "Begin again" in answer.text


def test_an_answer_that_names_another_issuer_is_refused(site: Site, alice: Person) -> None:
    state = query_of(alice.get("/sign-in", follow=False).headers["Location"])["state"]
    for issuer in ("&iss=https://evil.example", ""):
        answer = alice.get(f"/sign-in/callback?code=abc&state={state}{issuer}")
        assert answer.status_code == 400
        assert "cannot be trusted" in answer.text


def test_somebody_whom_the_provider_refuses_is_told_so(site: Site, alice: Person) -> None:
    state = query_of(alice.get("/sign-in", follow=False).headers["Location"])["state"]
    answer = alice.get(f"/sign-in/callback?error=access_denied&state={state}&iss={site.settings.issuer}")
    assert answer.status_code == 403
    assert "did not let you in" in answer.text


def test_the_request_to_the_provider_has_pkce_state_and_nonce(site: Site, alice: Person) -> None:
    asked = query_of(alice.get("/sign-in", follow=False).headers["Location"])
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert min(len(asked["state"]), len(asked["nonce"])) >= 20
    assert asked["redirect_uri"] == f"{site.address}/sign-in/callback"


def test_next_leads_nowhere_but_into_the_portal(site: Site, alice: Person) -> None:
    alice.sign_in("alice")
    for target in (
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\tevil",
        "javascript:alert(1)",
        "races",
    ):
        answer = alice.http.get(f"{site.address}/sign-in", params={"next": target}, allow_redirects=False, timeout=30)
        assert answer.headers["Location"] == "/", target


def test_localhost_is_sent_to_the_address_that_the_provider_knows(site: Site) -> None:
    visitor = Person(site.address.replace("127.0.0.1", "localhost"))
    answer = visitor.get("/sign-in?next=/races", follow=False)
    assert answer.headers["Location"] in (
        f"{site.address}/sign-in?next=/races",
        f"{site.address}/sign-in?next=%2Fraces",
    )


def test_signing_out_ends_the_session_here_and_at_the_provider(site: Site, alice: Person) -> None:
    page = alice.sign_in("alice")
    cookie = alice.http.cookies["paddock"]
    gone = alice.submit(page, {}, action="/sign-out")
    assert gone.url.startswith(f"{site.address}/signed-out?state=")
    assert any("/idp/logout" in step.url for step in gone.history)
    with read_session(site.engine) as session:
        assert session.exec(select(BrowserSession)).all() == []
    alice.http.cookies.set("paddock", cookie, domain="127.0.0.1", path="/")
    assert alice.get("/profile", follow=False).status_code == 303
    alice.http.cookies.clear(domain="127.0.0.1", path="/", name="paddock")
    assert "/idp/login" in alice.get("/sign-in").url


def test_a_session_row_that_was_deleted_ends_access_at_once(site: Site, alice: Person) -> None:
    alice.sign_in("alice")
    assert alice.get("/profile/edit", follow=False).status_code == 200
    with write_session(site.engine) as session:
        browser_sessions.end_all(session, session.exec(select(Racer)).one())
    assert alice.get("/profile/edit", follow=False).status_code == 303


def test_a_deactivated_account_is_out_at_once_and_stays_out(site: Site, alice: Person) -> None:
    alice.sign_in("alice")
    with write_session(site.engine) as session:
        local_accounts.set_active(session, "alice", False, by=None, now=clock.now())
    assert "/idp/login" in alice.get("/profile/edit").url
    assert alice.sign_in("alice").status_code == 422


def test_nobody_new_comes_in_while_multi_user_mode_is_off(site: Site, alice: Person) -> None:
    with write_session(site.engine) as session:
        limits.change(session, by=None, now=clock.now(), multi_user_enabled=False)
    answer = alice.sign_in("alice")
    assert answer.status_code == 403
    assert "Multi-user mode is switched off" in answer.text
    with read_session(site.engine) as session:
        assert session.exec(select(Racer)).all() == []
    Person(site.address).sign_in("ada")
    assert only_racer(site.engine).is_admin


def test_a_first_password_has_to_be_changed_before_the_portal_opens(site: Site, alice: Person) -> None:
    with write_session(site.engine) as session:
        local_accounts.reset_password(session, "alice", "given-by-admin-1", by=None, now=clock.now())
    page = alice.sign_in("alice", "given-by-admin-1", path="/sign-in?next=/races")
    assert "/idp/password" in page.url
    short = {"current": "given-by-admin-1", "password": "short", "again": "short"}
    refused = alice.submit(page, short)
    assert refused.status_code == 422
    assert "12 to 128 characters" in refused.text
    done = alice.submit(refused, {"current": "given-by-admin-1", "password": PASSWORD, "again": PASSWORD})
    assert "/profile/edit" in done.url
    assert "/profile/edit" in Person(site.address).sign_in("alice").url


def test_begun_sign_ins_do_not_pile_up_in_the_cookie(site: Site, alice: Person) -> None:
    for _ in range(12):
        alice.get("/sign-in", follow=False)
    assert len(alice.http.cookies["paddock"]) < 2000
    assert "/profile/edit" in alice.sign_in("alice").url
