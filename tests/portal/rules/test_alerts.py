"""Alerts of spending: one for each threshold, month and whom it is about, whatever happens to budgets in between."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session, select

from portal.database import read_session, write_session
from portal.rules import (
    alert_news,
    alert_receivers,
    alert_thresholds,
    alerts,
    budgets,
    ledger,
    limits,
)
from portal.rules.alerts import Reached
from portal.rules.broken import Code, RuleBroken
from portal.tables import (
    Alert,
    AlertScope,
    AlertThreshold,
    AuditEvent,
    Mail,
    Racer,
    UsageMonth,
    WebhookDelivery,
)
from tests.cast import NOON, make_racer

DOLLAR = 1_000_000
PERCENTS = ["percent:50", "percent:80", "percent:100"]


def spend(session: Session, racer: Racer, dollars: float, *, now: datetime = NOON) -> None:
    """Adds to what the racer's account has cost in the month."""
    account = ledger.account_of(session, racer)
    month = now.date().replace(day=1)
    row = session.get(UsageMonth, (account.id, month)) or UsageMonth(account_id=account.id or 0, starts_on=month)
    row.training_microusd += round(dollars * DOLLAR)
    session.add(row)
    session.flush()


def set_budgets(session: Session, instance: int | None = None, racer: int | None = None) -> None:
    limits.change(
        session,
        by=None,
        now=NOON,
        monthly_budget_microusd=None if instance is None else instance * DOLLAR,
        racer_monthly_budget_microusd=None if racer is None else racer * DOLLAR,
    )


def look(session: Session, now: datetime = NOON) -> list[tuple[str, str]]:
    """What maintenance does: whom new alerts are about, and their thresholds."""
    made = alerts.make(session, alerts.reached(session, now=now), now=now)
    return [(alert.name or alert.about, alert.threshold) for alert in made]


# Reaching


def test_a_fresh_instance_has_the_three_shares_of_the_console_and_no_budget(session: Session) -> None:
    spend(session, make_racer(session), 1_000)
    for scope in AlertScope:
        assert [threshold.percent for threshold in alert_thresholds.of_scope(session, scope)] == [50, 80, 100]
    assert look(session) == []


@pytest.mark.parametrize(
    ("dollars", "count"), [(0, 0), (49.999999, 0), (50, 1), (79.99, 1), (80, 2), (99.999999, 2), (100, 3), (500, 3)]
)
def test_a_share_is_reached_to_the_millionth_and_each_lower_one_with_it(
    session: Session, dollars: float, count: int
) -> None:
    spend(session, make_racer(session), dollars)
    set_budgets(session, instance=100)
    assert look(session) == [("instance", threshold) for threshold in PERCENTS[:count]]


def test_an_amount_needs_no_budget(session: Session) -> None:
    spend(session, make_racer(session), 20)
    alert_thresholds.add(session, AlertScope.INSTANCE, amount_microusd=20 * DOLLAR, by=None, now=NOON)
    alert_thresholds.add(session, AlertScope.RACER, amount_microusd=20 * DOLLAR, by=None, now=NOON)
    assert look(session) == [("instance", "amount:20000000"), ("alice", "amount:20000000")]
    (first, _) = session.exec(select(Alert)).all()
    assert (first.spent_microusd, first.budget_microusd, first.month) == (20 * DOLLAR, None, date(2026, 6, 1))


def test_a_racer_is_measured_by_the_own_budget_or_else_by_that_for_all(session: Session) -> None:
    alice, bob, carol = (make_racer(session, alias) for alias in ("alice", "bob", "carol"))
    for racer in (alice, bob, carol):
        spend(session, racer, 6)
    set_budgets(session, racer=10)
    budgets.set_for(session, alice, 6 * DOLLAR, by=None, now=NOON)
    budgets.set_for(session, bob, 1_000 * DOLLAR, by=None, now=NOON)
    assert look(session) == [*(("alice", threshold) for threshold in PERCENTS), ("carol", "percent:50")]


def test_everybodys_spending_counts_for_the_instance_races_included(session: Session) -> None:
    alice, bob = make_racer(session, "alice"), make_racer(session, "bob")
    spend(session, alice, 30)
    spend(session, bob, 20)
    set_budgets(session, instance=100)
    assert look(session) == [("instance", "percent:50")]


def test_a_budget_of_zero_is_reached_by_anything_spent_and_not_by_nothing(session: Session) -> None:
    alice = make_racer(session)
    set_budgets(session, instance=0)
    assert look(session) == []
    spend(session, alice, 0.000001)
    assert [threshold for _, threshold in look(session)] == PERCENTS


# Once


def test_an_alert_is_made_once_a_month(session: Session) -> None:
    alice = make_racer(session)
    spend(session, alice, 60)
    set_budgets(session, instance=100)
    assert look(session) == [("instance", "percent:50")]
    assert look(session) == []
    spend(session, alice, 25)
    assert look(session) == [("instance", "percent:80")]
    july = datetime(2026, 7, 2, 12, tzinfo=UTC)
    assert look(session, july) == []
    spend(session, alice, 50, now=july)
    assert look(session, july) == [("instance", "percent:50")]
    assert alerts.months(session) == [date(2026, 7, 1), date(2026, 6, 1)]


def test_what_is_charged_for_the_last_day_is_alerted_of_on_the_first(session: Session) -> None:
    alice = make_racer(session)
    set_budgets(session, instance=100)
    first = datetime(2026, 7, 1, 0, 10, tzinfo=UTC)
    spend(session, alice, 50, now=datetime(2026, 6, 30, tzinfo=UTC))
    assert look(session, first) == [("instance", "percent:50")]
    assert session.exec(select(Alert)).one().month == date(2026, 6, 1)


def test_raising_a_budget_repeats_no_alert_and_lowering_one_makes_those_that_are_reached(session: Session) -> None:
    alice = make_racer(session)
    spend(session, alice, 50)
    set_budgets(session, instance=100)
    assert look(session) == [("instance", "percent:50")]
    set_budgets(session, instance=200)
    spend(session, alice, 60)
    assert look(session) == []
    set_budgets(session, instance=110)
    assert look(session) == [("instance", "percent:80"), ("instance", "percent:100")]


def test_a_threshold_that_was_removed_and_added_again_makes_no_second_alert(session: Session) -> None:
    spend(session, make_racer(session), 50)
    set_budgets(session, instance=100)
    look(session)
    (half, *_) = alert_thresholds.of_scope(session, AlertScope.INSTANCE)
    alert_thresholds.remove(session, half.public_id, by=None, now=NOON)
    assert len(session.exec(select(Alert)).all()) == 1
    alert_thresholds.add(session, AlertScope.INSTANCE, percent=50, by=None, now=NOON)
    assert look(session) == []


def test_several_processes_at_once_make_each_alert_once_and_only_its_maker_tells(engine: Engine) -> None:
    with write_session(engine) as session:
        for number in range(20):
            spend(session, make_racer(session, f"r{number}"), 10)
        set_budgets(session, racer=10)
        alert_receivers.set_addresses(session, ["a@example.org"], by=None, now=NOON)
        alert_receivers.set_web_hook(session, "https://hooks.example/x", by=None, now=NOON)
    barrier = threading.Barrier(4)

    def go() -> None:
        with read_session(engine) as session:
            found = alerts.reached(session, now=NOON)
        barrier.wait()
        with write_session(engine) as session:
            made = alerts.make(session, found, now=NOON)
            alert_news.tell(session, made, organisation="Club", address="https://p.example", now=NOON)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with read_session(engine) as session:
        assert len(session.exec(select(Alert)).all()) == 60
        assert len(session.exec(select(Mail)).all()) == 1
        assert len(session.exec(select(WebhookDelivery)).all()) == 60


# Thresholds


def test_thresholds_are_added_removed_and_audited(session: Session) -> None:
    ada = make_racer(session, "ada")
    added = alert_thresholds.add(session, AlertScope.RACER, percent=90, by=ada, now=NOON)
    percents = [threshold.percent for threshold in alert_thresholds.of_scope(session, AlertScope.RACER)]
    assert percents == [50, 80, 90, 100]
    alert_thresholds.remove(session, added.public_id, by=ada, now=NOON)
    events = session.exec(select(AuditEvent).where(AuditEvent.by_racer_id == ada.id)).all()
    assert [line.action for line in events] == ["threshold.add", "threshold.remove"]
    assert events[0].after == events[1].before == {"scope": "racer", "threshold": "percent:90"}
    with pytest.raises(RuleBroken) as refusal:
        alert_thresholds.remove(session, added.public_id, by=ada, now=NOON)
    assert refusal.value.code is Code.MISSING


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, Code.INVALID),
        ({"percent": 50, "amount_microusd": 1}, Code.INVALID),
        ({"percent": 0}, Code.INVALID),
        ({"percent": 1001}, Code.INVALID),
        ({"amount_microusd": 0}, Code.INVALID),
        ({"percent": 50}, Code.CONFLICT),
    ],
)
def test_thresholds_that_make_no_sense_or_are_there_are_refused(
    session: Session, values: dict[str, int], code: Code
) -> None:
    with pytest.raises(RuleBroken) as refusal:
        alert_thresholds.add(session, AlertScope.INSTANCE, by=None, now=NOON, **values)
    assert (refusal.value.code, refusal.value.field) == (code, "threshold")


def test_there_are_so_many_thresholds_and_no_more(session: Session) -> None:
    for percent in range(1, alert_thresholds.MOST_THRESHOLDS - 2):
        alert_thresholds.add(session, AlertScope.RACER, percent=percent, by=None, now=NOON)
    with pytest.raises(RuleBroken, match="Remove one first"):
        alert_thresholds.add(session, AlertScope.RACER, percent=99, by=None, now=NOON)
    assert len(session.exec(select(AlertThreshold)).all()) == alert_thresholds.MOST_THRESHOLDS + 3


# The list


def make_alerts(session: Session) -> Racer:
    alice = make_racer(session)
    spend(session, alice, 100)
    set_budgets(session, instance=100, racer=150)
    look(session)
    return alice


def test_alerts_are_dismissed_and_restored_one_by_one(session: Session) -> None:
    alice, ada = make_alerts(session), make_racer(session, "ada")
    newest = alerts.listed(session).rows[0]
    assert (newest.racer, newest.alert.threshold) == (alice, "percent:50")
    assert alerts.dismiss(session, newest.alert.public_id, by=ada, now=NOON)
    assert not alerts.dismiss(session, newest.alert.public_id, by=ada, now=NOON)
    assert alerts.listed(session).total == 3
    session.expire_all()
    everything = alerts.listed(session, with_dismissed=True)
    assert (everything.total, everything.rows[0].dismissed_by) == (4, ada)
    assert alerts.restore(session, newest.alert.public_id, by=ada, now=NOON)
    assert not alerts.restore(session, newest.alert.public_id, by=ada, now=NOON)
    assert alerts.listed(session).total == 4
    actions = session.exec(select(AuditEvent.action).where(AuditEvent.by_racer_id == ada.id)).all()
    assert actions == ["alert.dismiss", "alert.restore"]
    assert look(session) == []


def test_all_are_dismissed_at_once_and_restored_without_those_dismissed_before(session: Session) -> None:
    make_alerts(session)
    ada = make_racer(session, "ada")
    alerts.dismiss(session, alerts.listed(session).rows[0].alert.public_id, by=ada, now=NOON)
    later = NOON + timedelta(minutes=1)
    assert alerts.dismiss_all(session, by=ada, now=later) == 3
    assert alerts.dismiss_all(session, by=ada, now=later) == 0
    assert alerts.listed(session).total == 0
    assert alerts.restore_all(session, later, by=ada, now=later) == 3
    assert alerts.listed(session).total == 3


def test_an_alert_that_is_not_there_is_missing(session: Session) -> None:
    ada = make_racer(session, "ada")
    for change in (alerts.dismiss, alerts.restore):
        with pytest.raises(RuleBroken) as refusal:
            change(session, "0" * 16, by=ada, now=NOON)
        assert refusal.value.code is Code.MISSING


def test_the_banner_and_the_racers_own_show_the_highest_of_this_month(session: Session) -> None:
    alice = make_alerts(session)
    ada, bob = make_racer(session, "ada"), make_racer(session, "bob")
    banner = alerts.banner(session, now=NOON)
    assert banner.newest is not None
    assert (banner.newest.threshold, banner.racers) == ("percent:100", 1)
    alerts.dismiss_all(session, by=ada, now=NOON)
    assert alerts.banner(session, now=NOON) == alerts.Banner(None, 0)
    shown = alerts.own(session, alice, now=NOON)
    assert shown is not None
    assert shown.threshold == "percent:50"
    assert alerts.own(session, bob, now=NOON) is None
    assert alerts.own(session, alice, now=NOON + timedelta(days=40)) is None


# Telling


def test_all_that_is_found_together_is_one_mail_to_each_address_and_an_event_each(session: Session) -> None:
    alice = make_racer(session, "alice")
    spend(session, alice, 81.2)
    set_budgets(session, instance=100)
    alert_receivers.set_addresses(session, ["a@example.org", "b@example.org"], by=None, now=NOON)
    alert_receivers.set_web_hook(session, "https://hooks.example/x", by=None, now=NOON)
    made = alerts.make(session, alerts.reached(session, now=NOON), now=NOON)
    alert_news.tell(session, made, organisation="Racing Club", address="https://p.example", now=NOON)
    mails = session.exec(select(Mail)).all()
    assert [mail.recipient for mail in mails] == ["a@example.org", "b@example.org"]
    assert mails[0].subject == "Racing Club: 2 spending alerts in June 2026"
    assert (
        "The portal reached 80 % of the budget in June 2026: 81.20 USD spent of a budget of 100.00 USD."
        in mails[0].text
    )
    assert "estimate" in mails[0].text
    assert '<a href="https://p.example/admin/alerts">' in mails[0].html
    first, second = session.exec(select(WebhookDelivery)).all()
    assert first.event == alert_news.EVENT
    assert second.body == {
        "month": "2026-06",
        "about": "instance",
        "racer": None,
        "threshold": {"percent": 80},
        "spent_microusd": 81_200_000,
        "budget_microusd": 100_000_000,
        "url": "https://p.example/admin/alerts",
    }


def test_a_racers_alert_names_the_racer_and_no_name_becomes_html() -> None:
    alert = Reached(date(2026, 6, 1), "racer:1234", "amount:5000000", 5 * DOLLAR, 6 * DOLLAR, None, 1, "<b>mallory</b>")
    subject, text, html = alert_news.mail_of([alert], "Club", "https://p.example")
    assert subject == "Club: <b>mallory</b> reached 5.00 USD in June 2026"
    assert "<b>mallory</b> reached 5.00 USD in June 2026: 6.00 USD spent." in text
    assert "&lt;b&gt;mallory&lt;/b&gt;" in html
    told = alert_news.event_of(alert, "https://p.example")
    assert told["racer"] == {"id": "1234", "alias": "<b>mallory</b>"}
    assert told["threshold"] == {"amount_microusd": 5_000_000}


def test_a_mail_about_many_lists_some_and_counts_the_rest() -> None:
    one = Reached(date(2026, 6, 1), "racer:1", "percent:50", 1, 1, 2, 1, "r")
    _, text, _ = alert_news.mail_of([one] * 60, "Club", "https://p.example")
    assert text.count("r reached") == alert_news.MOST_LINES
    assert "And 10 more." in text


def test_without_anybody_to_tell_nothing_is_written(session: Session) -> None:
    one = Reached(date(2026, 6, 1), "instance", "percent:50", 1, 1, 2)
    alert_news.tell(session, [one], organisation="Club", address="https://p.example", now=NOON)
    alert_news.tell(session, [], organisation="Club", address="https://p.example", now=NOON)
    assert session.exec(select(Mail)).all() == session.exec(select(WebhookDelivery)).all() == []


# Where it goes


def test_addresses_are_set_once_each_and_audited(session: Session) -> None:
    ada = make_racer(session, "ada")
    given = [" a@example.org ", "b@example.org", "", "a@example.org"]
    assert alert_receivers.set_addresses(session, given, by=ada, now=NOON)
    assert not alert_receivers.set_addresses(session, ["a@example.org", "b@example.org"], by=ada, now=NOON)
    assert alert_receivers.current(session).emails == ["a@example.org", "b@example.org"]
    (line,) = session.exec(select(AuditEvent).where(AuditEvent.action == "alerts.addresses")).all()
    assert line.after == {"emails": ["a@example.org", "b@example.org"]}


@pytest.mark.parametrize("address", ["nobody", "a b@example.org", "a@b@c", "<a@example.org>", "a@example.org\nBcc:x@y"])
def test_an_address_that_is_none_is_named(session: Session, address: str) -> None:
    with pytest.raises(RuleBroken, match="is no mail address") as refusal:
        alert_receivers.set_addresses(session, ["fine@example.org", address], by=None, now=NOON)
    assert refusal.value.field == "emails"


def test_a_new_web_hook_gets_a_secret_that_the_audit_does_not_know(session: Session) -> None:
    ada = make_racer(session, "ada")
    assert alert_receivers.set_web_hook(session, "http://10.0.0.5:8080/hook", by=ada, now=NOON)
    first = alert_receivers.current(session).webhook_secret
    assert len(first) >= 32
    assert not alert_receivers.set_web_hook(session, "http://10.0.0.5:8080/hook", by=ada, now=NOON)
    second = alert_receivers.renew_secret(session, by=ada, now=NOON)
    alert_receivers.set_web_hook(session, "https://elsewhere.example", by=ada, now=NOON)
    third = alert_receivers.current(session).webhook_secret
    assert len({first, second, third}) == 3
    alert_receivers.set_web_hook(session, "", by=ada, now=NOON)
    assert alert_receivers.current(session).webhook_secret == ""
    with pytest.raises(RuleBroken, match="Set its address first"):
        alert_receivers.renew_secret(session, by=ada, now=NOON)
    written = str([(line.before, line.after) for line in session.exec(select(AuditEvent))])
    assert not any(secret in written for secret in (first, second, third))


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "hooks.example/x", "https://", "http://[::bad", "https://x:99999/", "https://u:p@x/", "http://é/"],
)
def test_an_address_that_is_no_web_address_or_holds_a_password_is_refused(session: Session, url: str) -> None:
    with pytest.raises(RuleBroken) as refusal:
        alert_receivers.set_web_hook(session, url, by=None, now=NOON)
    assert refusal.value.field == "webhook_url"


def test_tests_go_where_alerts_go_and_nowhere_without_an_address(session: Session) -> None:
    ada = make_racer(session, "ada")
    for send in (alert_receivers.test_mails, alert_receivers.test_web_hook):
        with pytest.raises(RuleBroken) as refusal:
            send(session, "Club", by=ada, now=NOON)
        assert refusal.value.code is Code.CONFLICT
    alert_receivers.set_addresses(session, ["a@example.org"], by=ada, now=NOON)
    alert_receivers.set_web_hook(session, "https://hooks.example/x", by=ada, now=NOON)
    (mail,) = alert_receivers.test_mails(session, "Club", by=ada, now=NOON)
    hook = alert_receivers.test_web_hook(session, "Club", by=ada, now=NOON)
    assert (mail.recipient, hook.url, hook.event) == ("a@example.org", "https://hooks.example/x", "webhook.test")


def test_many_racers_are_looked_at_with_as_many_queries_as_one(engine: Engine) -> None:
    def queries() -> int:
        statements: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *words: statements.append(words[2]))
        with read_session(engine) as session:
            alerts.reached(session, now=NOON)
        return sum(statement.startswith("SELECT") for statement in statements)

    with write_session(engine) as session:
        set_budgets(session, racer=100)
        spend(session, make_racer(session, "first"), 10)
    few = queries()
    with write_session(engine) as session:
        for number in range(50):
            spend(session, make_racer(session, f"r{number}"), 60)
    assert queries() == few <= 8  # on the first of a month, two months
    with write_session(engine) as session:
        assert len(look(session)) == 50
