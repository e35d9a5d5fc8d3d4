"""Months, days and pages at the ends of the calendar and of numbers: a page or a plain refusal, never a 500."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Engine

from portal.database import write_session
from portal.rules import ledger
from portal.tables import HOUR_MS, Role
from tests.cast import NOON, make_racer
from tests.conftest import sign_in

ODD = {
    "/profile/statement?month=9999-12": 200,
    "/profile/statement?month=0001-01": 200,
    "/admin/audit?until=9999-12-31": 200,
    "/admin/audit?since=0001-01-01": 200,
    "/admin/usage?month=0001-01": 404,
    "/admin/usage?month=9999-12": 404,
    "/admin/accounts?page=9223372036854775807": 200,
    "/admin/accounts?page=-5": 200,
    "/admin/racers?page=9223372036854775807": 200,
    "/admin/models?page=9223372036854775807": 200,
    "/admin/requests?page=9223372036854775807": 200,
    "/admin/invitations?page=9223372036854775807": 200,
}


@pytest.mark.parametrize("address", ODD)
def test_an_odd_address_is_answered(app: Flask, engine: Engine, address: str) -> None:
    with write_session(engine) as session:
        ada = make_racer(session, "ada", role=Role.ADMIN)
    assert sign_in(app, ada).get(address).status_code == ODD[address]


def test_the_reason_of_a_quota_is_for_the_audit_and_not_for_the_racers_statement(app: Flask, engine: Engine) -> None:
    with write_session(engine) as session:
        ada, carol = make_racer(session, "ada", role=Role.ADMIN), make_racer(session, "carol")
        ledger.set_quota(session, carol, HOUR_MS, by=ada, now=NOON, reason="between us")
    for page in ("/profile/statement", "/profile/statement/export", "/profile"):
        answer = sign_in(app, carol).get(page)
        assert "between us" not in answer.text, page
    assert "between us" in sign_in(app, ada).get("/admin/audit").text
