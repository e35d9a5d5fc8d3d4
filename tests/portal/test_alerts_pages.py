"""Alerts, budgets and deliveries as an administrator sees and changes them; all of it without scripts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import select

from portal import clock
from portal.app import create_app
from portal.database import read_session, write_session
from portal.rules import alert_receivers, alert_thresholds, alerts, budgets, deliveries, ledger, limits
from portal.settings import Settings
from portal.tables import (
    Alert,
    AlertScope,
    AlertSettings,
    AuditEvent,
    Limits,
    Mail,
    Racer,
    Role,
    UsageMonth,
    WebhookDelivery,
)
from tests.cast import NOON, make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import parsed, ready_model
from tests.portal.races_cast import make_race

DOLLAR = 1_000_000
SETUP = "/admin/alerts/setup"


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        return {"ada": make_racer(session, "ada", role=Role.ADMIN), "alice": make_racer(session, "alice")}


@pytest.fixture
def ada(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["ada"])


@pytest.fixture
def alice(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["alice"])


def spend(engine: Engine, racer: Racer, dollars: int) -> None:
    now = clock.now()
    with write_session(engine) as session:
        account = ledger.account_of(session, racer)
        month = now.date().replace(day=1)
        session.add(UsageMonth(account_id=account.id or 0, starts_on=month, training_microusd=dollars * DOLLAR))


def make_alerts(engine: Engine, people: dict[str, Racer], *, racer: int | None = None) -> None:
    """Alice has spent 85 of the portal's 100 dollars."""
    spend(engine, people["alice"], 85)
    now = clock.now()
    with write_session(engine) as session:
        limits.change(
            session,
            by=None,
            now=now,
            monthly_budget_microusd=100 * DOLLAR,
            racer_monthly_budget_microusd=None if racer is None else racer * DOLLAR,
        )
        alerts.make(session, alerts.reached(session, now=now), now=now)


def stored(engine: Engine) -> Limits:
    with read_session(engine) as session:
        return limits.current(session)


def receivers(engine: Engine) -> AlertSettings:
    with read_session(engine) as session:
        return alert_receivers.current(session)


def actions(engine: Engine) -> list[str]:
    with read_session(engine) as session:
        return list(session.exec(select(AuditEvent.action).order_by(AuditEvent.id)))  # type: ignore[arg-type]


# Alerts


def test_without_alerts_the_page_says_so_and_where_to_go(ada: FlaskClient) -> None:
    text = parsed(ada.get("/admin/alerts").text)
    for part in ("No alerts", "spent, no budget", "Set a budget", f'href="{SETUP}"'):
        assert part in text
    assert "alert-banner" not in ada.get("/admin").text


def test_alerts_are_on_the_start_page_and_in_the_list(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    make_alerts(engine, people, racer=160)
    banner = parsed(ada.get("/admin").text)
    assert "This month's spending has reached 80 % of the budget." in banner
    assert "1 racer has reached a threshold." in banner
    text = parsed(ada.get("/admin/alerts").text)
    for part in ("the whole portal", "alice", "80 % of the budget", "$85.00", "spent of $100.00", "hard cap is off"):
        assert part in text
    fragment = ada.get("/admin/alerts", headers={"HX-Request": "true"}).text
    assert "<html" not in fragment
    assert "80 % of the budget" in fragment


def test_an_alert_is_dismissed_brought_back_and_shown_in_the_history(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    make_alerts(engine, people)
    with read_session(engine) as session:
        alert = alerts.listed(session).rows[0].alert
    answer = ada.post(f"/admin/alerts/{alert.public_id}/dismiss", follow_redirects=True)
    assert f'action="/admin/alerts/{alert.public_id}/restore"' in parsed(answer.text)
    assert f'id="alert-{alert.public_id}"' not in answer.text
    history = parsed(ada.get("/admin/alerts?all=1").text)
    assert "by ada" in history
    ada.post(f"/admin/alerts/{alert.public_id}/restore")
    assert f'id="alert-{alert.public_id}"' in ada.get("/admin/alerts").text
    assert actions(engine)[-2:] == ["alert.dismiss", "alert.restore"]


def test_all_are_dismissed_with_one_button_and_undone(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    make_alerts(engine, people)
    page = parsed(ada.post("/admin/alerts/dismiss-all", follow_redirects=True).text)
    moment = re.search(r'name="dismissed_at" value="([^"]+)"', page)
    assert moment
    assert "No alerts" in page
    assert "1 is open again" not in page
    answer = ada.post("/admin/alerts/restore-all", data={"dismissed_at": moment.group(1)}, follow_redirects=True)
    assert "2 are open again." in answer.text


@pytest.mark.parametrize("moment", ["", "yesterday", "2026-06-01T12:00:00"])
def test_undo_of_a_moment_that_is_none_changes_nothing(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], moment: str
) -> None:
    make_alerts(engine, people)
    ada.post("/admin/alerts/dismiss-all")
    assert ada.post("/admin/alerts/restore-all", data={"dismissed_at": moment}).status_code == 303
    with read_session(engine) as session:
        assert alerts.listed(session).total == 0


def test_the_list_is_filtered_by_month(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    make_alerts(engine, people)
    month = clock.now().strftime("%Y-%m")
    assert "the whole portal" in parsed(ada.get(f"/admin/alerts?month={month}").text)
    assert "the whole portal" not in ada.get("/admin/alerts?month=2020-01").text
    assert ada.get("/admin/alerts?month=soon&page=x").status_code == 200


# Budgets


def test_budgets_and_the_cap_are_saved_and_audited(ada: FlaskClient, engine: Engine) -> None:
    values = {
        "monthly_budget_microusd": "1200,50",
        "racer_monthly_budget_microusd": "",
        "hard_cap_enabled": "1",
        "reason": "new year",
    }
    answer = ada.post(SETUP, data=values, follow_redirects=True)
    assert "Saved." in parsed(answer.text)
    assert 'value="1200.50"' in answer.text
    row = stored(engine)
    assert (row.monthly_budget_microusd, row.racer_monthly_budget_microusd, row.hard_cap_enabled) == (
        1_200_500_000,
        None,
        True,
    )
    with read_session(engine) as session:
        (event,) = session.exec(select(AuditEvent).where(AuditEvent.action == "budget.change")).all()
    assert (event.reason, event.after["hard_cap_enabled"]) == ("new year", True)
    ada.post(SETUP, data={"monthly_budget_microusd": ""})
    assert (stored(engine).monthly_budget_microusd, stored(engine).hard_cap_enabled) == (None, False)


@pytest.mark.parametrize("amount", ["-1", "many", "nan", "1e999", "0.001", "2000000000"])
def test_an_amount_that_is_none_is_refused_at_its_field_with_what_was_typed(
    ada: FlaskClient, engine: Engine, amount: str
) -> None:
    answer = ada.post(SETUP, data={"monthly_budget_microusd": amount, "hard_cap_enabled": "1"})
    assert answer.status_code == 422
    text = parsed(answer.text)
    assert 'id="monthly_budget_microusd-error"' in text
    assert f'value="{amount}"' in text
    assert re.search(r'name="hard_cap_enabled"[^>]* checked', text)
    assert not stored(engine).hard_cap_enabled


def test_one_racer_gets_an_own_budget_and_loses_it(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    text = parsed(ada.post(f"{SETUP}/racers", data={"alias": "ALICE", "budget": "12"}, follow_redirects=True).text)
    assert f'id="own-budget-{people["alice"].public_id}"' in text
    assert "$12.00" in text
    with read_session(engine) as session:
        assert budgets.of_racer(session, people["alice"], now=NOON).budget_microusd == 12 * DOLLAR
    ada.post(f"{SETUP}/racers", data={"alias": "alice", "budget": ""})
    assert "Nobody: the budget for each racer counts for all." in ada.get(SETUP).text
    wrong = ada.post(f"{SETUP}/racers", data={"alias": "nobody", "budget": "1"})
    assert (wrong.status_code, 'id="alias-error"' in wrong.text) == (422, True)


# Thresholds


def test_a_threshold_is_added_removed_and_brought_back(ada: FlaskClient, engine: Engine) -> None:
    ada.post(f"{SETUP}/thresholds", data={"scope": "racer", "unit": "dollars", "threshold": "7.50"})
    with read_session(engine) as session:
        added = alert_thresholds.of_scope(session, AlertScope.RACER)[-1]
    assert added.amount_microusd == 7_500_000
    assert "$7.50" in parsed(ada.get(SETUP).text)
    page = parsed(ada.post(f"{SETUP}/thresholds/{added.public_id}/remove", follow_redirects=True).text)
    undo = dict(re.findall(r'<input type="hidden" name="(scope|unit|threshold)" value="([^"]+)">', page))
    assert undo == {"scope": "racer", "unit": "dollars", "threshold": "7.50"}
    ada.post(f"{SETUP}/thresholds", data=undo)
    with read_session(engine) as session:
        assert alert_thresholds.of_scope(session, AlertScope.RACER)[-1].amount_microusd == 7_500_000


@pytest.mark.parametrize(
    ("values", "status", "said"),
    [
        ({"scope": "racer", "unit": "percent", "threshold": "80"}, 409, "there already"),
        ({"scope": "racer", "unit": "percent", "threshold": "0"}, 422, "from 1 to 1000"),
        ({"scope": "racer", "unit": "percent", "threshold": "12.5"}, 422, "whole number"),
        ({"scope": "racer", "unit": "dollars", "threshold": "much"}, 422, "number"),
        ({"scope": "moon", "unit": "percent", "threshold": "70"}, 422, ""),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused(
    ada: FlaskClient, engine: Engine, values: dict[str, str], status: int, said: str
) -> None:
    answer = ada.post(f"{SETUP}/thresholds", data=values)
    assert answer.status_code == status
    assert said in parsed(answer.text)
    with read_session(engine) as session:
        assert len(alert_thresholds.of_scope(session, AlertScope.RACER)) == 3


# Where alerts go


def test_addresses_are_saved_one_a_line_or_with_commas(ada: FlaskClient, engine: Engine) -> None:
    ada.post(f"{SETUP}/addresses", data={"emails": "a@example.org, b@example.org\r\n\r\na@example.org"})
    assert receivers(engine).emails == ["a@example.org", "b@example.org"]
    answer = ada.post(f"{SETUP}/addresses", data={"emails": "a@example.org\nnobody"})
    assert answer.status_code == 422
    assert "“nobody” is no mail address." in parsed(answer.text)
    assert receivers(engine).emails == ["a@example.org", "b@example.org"]


def test_the_secret_of_a_web_hook_is_shown_once_and_a_new_one_is_asked_for(ada: FlaskClient, engine: Engine) -> None:
    answer = ada.post(f"{SETUP}/web-hook", data={"webhook_url": "https://hooks.example/x"})
    first = receivers(engine).webhook_secret
    assert first in parsed(answer.text)
    assert answer.headers["Cache-Control"] == "no-store"
    for path in (SETUP, "/admin/audit", "/admin/alerts/deliveries?kind=web-hook"):
        assert first not in ada.get(path).text
    question = parsed(ada.get(f"{SETUP}/web-hook/secret").text)
    assert "cannot be brought back" in question
    assert receivers(engine).webhook_secret == first
    second = ada.post(f"{SETUP}/web-hook/secret", headers={"HX-Request": "true"})
    assert receivers(engine).webhook_secret in second.text
    assert "<html" not in second.text
    assert first not in second.text
    ada.post(f"{SETUP}/web-hook", data={"webhook_url": ""})
    assert (receivers(engine).webhook_url, receivers(engine).webhook_secret) == ("", "")


def test_an_address_that_is_none_is_refused_at_its_field(ada: FlaskClient, engine: Engine) -> None:
    answer = ada.post(f"{SETUP}/web-hook", data={"webhook_url": "ftp://x"})
    assert answer.status_code == 422
    assert 'id="webhook_url-error"' in parsed(answer.text)
    assert receivers(engine).webhook_url == ""


def test_tests_are_written_and_the_log_shows_them(ada: FlaskClient, engine: Engine) -> None:
    assert "There is no address yet" in parsed(ada.post(f"{SETUP}/test-mail").text)
    assert "There is no web hook yet" in parsed(ada.post(f"{SETUP}/test-hook").text)
    ada.post(f"{SETUP}/addresses", data={"emails": "a@example.org"})
    ada.post(f"{SETUP}/web-hook", data={"webhook_url": "https://hooks.example/x"})
    page = parsed(ada.post(f"{SETUP}/test-mail", follow_redirects=True).text)
    for part in ("a@example.org", "a test mail from Paddock", "waiting", 'hx-trigger="every 3s"'):
        assert part in page
    page = parsed(ada.post(f"{SETUP}/test-hook", follow_redirects=True).text)
    assert "webhook.test" in page
    assert "https://hooks.example/x" in page


def test_the_pages_say_that_no_mail_server_is_configured(
    ada: FlaskClient, settings: Settings, people: dict[str, Racer]
) -> None:
    for path in (SETUP, "/admin/alerts/deliveries"):
        assert "No mail server is configured" in ada.get(path).text
    with_server = create_app(replace(settings, smtp_url="smtp://mail", mail_from="p@example.org"))
    browser = sign_in(with_server, people["ada"])
    for path in (SETUP, "/admin/alerts/deliveries"):
        assert "No mail server is configured" not in browser.get(path).text
    with_server.extensions["paddock_engine"].dispose()


# The log


def give_up(engine: Engine) -> tuple[str, str]:
    """A mail and an event that were given up; returns their ids."""
    now = clock.now() - timedelta(hours=1)
    with write_session(engine) as session:
        deliveries.mail(session, "gone@example.org", "<b>Hello</b>", "text", now=now)
        deliveries.webhook(session, "https://old.example/x", "spending.alert", {}, now=now)
        (mail,) = deliveries.claim(session, Mail, now=now, limit=1)
        (hook,) = deliveries.claim(session, WebhookDelivery, now=now, limit=1)
        deliveries.failed(session, mail, "550 No such user", now=now, for_good=True)
        deliveries.failed(session, hook, "It answered 404.", now=now, status=404, for_good=True)
        return mail.public_id, hook.public_id


def test_what_was_given_up_says_why_and_is_sent_again(ada: FlaskClient, engine: Engine) -> None:
    mail_id, _ = give_up(engine)
    text = parsed(ada.get("/admin/alerts/deliveries?state=failed").text)
    for part in ("gone@example.org", "550 No such user", "&lt;b&gt;Hello&lt;/b&gt;", "given up"):
        assert part in text
    assert "gone@example.org" not in ada.get("/admin/alerts/deliveries?state=sent").text
    page = ada.post(f"/admin/alerts/deliveries/mail/{mail_id}/again", follow_redirects=True)
    assert "It is on its way again." in parsed(page.text)
    with read_session(engine) as session:
        mail = session.exec(select(Mail)).one()
    assert (mail.state, mail.attempts, mail.error, mail.text) == ("waiting", 0, "", "text")
    again = ada.post(f"/admin/alerts/deliveries/mail/{mail_id}/again", follow_redirects=True)
    assert "It waits or was sent already." in again.text
    assert actions(engine).count("delivery.again") == 1


def test_an_event_is_sent_again_to_the_address_that_is_set_now(ada: FlaskClient, engine: Engine) -> None:
    _, hook_id = give_up(engine)
    page = ada.post(f"/admin/alerts/deliveries/web-hook/{hook_id}/again", follow_redirects=True)
    assert "There is no web hook any more." in parsed(page.text)
    ada.post(f"{SETUP}/web-hook", data={"webhook_url": "https://new.example/x"})
    ada.post(f"/admin/alerts/deliveries/web-hook/{hook_id}/again")
    with read_session(engine) as session:
        hook = session.exec(select(WebhookDelivery)).one()
    assert (hook.url, hook.state, hook.status) == ("https://new.example/x", "waiting", None)


def test_everything_that_was_given_up_is_sent_again_with_one_button(ada: FlaskClient, engine: Engine) -> None:
    give_up(engine)
    give_up(engine)
    assert "Send the 2 that were given up again" in parsed(ada.get("/admin/alerts/deliveries").text)
    page = ada.post("/admin/alerts/deliveries/mail/again", follow_redirects=True)
    assert "2 are on their way again." in page.text
    assert "that were given up again" not in page.text


def test_the_log_takes_nonsense_for_everything(ada: FlaskClient) -> None:
    page = ada.get("/admin/alerts/deliveries?kind=pigeon&state=lost&page=-3")
    assert page.status_code == 200
    assert "Nothing was sent" in parsed(page.text)
    assert ada.post("/admin/alerts/deliveries/pigeon/again").status_code == 404


# The racer


def test_a_racer_sees_the_own_alert_and_budget(
    alice: FlaskClient, ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    make_alerts(engine, people, racer=100)
    ada.post("/admin/alerts/dismiss-all")
    for path in ("/garage", "/profile"):
        text = parsed(alice.get(path).text)
        assert "has reached 80 % of the budget" in text
        assert "spent of $100.00" in text
        assert "Budget of this month" in text
        assert "has reached" not in ada.get(path).text


def test_without_a_budget_a_racers_pages_say_nothing_of_one(alice: FlaskClient) -> None:
    for path in ("/garage", "/profile"):
        assert "Budget of this month" not in alice.get(path).text


def test_a_racer_is_told_why_the_cap_refuses_and_what_to_do(
    alice: FlaskClient, engine: Engine, people: dict[str, Racer], settings: Settings
) -> None:
    spend(engine, people["alice"], 10)
    with write_session(engine) as session:
        model = ready_model(session, settings, people["alice"])
        race = make_race(session, people["ada"])
        limits.change(session, by=None, now=NOON, monthly_budget_microusd=10 * DOLLAR, hard_cap_enabled=True)
    assert budgets.INSTANCE_SPENT in parsed(alice.get("/garage").text)
    assert budgets.INSTANCE_SPENT in parsed(alice.get(f"/garage/models/{model.public_id}/evaluate").text)
    refused = alice.post(f"/garage/models/{model.public_id}/train")
    assert refused.status_code == 409
    assert budgets.INSTANCE_SPENT in refused.text
    entered = alice.post(f"/races/{race.public_id}/enter", data={"model": model.public_id})
    assert entered.status_code == 409
    assert budgets.INSTANCE_SPENT in entered.text
    with read_session(engine) as session:
        assert session.exec(select(Alert)).all() == []
