"""What an administrator does to one or several invitations: asked first, then done, then reported."""

from __future__ import annotations

from flask import Blueprint, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlmodel import Session
from werkzeug.wrappers import Response

from portal import clock, hx, invitation_letters, scope
from portal.access import Permission, access
from portal.rules import invitation_actions, invitation_list
from portal.rules.invitation_actions import Outcome

pages = Blueprint("admin_invitation_actions", __name__)

VERBS = "any(send, revoke, restore)"
SHOWN_NAMES = 10


@pages.get(f"/admin/invitations/<{VERBS}:verb>")
@access(Permission.ADMIN)
def ask(verb: str) -> Response:
    """Names who is meant and what follows, before anything happens."""
    return hx.render(
        "admin/invitation_action.html",
        "admin/_invitation_action.html",
        verb=verb,
        chosen=invitation_list.chosen(scope.reading(), request.args.getlist("invitation")),
        sends_mail=scope.settings().sends_mail,
    )


@pages.post(f"/admin/invitations/<{VERBS}:verb>")
@access(Permission.ADMIN)
def act(verb: str) -> Response:
    with scope.writing() as session:
        outcome = _do(session, verb)
    _report(verb, outcome)
    revoked = [one.public_id for one in outcome.changed] if verb == "revoke" else None
    return hx.redirect(url_for("admin_invitations.index", revoked=revoked))


def _do(session: Session, verb: str) -> Outcome:
    chosen, me, now = invitation_list.chosen(session, request.form.getlist("invitation")), scope.me(), clock.now()
    if verb == "send":
        compose = invitation_letters.composer(session, me) if scope.settings().sends_mail else None
        return invitation_actions.send(session, chosen, by=me, now=now, compose=compose)
    change = {"revoke": invitation_actions.revoke, "restore": invitation_actions.restore}[verb]
    return change(session, chosen, by=me, now=now)


def _report(verb: str, outcome: Outcome) -> None:
    """What came of it; that something was revoked is told by the list itself, beside its Undo."""
    count = len(outcome.changed)
    if count and verb == "restore":
        flash(ngettext("%(num)s invitation is good again.", "%(num)s invitations are good again.", count), "success")
    elif count and verb == "send" and scope.settings().sends_mail:
        flash(ngettext("%(num)s mail is on its way.", "%(num)s mails are on their way.", count), "success")
    elif count and verb == "send":
        flash(ngettext("%(num)s link is good for longer.", "%(num)s links are good for longer.", count), "success")
    if outcome.same:
        names = ", ".join(one.email for one in outcome.same[:SHOWN_NAMES])
        flash(_("Nothing was to be done for %(names)s.", names=names), "info")
    for one, message in outcome.refused[:SHOWN_NAMES]:
        flash(f"{one.email}: {message}", "error")
