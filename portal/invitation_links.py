"""Links of invitations: signed from the public id, so that nothing secret is stored and nobody can guess one."""

from __future__ import annotations

from flask import current_app, session, url_for
from itsdangerous import BadData, URLSafeSerializer
from sqlmodel import Session

from portal import clock, scope
from portal.rules import invitations
from portal.rules.broken import RuleBroken
from portal.rules.invitations import InvitationState
from portal.tables import Invitation, Racer

SALT = "paddock.invitations"
PATH = "/welcome/"
OPENED = "invitation"
"""In the visitor's cookie: the token of the invitation that was opened last in this browser."""


def address_of(invitation: Invitation) -> str:
    """The whole address, as it is copied and sent."""
    return scope.settings().address + path_of(invitation)


def path_of(invitation: Invitation) -> str:
    return url_for("welcome.show", token=_serializer().dumps(invitation.public_id))


def find(database: Session, token: str) -> Invitation | None:
    """The invitation of a token; None alike for one that was forged and one that is not known."""
    try:
        public_id = _serializer().loads(token)
    except BadData:
        return None
    return invitations.find(database, public_id) if isinstance(public_id, str) else None


def token_in(path: str) -> str:
    """The token of a path that leads to an invitation; empty for every other path."""
    token = path.removeprefix(PATH)
    return token if path.startswith(PATH) and token and not set(token) & set("/?#") else ""


def accepted(database: Session, racer: Racer, wanted: str) -> str:
    """Accepts the invitation that a sign-in came for, and says where to go now; another path is left as it is.

    Who opened one in this browser and then signed in by another way is given it where it was sent to their address,
    and else asked, where they wanted nothing in particular. What cannot be accepted leads to its page, which says why.
    """
    token = token_in(wanted)
    invitation = find(database, token or remembered())
    if invitation is None or not (token or invitations.state(invitation, clock.now()) is InvitationState.OPEN):
        return wanted
    if not token and not invitations.meant_for(invitation, racer):
        return way_back() if wanted == "/" else wanted
    try:
        invitations.accept(database, invitation, racer, now=clock.now())
    except RuleBroken:
        return wanted
    return invitation.land_on if token or wanted == "/" else wanted


def remember(token: str) -> None:
    """Keeps an opened invitation in the visitor's own cookie until somebody signs in there; an empty one forgets it."""
    session[OPENED] = token


def remembered() -> str:
    token = session.get(OPENED, "")
    return token if isinstance(token, str) else ""


def way_back() -> str:
    """The path of the invitation that was opened last in this browser; empty where there is none."""
    return url_for("welcome.show", token=remembered()) if remembered() else ""


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=SALT)
