"""The audit's page and downloads: every filter, links that keep it, and a hundred thousand events as a stream."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert
from sqlmodel import Session

from portal.database import write_session
from portal.rules import audit, audit_log, local_accounts, queueing, racers, requests, sponsorship, trainings
from portal.rules.audit_log import AuditFilter
from portal.tables import AuditEvent, JobKind, JobState, Racer, RequestKind, Role
from tests.cast import NOON, make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import make_model, make_training, parsed

pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture
def ada(engine: Engine) -> Racer:
    with write_session(engine) as session:
        return make_racer(session, "ada", role=Role.ADMIN)


@pytest.fixture
def browser(app: Flask, ada: Racer) -> FlaskClient:
    return sign_in(app, ada)


def found(session: Session, **filters: object) -> list[str]:
    session.flush()
    return [row.event.subject for row in audit_log.listed(session, AuditFilter(**filters)).rows]  # type: ignore[arg-type]


def record(session: Session, subject: str, action: str = "race.edit", by: Racer | None = None, **more: object) -> None:
    audit.record(session, action, subject, by=by, **({"now": NOON} | more))  # type: ignore[arg-type]


def test_days_are_whole_days_in_utc(session: Session) -> None:
    for hours, name in ((0, "first"), (11, "late"), (12, "next")):
        record(session, name, now=NOON + timedelta(hours=hours))
    day = NOON.date()
    assert found(session, since=day, until=day) == ["late", "first"]
    assert found(session, since=day + timedelta(days=1)) == ["next"]
    assert found(session, until=day - timedelta(days=1)) == []


def test_the_reason_is_searched_for_a_part_as_it_is_written(session: Session) -> None:
    record(session, "a", reason="More than 100% of it")
    record(session, "b", reason="nothing")
    assert found(session, reason="100% OF") == ["a"]
    assert found(session, reason="%") == ["a"]


def test_what_nobody_did_was_done_by_the_system(session: Session) -> None:
    record(session, "a", by=make_racer(session, "alice"))
    record(session, "b")
    assert found(session, by="System") == ["b"]


def test_jobs_can_be_left_out(session: Session) -> None:
    for action in ("training.request", "evaluation.end", "quota.set"):
        record(session, action, action)
    assert found(session, action=audit_log.DECISIONS) == ["quota.set"]
    assert found(session, action="training") == ["training.request"]


def test_what_was_done_to_something_of_a_racers_was_done_to_the_racer(session: Session) -> None:
    alice, bob = make_racer(session, "alice"), make_racer(session, "bob")
    model = make_model(session, alice)
    run = make_training(session, model, alice)
    asked = requests.ask(session, RequestKind.HOURS, 1, by=alice, reason="x", now=NOON).request
    for noun, row in (("model", model), ("training", run), ("request", asked), ("racer", alice)):
        record(session, f"{noun}:{row.public_id}", "test.it", bob)
    record(session, "race:1", "test.it", alice)
    expected = [f"racer:{alice.public_id}", f"request:{asked.public_id}", f"training:{run.public_id}"]
    expected.append(f"model:{model.public_id}")
    for name in ("ALICE", "alice@example.org"):
        assert found(session, about=name, action="test") == expected
    assert found(session, about="race:1") == ["race:1"]
    assert found(session, about="bob", action="test") == []


def test_a_local_account_is_found_by_its_user_name_before_and_after_the_first_sign_in(session: Session) -> None:
    account = local_accounts.create(session, "zoe", "correct-horse-battery", by=None, now=NOON)
    assert found(session, about="Zoe") == ["account:zoe"]
    identity = racers.Identity(racers.LOCAL_ISSUER, account.subject)
    zoe = racers.sign_in(session, identity, admin_groups=(), now=NOON)
    record(session, "race:1", by=zoe)
    assert set(found(session, about="zoe")) == {"account:zoe", f"racer:{zoe.public_id}"}
    assert "race:1" in found(session, by="zoe")


def test_links_to_pages_and_downloads_keep_the_filter(browser: FlaskClient, engine: Engine, ada: Racer) -> None:
    with write_session(engine) as session:
        for number in range(audit_log.PAGE_SIZE + 1):
            record(session, f"race:{number}", by=ada, reason="spring clean")
    query = "action=race&by=ada&since=2026-06-01&until=2026-06-01&reason=spring+clean"
    page = parsed(browser.get(f"/admin/audit?{query}").text).replace("&amp;", "&")
    assert f'rel="next" href="/admin/audit?page=2&{query}"' in page
    assert f'href="/admin/audit.csv?{query}"' in page
    assert f'href="/admin/audit.jsonl?{query}"' in page
    assert re.search(r'<option value="race" selected>', page)
    for value in ('value="ada"', 'value="2026-06-01"', 'value="spring clean"'):
        assert value in page
    assert "51 in all" in page
    assert "No event fits" in browser.get("/admin/audit?by=zoe").text
    assert browser.get("/admin/audit?since=tomorrow&page=x").status_code == 200


def test_downloads_hold_what_the_filter_found_the_oldest_first(
    browser: FlaskClient, engine: Engine, ada: Racer
) -> None:
    with write_session(engine) as session:
        bob = make_racer(session, "bob")
        record(session, f"racer:{bob.public_id}", "quota.set", ada, before={"quota_ms": 1}, after={"quota_ms": 2})
        record(session, "race:1", "race.edit", None, reason='=HYPERLINK("x"),\n"second line"')
        record(session, "race:2", "race.close", ada)
    table = list(csv.DictReader(io.StringIO(browser.get("/admin/audit.csv?since=2026-06-01").text)))
    assert [row["action"] for row in table] == ["quota.set", "race.edit", "race.close"]
    assert (table[0]["by"], table[0]["about"], table[0]["after"]) == ("ada", "bob", '{"quota_ms": 2}')
    assert table[1]["by"] == "system"
    assert table[1]["reason"] == "'" + '=HYPERLINK("x"),\n"second line"', "no spreadsheet runs it"

    answer = browser.get("/admin/audit.jsonl?by=ada")
    assert answer.headers["Content-Disposition"].endswith('.jsonl"')
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["action"] for line in lines] == ["quota.set", "race.close"]
    assert (lines[0]["before"], lines[0]["by_id"]) == ({"quota_ms": 1}, ada.public_id)
    assert lines[0]["at"].startswith("2026-06-01T12:00:00")


@pytest.mark.parametrize(
    "count", [2 * audit_log.FETCHED_AT_ONCE + 1, pytest.param(100_000, marks=pytest.mark.slow, id="slow")]
)
def test_many_events_are_sent_while_they_are_read(browser: FlaskClient, engine: Engine, ada: Racer, count: int) -> None:
    row = {"at": NOON, "by_racer_id": ada.id, "action": "race.edit", "before": {}, "after": {}, "reason": "r"}
    with write_session(engine) as session:
        session.execute(insert(AuditEvent), [row | {"subject": f"race:{number}"} for number in range(count)])
    answer = browser.get("/admin/audit.jsonl", buffered=False)
    assert answer.is_streamed
    pieces = iter(answer.response)
    assert len(next(pieces)) < 1000, "the first piece does not wait for the last"
    assert sum(1 for _ in pieces) == count - 1
    answer.close()


def test_a_job_is_in_the_audit_from_its_request_to_what_it_was_charged(session: Session) -> None:
    alice, ada = make_racer(session, "alice"), make_racer(session, "ada", role=Role.ADMIN)
    run = make_training(session, make_model(session, alice), alice)
    token = queueing.claim(session, JobKind.TRAINING, run.id or 0, worker="w", now=NOON)
    trainings.stop(session, run, by=ada, now=NOON + timedelta(minutes=1))
    later = NOON + timedelta(seconds=80)
    queueing.finish(session, JobKind.TRAINING, run.id or 0, token or "", state=JobState.STOPPED, now=later)
    session.flush()
    rows = audit_log.listed(session, AuditFilter(action="training", about="alice")).rows
    said = [
        (row.event.action, row.by.alias if row.by else None, row.about.alias if row.about else None) for row in rows
    ]
    assert said == [
        ("training.end", None, "alice"),
        ("training.stop", "ada", "alice"),
        ("training.request", "alice", "alice"),
    ]
    assert rows[0].event.after == {"state": "stopped", "used_ms": 80_000, "amount_microusd": 77_777}
    assert rows[2].event.after["held_ms"] == run.limit_ms


def test_a_job_that_was_refused_at_its_start_says_why_and_costs_nothing(session: Session) -> None:
    alice = make_racer(session, "alice")
    run = make_training(session, make_model(session, alice), alice)
    sponsorship.pause(session, alice, by=None, now=NOON)
    assert queueing.claim(session, JobKind.TRAINING, run.id or 0, worker="w", now=NOON) is None
    session.flush()
    event = audit_log.listed(session, AuditFilter(action="training.end")).rows[0].event
    assert event.after == {"state": "refused", "used_ms": 0, "amount_microusd": 0}
    assert "paused" in event.reason
