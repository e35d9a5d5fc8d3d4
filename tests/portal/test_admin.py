"""The administrator's pages: overview, racers, accounts, audit. All of it works without scripts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from rq import Worker
from sqlalchemy import Engine
from sqlmodel import Session, select

from portal import clock
from portal.app import create_app
from portal.database import read_session, write_session
from portal.rules import audit, audit_log, ledger, local_accounts, overview, racer_list, racers
from portal.rules.broken import RuleBroken
from portal.settings import Settings
from portal.tables import HOUR_MS, Account, AuditEvent, JobKind, ProviderAccount, Racer, Role, Sponsorship
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


def sponsorships(engine: Engine) -> dict[str | None, str]:
    with read_session(engine) as session:
        return {racer.alias: racer.sponsorship for racer in session.exec(select(Racer))}


def ids(people: dict[str, Racer], *names: str) -> list[str]:
    return [people[name].public_id for name in names]


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


# Racers


def test_the_table_shows_people_with_what_they_use(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    with write_session(engine) as session:
        account = ledger.account_of(session, people["alice"])
        ledger.reserve(session, account, JobKind.TRAINING, 1, 1_200_000, now=clock.now())
    text = ada.get("/admin/racers").text
    row = re.search(rf'<tr id="racer-{people["alice"].public_id}">.*?</tr>', text, re.DOTALL)
    assert row
    for part in ("alice@example.org", "active", "20 min held", 'value="1200000"', "5 h"):
        assert part in row.group(0), part


def test_search_finds_a_part_of_alias_name_or_email_and_takes_signs_literally(session: Session) -> None:
    for alias in ("alice", "alina", "bob"):
        make_racer(session, alias)
    nobody = make_racer(session, None)
    nobody.name, nobody.email = "Zoë 100%", "zoe@example.org"
    session.flush()

    def found(text: str) -> list[str | None]:
        return [row.racer.alias for row in racer_list.listed(session, search=text).rows]

    assert found("ALI") == ["alice", "alina"]
    assert found("bob@") == ["bob"]
    assert found("100%") == [None]
    assert found("%") == [None]
    assert found("_") == []


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("alias", ["a", "b", "c", None]),
        ("-alias", ["c", "b", "a", None]),
        ("used", ["c", None, "b", "a"]),
        ("-used", ["a", "b", "c", None]),
        ("-quota", ["c", "a", "b", None]),
        ("-seen", ["b", "a", "c", None]),
        ("nonsense", ["a", "b", "c", None]),
        ("-name; drop table racer", ["c", "b", "a", None]),
    ],
)
def test_the_table_is_sorted_by_what_was_asked(session: Session, sort: str, expected: list[str | None]) -> None:
    for alias, used, quota, seen in (("b", 2, 5, 9), ("a", 3, 6, 8), ("c", 0, 7, 7)):
        racer = make_racer(session, alias, quota_ms=quota * HOUR_MS)
        racer.last_seen_at = NOON + timedelta(hours=seen)
        account = session.exec(select(Account).where(Account.racer_id == racer.id)).one()
        account.used_ms = used * HOUR_MS
    make_racer(session, None, quota_ms=0)
    session.flush()
    assert [row.racer.alias for row in racer_list.listed(session, sort=sort).rows] == expected


def test_pages_hold_fifty_and_a_page_too_far_is_the_last(session: Session) -> None:
    for number in range(racer_list.PAGE_SIZE + 3):
        make_racer(session, f"r{number:03}")
    far = racer_list.listed(session, page=99)
    assert (far.page, far.pages, far.total, len(far.rows)) == (2, 2, 53, 3)
    assert racer_list.listed(session, page=-5).page == 1


def test_links_keep_search_and_sort(ada: FlaskClient) -> None:
    text = ada.get("/admin/racers?q=a&sort=name").text
    assert "sort=-name" in text
    assert 'aria-sort="ascending"' in text
    assert re.search(r"q=a(&amp;|&)sort=used|sort=used(&amp;|&)q=a", text)


def test_an_action_first_names_who_and_what_follows_and_changes_nothing(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    before = sponsorships(engine)
    text = ada.get("/admin/racers/pause", query_string={"racer": ids(people, "alice", "bob")}).text
    for part in ("For 2 racers", "alice", "bob", "They may still enter races", "<form"):
        assert part in text
    assert "carol" not in text
    assert sponsorships(engine) == before


def test_pausing_several_skips_who_is_paused_and_says_who_could_not_be(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    chosen = ids(people, "alice", "bob", "carol")
    answer = ada.post("/admin/racers/pause", data={"racer": chosen, "reason": "over budget"}, follow_redirects=True)
    assert sponsorships(engine) == {"ada": "active", "alice": "paused", "bob": "paused", "carol": "ended"}
    assert "Done for 1 racer." in answer.text
    assert "It was so already for bob." in answer.text
    assert "carol: " in answer.text
    with read_session(engine) as session:
        (event,) = session.exec(select(AuditEvent).where(AuditEvent.action == "sponsorship.pause")).all()
    assert (event.by_racer_id, event.reason) == (people["ada"].id, "over budget")


def test_resuming_undoes_a_pause(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    ada.post("/admin/racers/resume", data={"racer": ids(people, "bob")})
    assert sponsorships(engine)["bob"] == "active"


def test_a_quota_is_set_in_hours_for_several(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    ada.post("/admin/racers/quota", data={"racer": ids(people, "alice", "bob"), "hours": "7.5", "reason": "final"})
    with read_session(engine) as session:
        assert ledger.balance(session, people["alice"]).quota_ms == 27_000_000
        assert ledger.balance(session, people["bob"]).quota_ms == 27_000_000
        assert ledger.balance(session, people["carol"]).quota_ms == 5 * HOUR_MS
        assert len(session.exec(select(AuditEvent).where(AuditEvent.action == "quota.set")).all()) == 2


@pytest.mark.parametrize("hours", ["", "-1", "many", "nan", "inf", "1e9"])
def test_hours_that_are_none_are_refused_at_the_field(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], hours: str
) -> None:
    answer = ada.post("/admin/racers/quota", data={"racer": ids(people, "alice"), "hours": hours})
    assert answer.status_code == 422
    assert 'id="hours-error"' in answer.text
    assert "alice" in answer.text
    with read_session(engine) as session:
        assert ledger.balance(session, people["alice"]).quota_ms == 5 * HOUR_MS


def test_somebody_unknown_among_the_selected_changes_nobody(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    answer = ada.post("/admin/racers/pause", data={"racer": [*ids(people, "alice"), "0000000000000000"]})
    assert answer.status_code == 404
    assert sponsorships(engine)["alice"] == "active"
    with read_session(engine) as session, pytest.raises(RuleBroken, match="Nobody is selected"):
        racer_list.chosen(session, [])


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
        return [row.event.action for row in audit_log.listed(session, **filters).rows]  # type: ignore[arg-type]

    assert found() == ["account.create", "race.close", "racer.role", "race.open"]
    assert found(action="race") == ["race.close", "race.open"]
    assert found(action="race.open") == ["race.open"]
    assert found(who="ADA") == ["account.create", "race.open"]
    assert found(who="bob") == ["account.create", "race.close", "racer.role"]
    assert found(who="zoe") == []
    (about,) = [row.about for row in audit_log.listed(session, action="racer.role").rows]
    assert about is not None
    assert about.alias == "bob"
    assert audit_log.actions(session) == ["account.create", "race.close", "race.open", "racer.role"]


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
    assert "No event fits" in ada.get("/admin/audit?who=zoe").text
