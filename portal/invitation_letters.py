"""Invitations as letters: the built-in wording in the reader's language, and what its placeholders stand for."""

from __future__ import annotations

from flask_babel import format_datetime
from flask_babel import gettext as _
from sqlmodel import Session

from portal import invitation_links, scope
from portal.rules import invitation_templates, letters
from portal.rules.invitations import Compose
from portal.rules.letters import Letter, Wording
from portal.tables import Invitation, Racer


def built_in() -> Wording:
    """The wording without a change of the administrator's."""
    # The braces are Paddock's placeholders; a translation keeps them as they are.
    subject = _("{inviter} invites you to race at {organisation}")
    body = _(
        "Hello {name},\n"
        "\n"
        "{inviter} invites you to {organisation}: train a model car that learns to drive by itself, enter it in a race "
        "and watch the standings move. You need no car and nothing to install, and it costs you nothing.\n"
        "\n"
        "Come in here:\n"
        "{link}\n"
        "\n"
        "The link is for you alone and works until {expires}.\n"
        "Sign in with your account at {organisation}, choose an alias and a helmet, and you are in."
    )
    return Wording(subject, body)


def wording(session: Session) -> Wording:
    """The wording that letters are written with."""
    return invitation_templates.current(session) or built_in()


def composer(session: Session, by: Racer) -> Compose:
    """Writes letters of invitations that `by` sends now, all with the same wording."""
    written = wording(session)
    return lambda invitation: letter(invitation, written, by)


def letter(invitation: Invitation, written: Wording, by: Racer) -> Letter:
    """The letter of one invitation, with its own link."""
    values = {
        **_general(by),
        "link": invitation_links.address_of(invitation),
        "expires": f"{format_datetime(invitation.expires_at, 'd MMMM y, HH:mm')} UTC",
    }
    return letters.fill(written, {**values, "name": invitation.name or values["name"]})


def general_letter(written: Wording, by: Racer) -> Letter:
    """The letter for everybody, with the portal's own address; lines about an end are left out."""
    return letters.fill(written, {**_general(by), "link": f"{scope.settings().address}/"})


def _general(by: Racer) -> dict[str, str]:
    return {"organisation": scope.settings().organisation, "inviter": by.alias or by.name, "name": _("racer")}
