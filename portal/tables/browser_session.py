"""Signed-in browsers: rows that can be revoked, which a signed cookie cannot be."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime


class BrowserSession(SQLModel, table=True):
    """One signed-in browser. Only the SHA-256 of the secret in its cookie is stored."""

    __tablename__ = "browser_session"

    secret_hash: str = Field(primary_key=True)
    racer_id: int = Field(foreign_key="racer.id", index=True, ondelete="CASCADE")
    id_token: str = ""
    """Hint for the provider when the racer signs out."""
    user_agent: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
