"""Accounts: integers, append-only, never more held and used than the quota."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from portal.rules import ledger, limits
from portal.rules.broken import Code, RuleBroken
from portal.tables import HOUR_MS, Account, EntryKind, JobKind, LedgerEntry, ReservationState
from tests.cast import NOON, make_racer
from tests.jobs.paddock_yard import check_ledger, make_sponsored

PRICE = 3_500_000


def account_of(session: Session, quota_ms: int = 1000) -> Account:
    return ledger.account_of(session, make_sponsored(session, quota_ms=quota_ms))


def test_a_new_racer_gets_five_hours_two_models_at_a_time(session: Session) -> None:
    racer = make_racer(session, "newcomer")
    session.delete(ledger.account_of(session, racer))
    session.flush()
    account = ledger.open_account(session, racer, now=NOON)
    assert (account.quota_ms, account.models_at_once) == (5 * HOUR_MS, 2)
    assert ledger.open_account(session, racer, now=NOON) is account
    assert [line.kind for line in ledger.statement(session, racer)] == [EntryKind.GRANT]
    check_ledger(session)


def test_it_refuses_one_millisecond_too_much_and_names_what_is_left(session: Session) -> None:
    account = account_of(session, quota_ms=600_000)
    ledger.reserve(session, account, JobKind.TRAINING, 1, 360_000, now=NOON)
    with pytest.raises(RuleBroken, match=r"4 min of your quota is left.*Shorten") as refused:
        ledger.reserve(session, account, JobKind.TRAINING, 2, 240_001, now=NOON)
    assert refused.value.code == Code.CONFLICT
    ledger.reserve(session, account, JobKind.TRAINING, 2, 240_000, now=NOON)
    with pytest.raises(RuleBroken, match="Nothing is left"):
        ledger.reserve(session, account, JobKind.TRAINING, 3, 1, now=NOON)


def test_settling_charges_what_was_used_and_gives_the_rest_back(session: Session) -> None:
    account = account_of(session)
    ledger.reserve(session, account, JobKind.TRAINING, 1, 800, now=NOON)
    assert ledger.settle(session, JobKind.TRAINING, 1, 300, PRICE, now=NOON)
    assert ledger.balance_of(account) == ledger.Balance(1000, 0, 300, 300 * PRICE // HOUR_MS)
    assert ledger.recompute(session, account) == ledger.balance_of(account)


def test_settling_charges_at_most_what_was_held(session: Session) -> None:
    account = account_of(session)
    ledger.reserve(session, account, JobKind.TRAINING, 1, 800, now=NOON)
    ledger.settle(session, JobKind.TRAINING, 1, 5000, PRICE, now=NOON)
    assert ledger.balance_of(account).used_ms == 800


@pytest.mark.parametrize("again", ["settle", "release"])
@pytest.mark.parametrize("first", ["settle", "release"])
def test_settling_and_releasing_happen_once(session: Session, first: str, again: str) -> None:
    account = account_of(session)
    ledger.reserve(session, account, JobKind.TRAINING, 1, 800, now=NOON)

    def end(how: str) -> bool:
        if how == "settle":
            return ledger.settle(session, JobKind.TRAINING, 1, 300, PRICE, now=NOON)
        return ledger.release(session, JobKind.TRAINING, 1, now=NOON)

    assert end(first)
    balance = ledger.balance_of(account)
    assert not end(again)
    assert ledger.balance_of(account) == balance == ledger.recompute(session, account)


def test_an_unknown_job_has_nothing_to_settle(session: Session) -> None:
    assert not ledger.settle(session, JobKind.TRAINING, 99, 1, PRICE, now=NOON)


def test_a_job_has_one_reservation(session: Session) -> None:
    account = account_of(session)
    ledger.reserve(session, account, JobKind.TRAINING, 1, 10, now=NOON)
    with pytest.raises(IntegrityError):
        ledger.reserve(session, account, JobKind.TRAINING, 1, 10, now=NOON)
    session.rollback()


def test_lowering_a_quota_under_what_is_used_blocks_new_work_and_changes_nothing_else(session: Session) -> None:
    racer = make_sponsored(session, quota_ms=1000)
    account = ledger.account_of(session, racer)
    held = ledger.reserve(session, account, JobKind.TRAINING, 1, 800, now=NOON)
    assert ledger.set_quota(session, racer, 100, by=None, now=NOON, reason="over budget")
    assert not ledger.set_quota(session, racer, 100, by=None, now=NOON)
    assert held.state == ReservationState.HELD
    assert ledger.balance(session, racer).left_ms == 0
    with pytest.raises(RuleBroken):
        ledger.reserve(session, account, JobKind.TRAINING, 2, 1, now=NOON)
    check_line = ledger.statement(session, racer)[0]
    assert (check_line.kind, check_line.quota_ms, check_line.note) == (EntryKind.ADJUST, -900, "")


def test_a_negative_quota_is_a_wrong_field(session: Session) -> None:
    with pytest.raises(RuleBroken) as refused:
        ledger.set_quota(session, make_sponsored(session), -1, by=None, now=NOON)
    assert (refused.value.code, refused.value.field) == (Code.INVALID, "quota")


@pytest.mark.parametrize("change", ["UPDATE ledger_entry SET used_ms = 0", "DELETE FROM ledger_entry"])
def test_the_ledger_can_only_grow(session: Session, change: str) -> None:
    make_sponsored(session)
    with pytest.raises(IntegrityError, match="append"):
        session.execute(text(change))
    session.rollback()


def test_money_is_whole_millionths(session: Session) -> None:
    account = account_of(session, quota_ms=HOUR_MS)
    ledger.reserve(session, account, JobKind.EVALUATION, 1, 1000, now=NOON)
    ledger.settle(session, JobKind.EVALUATION, 1, 1, PRICE, now=NOON)
    line = session.exec(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.SETTLE)).one()
    assert line.amount_microusd == 0  # 0.97 of a millionth
    assert line.used_ms == 1


def test_limits_are_changed_once_and_audited(session: Session) -> None:
    admin = make_racer(session, "admin")
    assert limits.change(session, by=admin, now=NOON, trainings_at_once=7)
    assert not limits.change(session, by=admin, now=NOON, trainings_at_once=7)
    assert limits.current(session).trainings_at_once == 7
    with pytest.raises(RuleBroken, match="zero or more"):
        limits.change(session, by=admin, now=NOON, cars=-1)
    with pytest.raises(RuleBroken, match="not a limit"):
        limits.change(session, by=admin, now=NOON, id=2)


@pytest.mark.parametrize(
    ("milliseconds", "text_of_it"), [(0, "0 s"), (59_999, "59 s"), (125_000, "2 min 5 s"), (3_900_000, "1 h 5 min")]
)
def test_spans_are_written_out(milliseconds: int, text_of_it: str) -> None:
    assert ledger.span(milliseconds) == text_of_it
