"""The administrator's pages: overview, accounts, audit. All of it works without scripts."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from rq import Worker
from sqlalchemy import Engine
from sqlmodel import Session

from portal import clock
from portal.app import create_app
from portal.database import read_session, write_session
from portal.rules import audit, audit_log, ledger, local_accounts, overview, racers
from portal.rules.audit_log import AuditFilter
from portal.settings import Settings
from portal.tables import HOUR_MS, JobKind, ProviderAccount, Racer, Role, Sponsorship
from portal.views import admin_accounts
from portal.workers import listed as workers_listed
from tests.cast import NOON, make_racer
from tests.conftest import sign_in

pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    """The cast: ada administers, bob is paused, carol's sponsorship has ended."""
    with write_session(engine) as session:
        return {
            "ada": make_racer(session, "ada", role=Role.ADMIN),
            "alice": make_racer(session, "alice"),
            "bob": make_racer(session, "bob", sponsorship=Sponsorship.PAUSED),
            "carol": make_racer(session, "carol", sponsorship=Sponsorship.ENDED),
        }


@pytest.fixture
def ada(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["ada"])


# Overview


def test_the_overview_counts_what_is_there(session: Session) -> None:
    alice = make_racer(session, "alice")
    make_racer(session, "bob", sponsorship=Sponsorship.PAUSED)
    account = ledger.account_of(session, alice)
    ledger.reserve(session, account, JobKind.TRAINING, 1, HOUR_MS, now=NOON)
    found = overview.current(session)
    assert (found.racers, found.racers_paused, found.models, found.races) == (2, 1, 0, 0)
    assert (found.used_ms, found.reserved_ms, found.trainings.at_once) == (0, HOUR_MS, 100)


def test_the_overview_says_that_no_worker_runs_or_that_the_queue_is_away(
    ada: FlaskClient, redis: Redis, settings: Settings, people: dict[str, Racer]
) -> None:
    assert workers_listed(redis) == []
    assert "No worker runs" in ada.get("/admin").text
    away = create_app(replace(settings, redis_url="unix:///nowhere/valkey.sock"))
    answer = sign_in(away, people["ada"]).get("/admin")
    assert answer.status_code == 200
    assert "The queue server does not answer" in answer.text


def test_the_overview_names_the_workers_and_what_they_do(ada: FlaskClient, redis: Redis) -> None:
    worker = Worker(["evaluation", "training"], connection=redis, name="worker-1")
    worker.register_birth()
    worker.set_state("busy")
    (seen,) = workers_listed(redis) or []
    assert (seen.name, seen.state, seen.queues) == ("worker-1", "busy", ("evaluation", "training"))
    text = ada.get("/admin").text
    assert "worker-1" in text
    assert "evaluation, training" in text


# Accounts


def account(engine: Engine, username: str) -> ProviderAccount | None:
    with read_session(engine) as session:
        return local_accounts.find(session, username)


def password_on(page: str) -> str:
    found = re.search(r'class="one-time">([^<]+)<', page)
    assert found, page
    return found.group(1)


def test_a_new_account_gets_a_password_that_is_shown_once(ada: FlaskClient, engine: Engine) -> None:
    answer = ada.post("/admin/accounts/new", data={"username": "Zoe", "name": "Zoë", "email": "z@example.org"})
    assert answer.headers["Cache-Control"] == "no-store"
    password = password_on(answer.text)
    made = account(engine, "zoe")
    assert made is not None
    assert (made.name, made.email, made.groups, made.must_change_password) == ("Zoë", "z@example.org", [], True)
    with read_session(engine) as session:
        assert local_accounts.verify(session, "zoe", password) is not None
    assert password not in ada.get("/admin/accounts").text
    assert password not in ada.get("/admin/audit").text


def test_a_page_of_accounts_beyond_the_last_is_the_last(
    ada: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_accounts, "PAGE_SIZE", 2)
    with write_session(engine) as session:
        for name in ("xena", "yara", "zoe"):
            local_accounts.create(session, name, "four quiet green helmets", by=None, now=clock.now())
    shown = ada.get("/admin/accounts?page=900").text
    assert "page 2 of 2" in shown
    assert "zoe" in shown
    assert "xena" not in shown


def test_an_account_can_be_an_administrators(ada: FlaskClient, engine: Engine) -> None:
    ada.post("/admin/accounts/new", data={"username": "olivia", "admin": "1"})
    made = account(engine, "olivia")
    assert made is not None
    assert made.groups == [local_accounts.ADMIN_GROUP]


@pytest.mark.parametrize(
    ("field", "value"), [("username", "a b"), ("username", ""), ("email", "nobody"), ("username", "taken")]
)
def test_a_wrong_field_of_a_new_account_is_said_and_nothing_is_made(
    ada: FlaskClient, engine: Engine, field: str, value: str
) -> None:
    ada.post("/admin/accounts/new", data={"username": "taken"})
    answer = ada.post("/admin/accounts/new", data={"username": "fine", field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert account(engine, "fine") is None


def test_an_account_is_reset_deactivated_activated_and_made_admin(ada: FlaskClient, engine: Engine) -> None:
    first = password_on(ada.post("/admin/accounts/new", data={"username": "zoe"}).text)
    second = password_on(ada.post("/admin/accounts/zoe/reset_password").text)
    assert first != second
    for verb, check in (
        ("deactivate", lambda made: not made.is_active),
        ("activate", lambda made: made.is_active),
        ("make_admin", lambda made: local_accounts.ADMIN_GROUP in made.groups),
    ):
        answer = ada.post(f"/admin/accounts/zoe/{verb}", follow_redirects=True)
        assert "Done for zoe." in answer.text
        assert check(account(engine, "zoe")), verb
    refused = ada.post("/admin/accounts/zoe/take_admin", follow_redirects=True)
    assert "last active administrator" in refused.text


@pytest.mark.parametrize(
    ("verb", "question", "follows"),
    [
        ("reset_password", "A new password for zoe?", "You see the new one once"),
        ("deactivate", "Deactivate zoe?", "until you activate it again"),
        ("make_admin", "Make zoe an administrator?", "all of administration"),
        ("take_admin", "Take administration from zoe?", "no page of administration"),
    ],
)
def test_what_ends_the_sessions_of_an_account_is_asked_first(
    ada: FlaskClient, engine: Engine, verb: str, question: str, follows: str
) -> None:
    more = {"admin": "1"} if verb == "take_admin" else {}
    ada.post("/admin/accounts/new", data={"username": "zoe"} | more)
    before = account(engine, "zoe")
    assert before is not None
    address = f"/admin/accounts/zoe/{verb}"
    assert re.search(f'<a [^>]*href="{address}" data-dialog', ada.get("/admin/accounts").text)
    page, fragment = ada.get(address).text, ada.get(address, headers={"HX-Request": "true"}).text
    for text in (page, fragment):
        assert question in text
        assert "All sessions of this account end" in text
        assert follows in text
        assert f'method="post" action="{address}"' in text
    assert ("<h1>" in page, "<h1>" in fragment) == (True, False)
    assert account(engine, "zoe") == before, "asking changes nothing"


def test_answers_to_the_dialog_of_an_account_stay_in_it_or_lead_to_the_list(ada: FlaskClient) -> None:
    ada.post("/admin/accounts/new", data={"username": "zoe"})
    in_dialog = {"HX-Request": "true"}
    shown = ada.post("/admin/accounts/zoe/reset_password", headers=in_dialog)
    assert shown.headers["Cache-Control"] == "no-store"
    assert password_on(shown.text)
    assert "<html" not in shown.text
    assert ada.post("/admin/accounts/zoe/deactivate", headers=in_dialog).headers["HX-Redirect"] == "/admin/accounts"
    assert "Done for zoe." in ada.get("/admin/accounts").text


def test_an_administrator_who_is_deactivated_is_out_at_once(app: Flask, ada: FlaskClient, engine: Engine) -> None:
    ada.post("/admin/accounts/new", data={"username": "olivia", "admin": "1"})
    ada.post("/admin/accounts/new", data={"username": "other", "admin": "1"})
    made = account(engine, "olivia")
    assert made is not None
    with write_session(engine) as session:
        identity = racers.Identity(racers.LOCAL_ISSUER, made.subject, groups=tuple(made.groups))
        racer = racers.sign_in(session, identity, admin_groups=(local_accounts.ADMIN_GROUP,), now=clock.now())
    olivia = sign_in(app, racer)
    assert olivia.get("/admin").status_code == 200
    ada.post("/admin/accounts/olivia/deactivate")
    assert olivia.get("/admin").status_code == 303


def test_with_another_provider_accounts_are_kept_there(
    settings: Settings, engine: Engine, people: dict[str, Racer]
) -> None:
    elsewhere = create_app(
        replace(settings, oidc_issuer="https://sso.example", oidc_client_id="a", oidc_client_secret="b")
    )
    elsewhere.config["WTF_CSRF_ENABLED"] = False
    browser = sign_in(elsewhere, people["ada"])
    assert "https://sso.example" in browser.get("/admin/accounts").text
    assert browser.get("/admin/accounts/new").status_code == 404
    assert browser.post("/admin/accounts/new", data={"username": "zoe"}).status_code == 404
    assert account(engine, "zoe") is None


# Audit


def test_the_audit_is_newest_first_and_filtered_by_action_noun_and_person(session: Session) -> None:
    ada, bob = make_racer(session, "ada"), make_racer(session, "bob")
    audit.record(session, "race.open", "race:1", by=ada, now=NOON)
    audit.record(session, "racer.role", f"racer:{bob.public_id}", by=None, now=NOON, after={"role": "admin"})
    audit.record(session, "race.close", "race:1", by=bob, now=NOON)
    audit.record(session, "account.create", "account:bob", by=ada, now=NOON)
    session.flush()

    def found(**filters: str) -> list[str]:
        return [row.event.action for row in audit_log.listed(session, AuditFilter(**filters)).rows]  # type: ignore[arg-type]

    assert found() == ["account.create", "race.close", "racer.role", "race.open"]
    assert found(action="race") == ["race.close", "race.open"]
    assert found(action="race.open") == ["race.open"]
    assert found(by="ADA") == ["account.create", "race.open"]
    assert found(about="bob") == ["account.create", "racer.role"]
    assert found(by="zoe") == found(about="zoe") == []
    (about,) = [row.about for row in audit_log.listed(session, AuditFilter(action="racer.role")).rows]
    assert about is not None
    assert about.alias == "bob"
    assert audit_log.actions(session) == {
        "account": ["account.create"],
        "race": ["race.close", "race.open"],
        "racer": ["racer.role"],
    }


def test_the_audit_page_shows_before_and_after_as_text(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    with write_session(engine) as session:
        audit.record(
            session,
            "quota.set",
            f"racer:{people['alice'].public_id}",
            by=people["ada"],
            now=clock.now(),
            before={"quota_ms": 0, "note": None},
            after={"quota_ms": HOUR_MS, "note": "<b>"},
            reason="<script>",
        )
    text = ada.get("/admin/audit?action=quota.set").text
    assert "0 s → 1 h" in text
    assert " → &lt;b&gt;" in text
    assert "&lt;script&gt;" in text
    assert "No event fits" in ada.get("/admin/audit?by=zoe").text
