"""The page that an invitation's link opens: who invites, where it leads, and in."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, hx, invitation_landings, invitation_links, scope
from portal.access import Permission, access
from portal.rate_limits import limiter
from portal.rules import invitations
from portal.rules.broken import RuleBroken
from portal.rules.invitations import InvitationState
from portal.tables import Invitation, Racer

pages = Blueprint("welcome", __name__)


@pages.get("/welcome/<token>")
@limiter.limit("300 per minute")
@access(Permission.PUBLIC)
def show(token: str) -> Response:
    """Changes nothing: mail scanners and previews open links too. Whoever has it already is taken there."""
    invitation, me = invitation_links.find(scope.reading(), token), scope.visitor()
    if invitation is None:
        return _not_there()
    if me is not None and invitation.accepted_by_id == me.id:
        return redirect(onward(invitation, me), code=303)
    refusal = invitations.refusal(scope.reading(), invitation, now=clock.now())
    if refusal is not None:
        return _over(invitation, token, refusal)
    in_already = me is not None and invitations.is_for_another(invitation, me)
    invitation_links.remember("" if in_already else token)
    inviter = scope.reading().get_one(Racer, invitation.invited_by_id)
    leads_to = invitation_landings.name_of(invitation.land_on)
    context = {"inviter": inviter, "leads_to": leads_to, "token": token, "in_already": in_already}
    context["onward"] = onward(invitation, me) if me else ""
    return _page("welcome/show.html", 200, invitation=invitation, **context)


@pages.post("/welcome/<token>")
@limiter.limit("60 per minute")
@access(Permission.SIGNED_IN)
def accept(token: str) -> Response:
    """For somebody who is signed in; for everybody else the sign-in accepts. Who is in already is only led on."""
    invitation = invitation_links.find(scope.reading(), token)
    if invitation is None:
        return _not_there()
    try:
        with scope.writing() as session:
            invitations.accept(session, invitation, scope.me(), now=clock.now())
    except RuleBroken:
        return redirect(url_for("welcome.show", token=token), code=303)  # which says why
    return redirect(onward(invitation, scope.me()), code=303)


def onward(invitation: Invitation, racer: Racer) -> str:
    """Where an accepted invitation leads; a newcomer makes a profile first."""
    wanted = invitation.land_on if hx.is_local_path(invitation.land_on) else "/"
    return wanted if racer.has_profile else url_for("profile.edit", next=wanted)


def _not_there() -> Response:
    """The same for a link that was forged as for one that is not known."""
    message = _("Check that the whole link was copied, or ask whoever invited you to send it again.")
    return _page("welcome/over.html", 404, title=_("This invitation is not there"), message=message, token="")


def _over(invitation: Invitation, token: str, refusal: RuleBroken) -> Response:
    titles = {
        InvitationState.ACCEPTED: _("This invitation was used already"),
        InvitationState.REVOKED: _("This invitation is not good any more"),
        InvitationState.EXPIRED: _("This invitation has expired"),
        InvitationState.OPEN: _("Nobody can join right now"),
    }
    found = invitations.state(invitation, clock.now())
    may_be_theirs = found is InvitationState.ACCEPTED and scope.visitor() is None
    token = token if may_be_theirs else ""
    return _page("welcome/over.html", 409, title=titles[found], message=refusal.message, token=token)


def _page(template: str, status: int, **context: object) -> Response:
    response = make_response(render_template(template, **context), status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
