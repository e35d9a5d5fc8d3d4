"""Statements: every line with the balance after it, by month, a page at a time, and as a whole."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlmodel import Session, select

from portal.rules import ledger, statements
from portal.tables import HOUR_MS, Account, EntryKind, JobKind, Racer
from tests.cast import NOON
from tests.jobs.paddock_yard import claim, finish, make_model, make_sponsored
from tests.portal.garage_cast import make_training

JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)
GB = ledger.GB_BYTES


@pytest.fixture
def alice(session: Session) -> Racer:
    """An hour of quota in June, a training of one minute, storage of the last day of June written in July."""
    racer = make_sponsored(session, "alice", quota_ms=HOUR_MS)
    run = make_training(session, make_model(session, racer), racer)
    token = claim(session, run)
    assert token
    finish(session, run, token, 60)
    july = datetime(2026, 7, 1, 0, 5, tzinfo=UTC)
    account = ledger.account_of(session, racer)
    ledger.set_quota(session, racer, 2 * HOUR_MS, by=None, now=july, reason="more")
    ledger.store(session, account, 3 * GB, date(2026, 6, 30), now=july)
    return racer


def test_each_line_has_the_balance_after_it(session: Session, alice: Racer) -> None:
    page = statements.page_of(session, ledger.account_of(session, alice))
    kinds = [line.entry.kind for line in page.lines]
    assert kinds == [EntryKind.STORE, EntryKind.ADJUST, EntryKind.SETTLE, EntryKind.RESERVE, EntryKind.ADJUST]
    assert page.lines[0].after == ledger.balance(session, alice)
    assert [line.after.left_ms for line in page.lines[2:]] == [59 * 60_000, 50 * 60_000, HOUR_MS]
    assert page.lines[-1].after == ledger.Balance(HOUR_MS, 0, 0, 0)
    assert (page.lines[2].model_name, page.lines[0].model_name) == ("swift", "")


def test_a_month_holds_its_days_whenever_they_were_charged(session: Session, alice: Racer) -> None:
    account = ledger.account_of(session, alice)
    june, july = (statements.page_of(session, account, month=month) for month in (JUNE, JULY))
    assert [line.entry.kind for line in june.lines] == ["store", "settle", "reserve", "adjust"]
    assert [line.entry.kind for line in july.lines] == ["adjust"]
    assert june.lines[1].after.quota_ms == HOUR_MS, "the quota of July is not in the balances of June"
    assert june.lines[0].after == ledger.balance(session, alice)
    assert june.months == [JULY, JUNE]
    assert june.sums is not None
    assert (june.sums.training_ms, june.sums.byte_days) == (60_000, 3 * GB)
    assert july.sums is None


def test_pages_go_on_where_the_one_before_ended(session: Session, alice: Racer) -> None:
    account = ledger.account_of(session, alice)
    for number in range(statements.PAGE_SIZE):
        ledger.reserve(session, account, JobKind.TRAINING, 1000 + number, 1000, now=NOON)
    first, last = (statements.page_of(session, account, page=page) for page in (1, 99))
    assert (len(first.lines), last.page, last.pages, len(last.lines)) == (50, 2, 2, 5)
    assert first.lines[-1].after.reserved_ms == 1000
    assert last.lines[0].after.reserved_ms == 0
    assert [line.entry.id for line in statements.newest(session, account, 3)] == [
        line.entry.id for line in first.lines[:3]
    ]


def test_all_lines_go_into_a_download_oldest_first_and_end_at_the_balance(session: Session, alice: Racer) -> None:
    account = ledger.account_of(session, alice)
    lines = list(statements.exported(session, account))
    page = statements.page_of(session, account)
    assert [(line.entry.id, line.after) for line in lines] == [(line.entry.id, line.after) for line in page.lines[::-1]]
    assert lines[-1].after == ledger.recompute(session, account)
    june = list(statements.exported(session, account, month=JUNE))
    assert [line.entry.kind for line in june] == ["adjust", "reserve", "settle", "store"]


def test_an_account_without_lines_has_an_empty_statement(session: Session) -> None:
    empty = Account(racer_id=make_sponsored(session, "bob").id)
    empty.id = 10**6
    page = statements.page_of(session, empty)
    assert (page.lines, page.months, page.total, page.pages) == ([], [], 0, 1)
    assert session.exec(select(Account)).all()


@pytest.mark.parametrize(
    ("text", "month"),
    [("2026-06", JUNE), ("2026-13", None), ("", None), ("June", None), ("2026-06-02", None), ("26-06", None)],
)
def test_a_month_is_named_by_year_and_number(text: str, month: date | None) -> None:
    assert statements.month_named(text) == month
