"""Accounts and grants of the local OpenID provider, for organisations without one of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, public_id


class ProviderAccount(SQLModel, table=True):
    """A person who signs in with a password at the local provider."""

    __tablename__ = "provider_account"

    id: int | None = Field(default=None, primary_key=True)
    subject: str = Field(default_factory=public_id, unique=True)
    username: str = Field(unique=True)
    password_hash: str
    name: str = ""
    email: str = ""
    groups: list[str] = Field(default_factory=list, sa_type=JSON)
    is_active: bool = True
    must_change_password: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)


class ProviderCode(SQLModel, table=True):
    """An authorization code, good for a minute and for one use."""

    __tablename__ = "provider_code"

    code_hash: str = Field(primary_key=True)
    account_id: int = Field(foreign_key="provider_account.id", ondelete="CASCADE")
    client_id: str
    request: dict[str, Any] = Field(sa_type=JSON)
    """redirect_uri, scope, nonce, code_challenge and its method, auth_time."""
    expires_at: datetime = Field(sa_type=UtcDateTime)


class ProviderToken(SQLModel, table=True):
    """An access token for the provider's userinfo."""

    __tablename__ = "provider_token"

    token_hash: str = Field(primary_key=True)
    account_id: int = Field(foreign_key="provider_account.id", ondelete="CASCADE")
    client_id: str
    scope: str
    expires_at: datetime = Field(sa_type=UtcDateTime)
