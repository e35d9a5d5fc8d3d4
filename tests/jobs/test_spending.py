"""Maintenance looks at spending once a minute, and tells what it found by mail and web hook."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import select

from jobs import deliveries, maintenance, spending
from jobs.workplace import Workplace
from portal.database import read_session, write_session
from portal.rules import alert_receivers, ledger, limits
from portal.tables import Alert, JobKind, Mail
from tests.cast import NOON
from tests.jobs.paddock_yard import after, make_sponsored
from tests.jobs.receivers import Postbox, mail_server, web_hook_receiver

HOUR_MS = 3_600_000


def spend_an_hour(workplace: Workplace, job_id: int) -> None:
    """Settles an hour of training: 3.50 dollars."""
    with write_session(workplace.engine) as session:
        racer = make_sponsored(session, f"racer-{job_id}", quota_ms=10 * HOUR_MS)
        account = ledger.account_of(session, racer)
        ledger.reserve(session, account, JobKind.TRAINING, job_id, HOUR_MS, now=NOON)
        ledger.settle(session, JobKind.TRAINING, job_id, HOUR_MS, 3_500_000, now=NOON)


def test_spending_becomes_an_alert_a_mail_and_an_event(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    postbox = Postbox()
    spend_an_hour(workplace, 1)
    with mail_server(postbox) as port, web_hook_receiver() as receiver:
        place = replace(
            workplace,
            settings=replace(workplace.settings, smtp_url=f"smtp://127.0.0.1:{port}", mail_from="p@portal.example"),
        )
        with write_session(place.engine) as session:
            limits.change(session, by=None, now=NOON, monthly_budget_microusd=7_000_000)
            alert_receivers.set_addresses(session, ["ada@example.org"], by=None, now=NOON)
            alert_receivers.set_web_hook(session, receiver.url, by=None, now=NOON)
        rounds = maintenance.Rounds(place)
        rounds.go(after(1))
        rounds.go(after(2))
        deliveries.deliver_mails(place, after(3))
        deliveries.deliver_web_hooks(place, after(3))
    assert [mail["Subject"] for mail in postbox.mails] == [
        "Paddock: The portal reached 50 % of the budget in June 2026"
    ]
    assert [headers["Paddock-Event"] for headers, _ in receiver.got] == ["spending.alert"]


def test_it_looks_four_times_a_minute(workplace: Workplace) -> None:
    rounds = maintenance.Rounds(workplace)
    rounds.go(after(0))
    spend_an_hour(workplace, 1)
    with write_session(workplace.engine) as session:
        limits.change(session, by=None, now=NOON, monthly_budget_microusd=1)
    rounds.go(after(14))
    with read_session(workplace.engine) as session:
        assert session.exec(select(Alert)).all() == []
    rounds.go(after(15))
    with read_session(workplace.engine) as session:
        assert len(session.exec(select(Alert)).all()) == 3


def test_very_many_are_told_in_batches(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "BATCH", 4)
    for job_id in range(3):
        spend_an_hour(workplace, job_id)
    with write_session(workplace.engine) as session:
        limits.change(session, by=None, now=NOON, racer_monthly_budget_microusd=1)
        alert_receivers.set_addresses(session, ["ada@example.org"], by=None, now=NOON)
    assert spending.alert(workplace, after(1)) == 9
    assert spending.alert(workplace, after(2)) == 0
    with read_session(workplace.engine) as session:
        subjects = session.exec(select(Mail.subject)).all()
    assert [subject.split()[1] for subject in subjects] == ["4", "4", "racer-2"]
