"""Accounts of the local provider: the rules."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from portal.rules import browser_sessions, local_accounts, racers
from portal.rules.broken import Code, RuleBroken
from portal.rules.local_accounts import ADMIN_GROUP
from portal.tables import AuditEvent, BrowserSession, ProviderAccount, Racer
from tests.cast import NOON, make_racer

PASSWORD = "correct-horse-battery"
IN_PRODUCTION = local_accounts.HASH_METHOD

pytestmark = pytest.mark.usefixtures("cheap_hashes")


def make(session: Session, username: str = "alice", password: str = PASSWORD, **more: object) -> ProviderAccount:
    return local_accounts.create(session, username, password, by=None, now=NOON, **more)  # type: ignore[arg-type]


def racer_of(session: Session, account: ProviderAccount) -> Racer:
    """The racer who signs in with an account, in one browser."""
    identity = racers.Identity(racers.LOCAL_ISSUER, account.subject, groups=tuple(account.groups))
    racer = racers.sign_in(session, identity, admin_groups=(ADMIN_GROUP,), now=NOON)
    browser_sessions.begin(session, racer, now=NOON, life_s=3600)
    session.flush()
    return racer


def test_a_password_is_stored_as_a_salted_scrypt_hash(session: Session) -> None:
    one, other = make(session, "alice"), make(session, "bob")
    assert one.password_hash.startswith("scrypt:")
    assert one.password_hash != other.password_hash
    assert PASSWORD not in one.password_hash


def test_the_cost_of_a_hash_in_production_is_what_is_advised() -> None:
    assert IN_PRODUCTION == "scrypt:32768:8:1"


def test_unknown_names_first_passwords_and_chosen_ones_cost_the_same_hashes(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_accounts, "HASH_METHOD", "scrypt:2048:8:1")
    make(session, "alice")
    first = local_accounts.new_password()
    make(session, "bob", first, hashed=local_accounts.hash_made(first))
    checked: list[str] = []
    check = local_accounts.check_password_hash
    monkeypatch.setattr(
        local_accounts,
        "check_password_hash",
        lambda stored, typed: checked.append(stored.split("$")[0]) or check(stored, typed),
    )
    for username in ("alice", "bob", "nobody"):
        assert local_accounts.verify(session, username, "wrong-password") is None
        assert sorted(checked) == ["scrypt:1024:8:1", "scrypt:2048:8:1"], username
        checked.clear()
    assert local_accounts.verify(session, "bob", first) is not None


def test_name_and_password_open_an_account_in_any_case_of_the_name(session: Session) -> None:
    make(session, "Alice")
    assert local_accounts.verify(session, " ALICE ", PASSWORD) is not None
    assert local_accounts.verify(session, "alice", PASSWORD.upper()) is None
    assert local_accounts.verify(session, "nobody", PASSWORD) is None
    assert local_accounts.verify(session, "alice", "") is None
    assert local_accounts.verify(session, "alice", PASSWORD + "x" * 200) is None


def test_a_letter_that_keyboards_compose_differently_is_one_letter(session: Session) -> None:
    make(session, "alice", "caf\u00e9-au-lait-1")
    assert local_accounts.verify(session, "alice", "cafe\u0301-au-lait-1") is not None


@pytest.mark.parametrize("username", ["", " ", "-a", "a b", "a/b", "ä", "a" * 65, "a\nb", "<script>"])
def test_a_bad_user_name_is_refused(session: Session, username: str) -> None:
    with pytest.raises(RuleBroken) as refusal:
        make(session, username)
    assert (refusal.value.code, refusal.value.field) == (Code.INVALID, "username")


@pytest.mark.parametrize(
    "password", ["", "short", "x" * 11, "x" * 20, "abababababab", "alice-alice", "alice-2026!!", "y" * 129]
)
def test_a_password_that_is_easy_to_guess_is_refused(session: Session, password: str) -> None:
    with pytest.raises(RuleBroken) as refusal:
        make(session, "alice", password)
    assert (refusal.value.code, refusal.value.field) == (Code.INVALID, "password")


def test_a_user_name_is_taken_in_any_case(session: Session) -> None:
    make(session, "alice")
    with pytest.raises(RuleBroken) as refusal:
        make(session, "ALICE")
    assert (refusal.value.code, refusal.value.field) == (Code.CONFLICT, "username")


def test_the_first_admin_is_made_once(session: Session) -> None:
    assert local_accounts.first_admin(session, PASSWORD, now=NOON) is True
    assert local_accounts.first_admin(session, "another-password", now=NOON) is False
    account = local_accounts.verify(session, "admin", PASSWORD)
    assert account is not None
    assert account.groups == [ADMIN_GROUP]
    assert not account.must_change_password


def test_no_first_admin_is_made_where_there_are_accounts(session: Session) -> None:
    make(session, "alice")
    assert local_accounts.first_admin(session, PASSWORD, now=NOON) is False


def test_a_reset_ends_all_sessions_and_asks_for_a_change(session: Session) -> None:
    account = make(session)
    racer_of(session, account)
    local_accounts.reset_password(session, "alice", "another-password", by=None, now=NOON)
    assert session.exec(select(BrowserSession)).all() == []
    assert account.must_change_password
    assert local_accounts.verify(session, "alice", PASSWORD) is None
    with pytest.raises(RuleBroken, match="no local account 'zoe'"):
        local_accounts.reset_password(session, "zoe", PASSWORD, by=None, now=NOON)


def test_the_owner_changes_the_password_with_the_one_of_now(session: Session) -> None:
    account = make(session, must_change_password=True)
    for current, new, field in (
        ("wrong", "another-password", "current"),
        (PASSWORD, PASSWORD, "password"),
        (PASSWORD, "short", "password"),
    ):
        with pytest.raises(RuleBroken) as refusal:
            local_accounts.change_password(session, account, current, new, now=NOON)
        assert refusal.value.field == field
    changed = local_accounts.change_password(session, account, PASSWORD, "another-password", now=NOON)
    assert not changed.must_change_password
    assert local_accounts.verify(session, "alice", "another-password") is not None


def test_a_deactivated_account_opens_nothing_until_it_is_activated(session: Session) -> None:
    account = make(session)
    racer_of(session, account)
    assert local_accounts.set_active(session, "alice", False, by=None, now=NOON) is True
    assert local_accounts.set_active(session, "alice", False, by=None, now=NOON) is False
    assert session.exec(select(BrowserSession)).all() == []
    assert local_accounts.verify(session, "alice", PASSWORD) is None
    assert local_accounts.set_active(session, "alice", True, by=None, now=NOON) is True
    assert local_accounts.verify(session, "alice", PASSWORD) is not None


def test_nobody_locks_the_own_account_or_the_last_administrator(session: Session) -> None:
    ada = racer_of(session, make(session, "ada", groups=[ADMIN_GROUP]))
    for change in (local_accounts.set_active, local_accounts.set_admin):
        with pytest.raises(RuleBroken, match="Let another administrator do it") as own:
            change(session, "ada", False, by=ada, now=NOON)
        assert own.value.code is Code.CONFLICT
        with pytest.raises(RuleBroken, match="last active administrator"):
            change(session, "ada", False, by=None, now=NOON)
    make(session, "olivia", groups=[ADMIN_GROUP])
    assert local_accounts.set_active(session, "ada", False, by=None, now=NOON) is True
    with pytest.raises(RuleBroken, match="last active administrator"):
        local_accounts.set_admin(session, "olivia", False, by=None, now=NOON)


def test_the_group_counts_from_the_next_sign_in_and_the_old_ones_end(session: Session) -> None:
    account = make(session, "alice", groups=["drivers"])
    racer_of(session, account)
    assert local_accounts.set_admin(session, "alice", True, by=None, now=NOON) is True
    assert account.groups == ["drivers", ADMIN_GROUP]
    assert session.exec(select(BrowserSession)).all() == []
    assert racer_of(session, account).is_admin


def test_every_change_is_in_the_audit_with_who_did_it_and_no_password(session: Session) -> None:
    by = make_racer(session, "ada")
    local_accounts.create(session, "alice", PASSWORD, by=by, now=NOON)
    local_accounts.reset_password(session, "alice", "another-password", by=by, now=NOON)
    local_accounts.set_admin(session, "alice", True, by=by, now=NOON)
    events = session.exec(select(AuditEvent).order_by(AuditEvent.id)).all()  # type: ignore[arg-type]
    assert [event.action for event in events] == ["account.create", "account.reset-password", "account.groups"]
    assert {(event.by_racer_id, event.subject) for event in events} == {(by.id, "account:alice")}
    assert "password" not in str([event.after for event in events])


def test_a_made_password_is_long_random_and_can_be_read_out(session: Session) -> None:
    made = {local_accounts.new_password() for _ in range(200)}
    assert len(made) == 200
    assert all(len(password) == 19 and not set(password) & set("0O1lI") for password in made)
    make(session, "alice", made.pop())


def test_accounts_are_listed_searched_and_paged(session: Session) -> None:
    for number in range(5):
        make(session, f"racer{number}", name=f"Name {number}", email=f"r{number}@example.org")
    page, total = local_accounts.listed(session, page=2, size=2)
    assert ([account.username for account in page], total) == (["racer2", "racer3"], 5)
    assert [account.username for account in local_accounts.listed(session, search="NAME 4")[0]] == ["racer4"]
    assert local_accounts.listed(session, search="%")[1] == 0
