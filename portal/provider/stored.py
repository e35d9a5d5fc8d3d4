"""Codes and access tokens in the database: only their hashes, and only for as long as they are good."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Request
from sqlmodel import col, delete, select

from portal import clock
from portal.database import read_session, write_session
from portal.provider import visit
from portal.provider.context import provider
from portal.provider.registration import Registration
from portal.tables import ProviderAccount, ProviderCode, ProviderToken

CODE_LIFE = timedelta(seconds=60)
KEPT = ("redirect_uri", "nonce", "code_challenge", "code_challenge_method")


@dataclass(frozen=True)
class Grant:
    """A spent code: what was asked for with it. The methods are Authlib's."""

    account_id: int
    scope: str
    auth_time: int
    redirect_uri: str
    nonce: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> list[str]:
        return ["pwd"]


def hash_of(secret: str) -> str:
    """Codes and tokens are random and long; a plain hash of them cannot be turned back."""
    return hashlib.sha256(secret.encode()).hexdigest()


def save_code(code: str, request: OAuth2Request) -> None:
    now = clock.now()
    asked: dict[str, Any] = {name: request.payload.data.get(name) for name in KEPT}
    asked |= {"scope": request.scope, "auth_time": visit.signed_in_at()}
    with write_session(provider().engine) as session:
        _forget_expired(session, now)
        session.add(
            ProviderCode(
                code_hash=hash_of(code),
                account_id=request.user.id,
                client_id=request.client.client_id,
                request=asked,
                expires_at=now + CODE_LIFE,
            )
        )


def spend_code(code: str, client: Registration) -> Grant | None:
    """Finds and deletes a code in one transaction; None where it is unknown, spent, expired or another client's."""
    with write_session(provider().engine) as session:
        row = session.get(ProviderCode, hash_of(code))
        if row is None:
            return None
        session.delete(row)
        good = row.client_id == client.client_id and clock.now() < row.expires_at
        return Grant(account_id=row.account_id, **row.request) if good else None


def active_account(account_id: int | None) -> ProviderAccount | None:
    with read_session(provider().engine) as session:
        account = session.get(ProviderAccount, account_id)
        return account if account is not None and account.is_active else None


def save_token(token: dict[str, Any], request: OAuth2Request) -> None:
    now = clock.now()
    with write_session(provider().engine) as session:
        session.add(
            ProviderToken(
                token_hash=hash_of(token["access_token"]),
                account_id=request.user.id,
                client_id=request.client.client_id,
                scope=token["scope"],
                expires_at=now + timedelta(seconds=token["expires_in"]),
            )
        )


def account_of_token(token: str) -> tuple[ProviderAccount, str] | None:
    """Whose token this is and its scope; None where it is unknown or expired, or the account is inactive."""
    query = (
        select(ProviderToken, ProviderAccount)
        .join(ProviderAccount, col(ProviderAccount.id) == col(ProviderToken.account_id))
        .where(ProviderToken.token_hash == hash_of(token), col(ProviderAccount.is_active))
    )
    with read_session(provider().engine) as session:
        found = session.exec(query).first()
    if found is None or clock.now() >= found[0].expires_at:
        return None
    return found[1], found[0].scope


def _forget_expired(session: Any, now: datetime) -> None:
    for table in (ProviderCode, ProviderToken):
        session.exec(delete(table).where(col(table.expires_at) <= now))
