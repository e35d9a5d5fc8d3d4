"""Invitations: single-use links with an end, and the template that they are written with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, public_id


class InvitationTemplate(SQLModel, table=True):
    """The one row of the administrator's own wording; without it the built-in one is used."""

    __tablename__ = "invitation_template"
    __table_args__ = (CheckConstraint("id = 1", name="only_one_row"),)

    id: int = Field(default=1, primary_key=True)
    subject: str
    body: str
    changed_at: datetime = Field(sa_type=UtcDateTime)


class Invitation(SQLModel, table=True):
    """One person invited. The link is signed from the public id, so that no secret is stored."""

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    email: str = Field(index=True)
    """In lower case."""
    name: str = ""
    land_on: str = "/"
    """The portal's path that the person comes to after the sign-in and the profile."""
    invited_by_id: int = Field(foreign_key="racer.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    accepted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    accepted_by_id: int | None = Field(default=None, foreign_key="racer.id")
    mail_id: int | None = Field(default=None, foreign_key="mail.id")
    """The last mail that carried it; None where it was only copied."""
