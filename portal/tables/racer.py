"""People: who they are to the provider, and who they are on the track."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, one_of, public_id


class Role(StrEnum):
    ADMIN = "admin"
    RACER = "racer"


class Sponsorship(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class Racer(SQLModel, table=True):
    """A person: the identity (issuer, subject) and, after the first sign-in, a profile with an alias.

    The e-mail is a label that may change or be shared; it never identifies anybody.
    """

    __table_args__ = (
        UniqueConstraint("issuer", "subject", name="racer_identity"),
        one_of("role", Role),
        one_of("sponsorship", Sponsorship),
        CheckConstraint("(alias IS NULL) = (alias_key IS NULL)", name="alias_has_key"),
    )

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    issuer: str
    subject: str
    email: str = ""
    email_verified: bool = False
    name: str = ""
    role: str = Role.RACER
    granted_admin: bool = False
    """Made an administrator by the operator's command, whatever the groups claim says."""
    sponsorship: str = Sponsorship.ACTIVE
    alias: str | None = None
    alias_key: str | None = Field(default=None, unique=True)
    """The alias in lower case: two aliases that differ in case only are one."""
    country: str = ""
    """ISO 3166-1 alpha-2, or empty."""
    avatar_body: str = "teal"
    avatar_trim: str = "white"
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def has_profile(self) -> bool:
        return self.alias is not None
