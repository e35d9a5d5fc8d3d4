"""Who is signed in at the provider in this browser: a signed cookie that stands as long as the password does."""

from __future__ import annotations

import hashlib
import time

from flask import session

from portal.database import read_session
from portal.provider.context import provider
from portal.tables import ProviderAccount

ACCOUNT, SIGNED_IN_AT, PASSWORD = "account", "signed_in_at", "password"


def begin(account: ProviderAccount) -> None:
    """Signs in with a new cookie; nothing of the old one stays."""
    session.clear()
    session.permanent = True
    session.update({ACCOUNT: account.id, SIGNED_IN_AT: int(time.time()), PASSWORD: _mark(account)})


def end() -> None:
    session.clear()


def signed_in_at() -> int:
    """When the visitor typed the password, in seconds since 1970."""
    moment: int = session[SIGNED_IN_AT]
    return moment


def account() -> ProviderAccount | None:
    """The signed-in account; None for nobody, an inactive account, a password that changed since, or after too long."""
    if ACCOUNT not in session or time.time() - signed_in_at() > provider().settings.session_life_s:
        return None
    with read_session(provider().engine) as database:
        found = database.get(ProviderAccount, session[ACCOUNT])
    if found is None or not found.is_active or session.get(PASSWORD) != _mark(found):
        return None
    return found


def _mark(account: ProviderAccount) -> str:
    """Changes with the password, and tells nothing about it."""
    return hashlib.sha256(account.password_hash.encode()).hexdigest()[:24]
