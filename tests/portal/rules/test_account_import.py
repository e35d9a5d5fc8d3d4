"""Local accounts by the list: each row by itself, no hash within a transaction, no password kept."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from portal.rules import account_import, local_accounts
from portal.rules.account_import import ImportedRow, Wanted
from portal.rules.local_accounts import ADMIN_GROUP
from portal.rules.row_results import Result
from portal.tables import AuditEvent, ProviderAccount, Racer, Role
from tests.cast import NOON, make_racer


@pytest.fixture
def ada(session: Session) -> Racer:
    return make_racer(session, "ada", role=Role.ADMIN)


def imported(session: Session, by: Racer, *wanted: Wanted, renew: bool = False) -> list[ImportedRow]:
    planned = account_import.with_passwords(account_import.plan(session, wanted, renew=renew))
    return account_import.make(session, planned, by=by, now=NOON)


def accounts(session: Session) -> dict[str, ProviderAccount]:
    return {account.username: account for account in session.exec(select(ProviderAccount))}


def test_each_account_gets_a_password_of_its_own_that_has_to_be_changed(session: Session, ada: Racer) -> None:
    rows = imported(
        session, ada, Wanted(1, "Zoe", "Zoe  Ba", "Zoe@Example.org"), Wanted(2, "olivia", admin="Yes"), Wanted(3, "bob")
    )
    assert [row.result for row in rows] == [Result.CREATED] * 3
    assert len({row.password for row in rows}) == 3
    made = accounts(session)
    assert (made["zoe"].name, made["zoe"].email, made["bob"].name) == ("Zoe Ba", "zoe@example.org", "bob")
    assert (made["olivia"].groups, made["zoe"].groups) == ([ADMIN_GROUP], [])
    for row in rows:
        account = local_accounts.verify(session, row.wanted.username, row.password)
        assert account is not None
        assert account.must_change_password
        assert row.password not in account.password_hash


def test_what_an_owner_chooses_is_hashed_slowly_though_the_first_one_was_not(session: Session, ada: Racer) -> None:
    (row,) = imported(session, ada, Wanted(1, "zoe"))
    account = accounts(session)["zoe"]
    assert account.password_hash.startswith("scrypt:1024:8:1$")
    local_accounts.change_password(session, account, row.password, "four quiet green helmets", now=NOON)
    assert account.password_hash.startswith("scrypt:32768:8:1$")


def test_rows_that_cannot_be_made_say_why_and_hold_up_no_other(session: Session, ada: Racer) -> None:
    local_accounts.create(session, "taken", "correct-horse-battery", by=None, now=NOON)
    rows = imported(
        session,
        ada,
        Wanted(2, "taken"),
        Wanted(3, ""),
        Wanted(4, "a b"),
        Wanted(5, "ok", email="nonsense"),
        Wanted(6, "ok", name="x" * 201),
        Wanted(7, "ok", name="A\u202eB"),
        Wanted(8, "ok", admin="perhaps"),
        Wanted(9, "OK"),
        Wanted(10, "ok"),
    )
    assert [row.result.value for row in rows] == ["skipped", *["failed"] * 6, "created", "skipped"]
    assert "already" in rows[0].reason
    assert rows[8].reason == "Row 9 has this user name already."
    assert [row.password for row in rows if not row.is_made] == [""] * 8
    assert set(accounts(session)) == {"taken", "ok"}


def test_a_second_upload_makes_nothing_twice(session: Session, ada: Racer) -> None:
    first = imported(session, ada, Wanted(1, "zoe"))
    (again,) = imported(session, ada, Wanted(1, "zoe"))
    assert again.result is Result.SKIPPED
    assert local_accounts.verify(session, "zoe", first[0].password) is not None


def test_lost_passwords_are_made_anew_for_accounts_that_nobody_used(session: Session, ada: Racer) -> None:
    (lost, used, locked) = imported(session, ada, Wanted(1, "zoe"), Wanted(2, "bob"), Wanted(3, "eve"))
    chosen = "four quiet green helmets"
    local_accounts.change_password(session, accounts(session)["bob"], used.password, chosen, now=NOON)
    local_accounts.set_active(session, "eve", False, by=None, now=NOON)
    rows = imported(session, ada, Wanted(1, "zoe"), Wanted(2, "bob"), Wanted(3, "eve"), renew=True)
    assert [(row.result.value, row.reason) for row in rows] == [
        ("renewed", ""),
        ("skipped", "There is an account with this user name already, and it was used."),
        ("skipped", "There is an account with this user name already, and it is deactivated."),
    ]
    assert local_accounts.verify(session, "zoe", lost.password) is None
    assert local_accounts.verify(session, "zoe", rows[0].password) is not None
    assert local_accounts.verify(session, "bob", chosen) is not None
    assert locked.password


def test_what_was_made_or_used_between_plan_and_transaction_is_left_alone(session: Session, ada: Racer) -> None:
    (given,) = imported(session, ada, Wanted(1, "bob"))
    plan = [
        *account_import.plan(session, [Wanted(1, "zoe")]),
        *account_import.plan(session, [Wanted(2, "bob")], renew=True),
    ]
    local_accounts.create(session, "zoe", "correct-horse-battery", by=None, now=NOON)
    local_accounts.change_password(session, accounts(session)["bob"], given.password, "four green helmets", now=NOON)
    rows = account_import.make(session, account_import.with_passwords(plan), by=ada, now=NOON)
    assert [(row.result.value, row.password) for row in rows] == [("skipped", ""), ("skipped", "")]
    assert local_accounts.verify(session, "zoe", "correct-horse-battery") is not None


def test_nothing_is_hashed_while_the_database_waits(
    session: Session, ada: Racer, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = account_import.with_passwords(account_import.plan(session, [Wanted(1, "zoe"), Wanted(2, "bob")]))

    def fail(*_given: object) -> str:
        raise AssertionError("hashed in the transaction")

    monkeypatch.setattr(local_accounts, "generate_password_hash", fail)
    assert len(account_import.make(session, planned, by=ada, now=NOON)) == 2


def test_every_account_is_audited_without_its_password(session: Session, ada: Racer) -> None:
    (row,) = imported(session, ada, Wanted(1, "zoe"))
    imported(session, ada, Wanted(1, "zoe"), renew=True)
    events = session.exec(select(AuditEvent).order_by(AuditEvent.id)).all()  # type: ignore[arg-type]
    assert [(event.action, event.by_racer_id) for event in events] == [
        ("account.create", ada.id),
        ("account.reset-password", ada.id),
    ]
    assert row.password not in str([(event.before, event.after) for event in events])
