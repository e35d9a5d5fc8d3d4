"""Accounts of the local OpenID provider: for organisations without a provider of their own."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlmodel import Session, col, delete, func, or_, select
from werkzeug.security import check_password_hash, generate_password_hash

from portal.rules import audit, browser_sessions, first, limits, racers
from portal.rules.broken import Code, RuleBroken
from portal.tables import ProviderAccount, ProviderCode, ProviderToken, Racer

ADMIN_GROUP = "paddock-admins"
"""Members of this group administer; the local provider knows no other group with a meaning."""
FIRST_ADMIN = "admin"
USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 128
HASH_METHOD = "scrypt:32768:8:1"
MADE_HASH_METHOD = "scrypt:1024:8:1"
"""Of passwords that `new_password` made. A slow hash makes guessing dear where people choose; 79 random bits cannot be
guessed at any price, and five hundred of them are to be hashed while somebody waits. They are good until the first
sign-in, where each is changed."""
PLAIN_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters that nobody mistakes for another when a password is read out."""


def checked_username(username: str) -> str:
    """The user name in lower case. Raises RuleBroken (invalid, field `username`) for one that cannot be one."""
    username = username.strip().lower()
    if not USERNAME.fullmatch(username):
        message = "A user name has 1 to 64 of a-z, 0-9 and . _ @ + - and begins with a letter or digit."
        raise RuleBroken(Code.INVALID, message, "username")
    return username


def find(session: Session, username: str) -> ProviderAccount | None:
    """The account with this user name, in any case of letters."""
    return session.exec(select(ProviderAccount).where(ProviderAccount.username == username.strip().lower())).first()


def get(session: Session, username: str) -> ProviderAccount:
    """The account with this user name. Raises RuleBroken (missing)."""
    account = find(session, username)
    if account is None:
        raise RuleBroken(Code.MISSING, f"There is no local account {username!r}.")
    return account


def listed(session: Session, *, search: str = "", page: int = 1, size: int = 50) -> tuple[list[ProviderAccount], int]:
    """One page of accounts by user name, and how many there are in all."""
    query = select(ProviderAccount)
    if search:
        columns = (ProviderAccount.username, ProviderAccount.name, ProviderAccount.email)
        query = query.where(or_(*(col(column).icontains(search, autoescape=True) for column in columns)))
    total = session.exec(select(func.count()).select_from(query.subquery())).one()
    page = min(max(1, page), max(1, -(-total // size)))
    rows = session.exec(query.order_by(col(ProviderAccount.username)).offset((page - 1) * size).limit(size)).all()
    return list(rows), total


def create(
    session: Session,
    username: str,
    password: str,
    *,
    by: Racer | None,
    now: datetime,
    name: str = "",
    email: str = "",
    groups: Sequence[str] = (),
    must_change_password: bool = False,
    hashed: str = "",
) -> ProviderAccount:
    """A new account. Raises RuleBroken (invalid or conflict, with the field) for a bad or taken name or password.

    `hashed` is what `hash_made` gave for the password before the transaction: hashing holds nobody else up then.
    """
    username = checked_username(username)
    if find(session, username) is not None:
        raise _taken(username)
    account = ProviderAccount(
        username=username,
        password_hash=hashed or hash_password(password, username),
        name=name.strip() or username,
        email=email.strip(),
        groups=list(groups),
        must_change_password=must_change_password,
        created_at=now,
    )
    if not first.added(session, account):
        raise _taken(username)
    after = {"username": username, "name": account.name, "email": account.email, "groups": account.groups}
    audit.record(session, "account.create", _subject(account), by=by, now=now, after=after)
    return account


def _taken(username: str) -> RuleBroken:
    return RuleBroken(Code.CONFLICT, f"There is an account {username} already.", "username")


def first_admin(session: Session, password: str, *, now: datetime) -> bool:
    """Makes the account `admin` where there is no account at all. False: there are accounts, nothing was done."""
    if session.exec(select(ProviderAccount.id).limit(1)).first() is not None:
        return False
    create(session, FIRST_ADMIN, password, by=None, now=now, name="Administrator", groups=[ADMIN_GROUP])
    return True


def reset_password(
    session: Session, username: str, password: str, *, by: Racer | None, now: datetime, hashed: str = ""
) -> ProviderAccount:
    """Gives an account another password, which has to be changed at the next sign-in; ends all its sessions.

    `hashed` is what `hash_made` gave for it before the transaction.
    """
    account = get(session, username)
    account.password_hash = hashed or hash_password(password, account.username)
    account.must_change_password = True
    _end_sessions(session, account)
    audit.record(session, "account.reset-password", _subject(account), by=by, now=now)
    return account


def change_password(
    session: Session, account: ProviderAccount, current: str, new: str, *, now: datetime
) -> ProviderAccount:
    """The owner's own change. Raises RuleBroken (invalid, with the field) where the current password is wrong."""
    stored = session.get_one(ProviderAccount, account.id)
    if not check_password_hash(stored.password_hash, _normal(current)):
        raise RuleBroken(Code.INVALID, "This is not your current password.", "current")
    if _normal(current) == _normal(new):
        raise RuleBroken(Code.INVALID, "Choose a password that is not the current one.", "password")
    stored.password_hash = hash_password(new, stored.username)
    stored.must_change_password = False
    audit.record(session, "account.change-password", _subject(stored), by=racer_of(session, stored), now=now)
    return stored


def set_active(session: Session, username: str, active: bool, *, by: Racer | None, now: datetime) -> bool:
    """Lets somebody sign in, or no longer; the latter ends all sessions. False: it was so already.

    Raises RuleBroken (conflict) for one's own account and for the last active administrator.
    """
    account = get(session, username)
    if account.is_active == active:
        return False
    if not active:
        _require_not_own(account, by, "You cannot deactivate your own account. Let another administrator do it.")
        _require_other_admin(session, account)
        _end_sessions(session, account)
    account.is_active = active
    verb = "activate" if active else "deactivate"
    audit.record(session, f"account.{verb}", _subject(account), by=by, now=now, after={"username": account.username})
    return True


def set_admin(session: Session, username: str, admin: bool, *, by: Racer | None, now: datetime) -> bool:
    """Puts an account into the administrators' group or takes it out; ends its sessions so that it counts at once."""
    account = get(session, username)
    if (ADMIN_GROUP in account.groups) == admin:
        return False
    if not admin:
        _require_not_own(account, by, "You cannot take the group from yourself. Let another administrator do it.")
        _require_other_admin(session, account)
    before = list(account.groups)
    rest = [group for group in before if group != ADMIN_GROUP]
    account.groups = [*rest, ADMIN_GROUP] if admin else rest
    _end_sessions(session, account)
    audit.record(
        session,
        "account.groups",
        _subject(account),
        by=by,
        now=now,
        before={"groups": before},
        after={"groups": account.groups},
    )
    return True


def new_password() -> str:
    """A random password that can be read out: 79 bits in four groups of four."""
    return "-".join("".join(secrets.choice(PLAIN_LETTERS) for _ in range(4)) for _ in range(4))


def verify(session: Session, username: str, password: str) -> ProviderAccount | None:
    """The active account that this name and password open, or None.

    An unknown name costs the same hashes as a wrong password, and a first password the same as another one: the time of
    the answer tells neither who has an account nor who has not used it yet.
    """
    account = find(session, username)
    stored = account.password_hash if account is not None else _nobodys_hash(HASH_METHOD)
    other = HASH_METHOD if stored.startswith(f"{MADE_HASH_METHOD}$") else MADE_HASH_METHOD
    typed = _normal(password[:LONGEST_PASSWORD])
    check_password_hash(_nobodys_hash(other), typed)
    fits = check_password_hash(stored, typed) and len(password) <= LONGEST_PASSWORD
    return account if account is not None and fits and account.is_active else None


def hash_password(password: str, username: str) -> str:
    """What is stored of a password. Raises RuleBroken (invalid, field `password`) for one that is too easy to guess."""
    normal = _normal(password)
    if not SHORTEST_PASSWORD <= len(normal) <= LONGEST_PASSWORD:
        message = f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters."
        raise RuleBroken(Code.INVALID, message, "password")
    if username in normal.lower() and len(normal) < len(username) + 8:
        raise RuleBroken(Code.INVALID, "A password is more than the user name and a few characters.", "password")
    if len(set(normal)) < 5:
        raise RuleBroken(Code.INVALID, "A password has at least five different characters.", "password")
    return generate_password_hash(normal, HASH_METHOD)


def hash_made(password: str) -> str:
    """What is stored of a password that `new_password` made: a few milliseconds."""
    return generate_password_hash(_normal(password), MADE_HASH_METHOD)


@cache
def _nobodys_hash(method: str) -> str:
    return generate_password_hash("nobody's password", method)


def _normal(password: str) -> str:
    """One form for letters that keyboards compose differently."""
    return unicodedata.normalize("NFC", password)


def _subject(account: ProviderAccount) -> str:
    return f"account:{account.username}"


def racer_of(session: Session, account: ProviderAccount) -> Racer | None:
    """The racer that signs in with an account; None before the first sign-in."""
    return racers.find_by_identity(session, racers.LOCAL_ISSUER, account.subject)


def _end_sessions(session: Session, account: ProviderAccount) -> None:
    """At the portal and at the provider, so that no code or token on its way opens anything."""
    racer = racer_of(session, account)
    if racer is not None:
        browser_sessions.end_all(session, racer)
    session.exec(delete(ProviderCode).where(col(ProviderCode.account_id) == account.id))
    session.exec(delete(ProviderToken).where(col(ProviderToken.account_id) == account.id))


def _require_not_own(account: ProviderAccount, by: Racer | None, message: str) -> None:
    if by is not None and by.issuer == racers.LOCAL_ISSUER and by.subject == account.subject:
        raise RuleBroken(Code.CONFLICT, message)


def _require_other_admin(session: Session, account: ProviderAccount) -> None:
    if ADMIN_GROUP not in account.groups:
        return
    limits.hold(session)  # one administrator's end at a time: of the last two, neither ends the other
    active = session.exec(select(ProviderAccount).where(col(ProviderAccount.is_active))).all()
    if not any(ADMIN_GROUP in other.groups for other in active if other.id != account.id):
        raise RuleBroken(Code.CONFLICT, "This is the last active administrator. Make another one first.")
