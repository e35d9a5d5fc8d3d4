"""Local accounts by the list: looked at first, hashed outside any transaction, made in one.

Five hundred hashes of chosen passwords would take half a minute; of random ones they take two seconds
(`local_accounts.MADE_HASH_METHOD`). Nothing of the passwords is kept: they are in the answer, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, col, select

from portal.rules import email_addresses, local_accounts
from portal.rules.broken import RuleBroken
from portal.rules.row_results import Result
from portal.tables import ProviderAccount, Racer

LONGEST_NAME = 200
YES, NO = frozenset({"yes", "y", "true", "1", "x", "admin"}), frozenset({"", "no", "n", "false", "0", "-"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """An account as the list says it: the row as people count, and its cells."""

    where: int
    username: str
    name: str = ""
    email: str = ""
    admin: str = ""


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """What came, or is to come, of one row; the password is there for created and renewed ones alone."""

    wanted: Wanted
    result: Result
    reason: str = ""
    password: str = ""
    hashed: str = ""

    @property
    def is_made(self) -> bool:
        return self.result in (Result.CREATED, Result.RENEWED)


def plan(session: Session, rows: Sequence[Wanted], *, renew: bool = False) -> list[ImportedRow]:
    """What each row is to become. Skipped are accounts that are there; with `renew`, those that nobody has used yet get
    a new first password instead."""
    checked = [_checked(row) for row in rows]
    names = [row.wanted.username for row in checked if row.is_made]
    there = {account.username: account for account in _existing(session, names)}
    seen: dict[str, int] = {}
    planned = []
    for row in checked:
        name = row.wanted.username
        if row.is_made and name in seen:
            row = replace(row, result=Result.SKIPPED, reason=f"Row {seen[name]} has this user name already.")
        elif row.is_made and name in there:
            row = _for_existing(row, there[name], renew=renew)
        if row.is_made or name in there:
            seen.setdefault(name, row.wanted.where)
        planned.append(row)
    return planned


def with_passwords(planned: Sequence[ImportedRow]) -> list[ImportedRow]:
    """The same with a first password for each account that is to be made. Slow, and needs no database."""
    return [_with_password(row) if row.is_made else row for row in planned]


def make(session: Session, planned: Sequence[ImportedRow], *, by: Racer, now: datetime) -> list[ImportedRow]:
    """Makes what was planned, each account audited. What changed since is looked at again: nothing is made twice."""
    names = [row.wanted.username for row in planned if row.result is Result.RENEWED]
    there = {account.username: account for account in _existing(session, names)}
    return [_make(session, row, there.get(row.wanted.username), by, now) if row.is_made else row for row in planned]


def _make(session: Session, row: ImportedRow, account: ProviderAccount | None, by: Racer, now: datetime) -> ImportedRow:
    wanted = row.wanted
    if row.result is Result.RENEWED:
        if account is None or not _is_unused(account):
            return replace(row, result=Result.SKIPPED, reason="It was used in the meantime.", password="", hashed="")
        local_accounts.reset_password(session, wanted.username, row.password, by=by, now=now, hashed=row.hashed)
        return row
    try:
        local_accounts.create(
            session,
            wanted.username,
            row.password,
            by=by,
            now=now,
            name=wanted.name,
            email=wanted.email,
            groups=[local_accounts.ADMIN_GROUP] if wanted.admin in YES else [],
            must_change_password=True,
            hashed=row.hashed,
        )
    except RuleBroken:
        return replace(row, result=Result.SKIPPED, reason="It was made in the meantime.", password="", hashed="")
    return row


def _checked(row: Wanted) -> ImportedRow:
    """The row in its normal form, to be created; or why not."""
    try:
        username = local_accounts.checked_username(row.username)
        email = email_addresses.checked(row.email) if row.email.strip() else ""
    except RuleBroken as refusal:
        return ImportedRow(row, Result.FAILED, refusal.message)
    name, admin = " ".join(row.name.split()), row.admin.strip().lower()
    if len(name) > LONGEST_NAME or not name.isprintable():
        return ImportedRow(row, Result.FAILED, f"A name has at most {LONGEST_NAME} characters, all of them visible.")
    if admin not in YES | NO:
        return ImportedRow(row, Result.FAILED, "Admin is yes or no.")
    return ImportedRow(Wanted(row.where, username, name, email, admin), Result.CREATED)


def _existing(session: Session, usernames: Sequence[str]) -> Sequence[ProviderAccount]:
    return session.exec(select(ProviderAccount).where(col(ProviderAccount.username).in_(usernames))).all()


def _for_existing(row: ImportedRow, account: ProviderAccount, *, renew: bool) -> ImportedRow:
    if renew and _is_unused(account):
        return replace(row, result=Result.RENEWED)
    reason = "There is an account with this user name already"
    if renew:
        reason += ", and it was used" if account.is_active else ", and it is deactivated"
    return replace(row, result=Result.SKIPPED, reason=f"{reason}.")


def _is_unused(account: ProviderAccount) -> bool:
    """True while nobody has changed the first password."""
    return account.is_active and account.must_change_password


def _with_password(row: ImportedRow) -> ImportedRow:
    password = local_accounts.new_password()
    return replace(row, password=password, hashed=local_accounts.hash_made(password))
