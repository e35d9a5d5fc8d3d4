"""The check of the ledger finds every sum that is not what the lines say, and nothing where all is well."""

from __future__ import annotations

from datetime import date

import pytest
from sqlmodel import Session, select

from portal.rules import ledger, ledger_check, trainings
from portal.rules.ledger_check import Difference
from portal.tables import Account, JobKind, Reservation, UsageDay, UsageMonth
from tests.cast import NOON
from tests.jobs.paddock_yard import make_model, make_sponsored
from tests.portal.races_cast import make_race
from tests.portal.usage_cast import keep, spend

JUNE = date(2026, 6, 1)


@pytest.fixture
def alice(session: Session) -> Account:
    """An account with a training that runs, one that is over, and storage; a race's account beside it."""
    racer = make_sponsored(session, "alice")
    account = ledger.account_of(session, racer)
    trainings.request(session, make_model(session, racer), by=racer, now=NOON)
    spend(session, account, NOON, minutes=6)
    keep(session, account, date(2026, 5, 31), 2, 5000, NOON)
    paying = ledger.race_account(session, make_race(session, racer, now=NOON))
    spend(session, paying, NOON, minutes=1, kind=JobKind.EVALUATION)
    session.refresh(account)
    return account


def test_after_any_history_of_the_rules_there_is_nothing_to_find(session: Session, alice: Account) -> None:
    found = ledger_check.check(session)
    assert (found.accounts, found.lines, found.differences) == (2, 8, [])


@pytest.mark.parametrize("name", ["quota_ms", "reserved_ms", "used_ms", "spent_microusd"])
def test_a_balance_that_is_off_is_named(session: Session, alice: Account, name: str) -> None:
    right = getattr(alice, name)
    setattr(alice, name, right + 7)
    session.flush()
    assert Difference("racer alice", name, right + 7, right) in ledger_check.check(session).differences


def test_a_month_or_a_day_that_is_off_or_missing_is_named(session: Session, alice: Account) -> None:
    month = session.get_one(UsageMonth, (alice.id, JUNE))
    month.training_ms += 1
    session.delete(session.get_one(UsageDay, (alice.id, date(2026, 5, 31))))
    session.add(UsageMonth(account_id=alice.id or 0, starts_on=date(2020, 1, 1), evaluations=3))
    session.flush()
    assert [one[1:] for one in ledger_check.check(session).differences] == [
        ("2026-05-31 byte_days", 0, 5000),
        ("2020-01 evaluations", 3, 0),
        ("2026-06 training_ms", 360_001, 360_000),
    ]


def test_time_that_is_held_without_a_line_is_named(session: Session, alice: Account) -> None:
    reservation = session.exec(select(Reservation).where(Reservation.state == "held")).one()
    reservation.amount_ms += 5
    session.flush()
    assert [one.what for one in ledger_check.check(session).differences] == ["held by reservations"]
