"""Signing in at the provider and out again."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import clock, hx, invitation_links, oidc, scope, visitors
from portal.access import Permission, access
from portal.rate_limits import limiter
from portal.rules import browser_sessions, racers
from portal.rules.broken import RuleBroken
from portal.tables import Racer

pages = Blueprint("sign_in", __name__)

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@pages.get("/sign-in")
@limiter.limit("300 per minute")
@access(Permission.PUBLIC)
def start() -> Response:
    """To the provider, and back to `next` afterwards."""
    wanted = request.args.get("next", "/")
    wanted = wanted if hx.is_local_path(wanted) else "/"
    if current_user.is_authenticated:
        return redirect(wanted, code=303)
    if _came_by_another_name():
        return redirect(f"{scope.settings().address}{url_for('sign_in.start', next=wanted)}", code=303)
    return redirect(oidc.begin(_address("sign_in.callback"), wanted), code=303)


@pages.get("/sign-in/callback")
@limiter.limit("300 per minute")
@access(Permission.PUBLIC)
def callback() -> Response:
    verified = oidc.finish()
    g.wanted_after_sign_in = verified.next
    settings = scope.settings()
    with scope.writing() as writing:
        racer = racers.sign_in(
            writing, verified.identity, admin_groups=oidc.client().connection.admin_groups, now=clock.now()
        )
        wanted = invitation_links.accepted(writing, racer, verified.next)
        browser_sessions.forget_over(writing, racer, now=clock.now())
        secret = browser_sessions.begin(
            writing,
            racer,
            now=clock.now(),
            life_s=settings.session_life_s,
            id_token=verified.id_token,
            user_agent=request.user_agent.string,
        )
    visitors.begin(racer, secret)
    return redirect(_after_sign_in(racer, wanted), code=303)


@pages.post("/sign-out")
@access(Permission.PUBLIC)
def end() -> Response | str:
    """Ends the session here, then at the provider. No session is left on this side whatever the provider does."""
    id_token = visitors.end()
    address = oidc.sign_out_address(id_token, _address("sign_in.ended"))
    if address is None:
        return redirect(url_for("sign_in.ended"), code=303)
    if _origin(address) not in (_origin(scope.settings().address), _origin(scope.settings().issuer)):
        # The content security policy lets a form end at the issuer's own address only; a link may go anywhere.
        return render_template("sign_in/ended.html", provider=address)
    return redirect(address, code=303)


@pages.get("/signed-out")
@access(Permission.PUBLIC)
def ended() -> str:
    oidc.client().framework.clear_state_data(session, request.args.get("state", ""))
    return render_template("sign_in/ended.html", provider="")


@pages.errorhandler(oidc.SignInFailed)
def _failed(error: oidc.SignInFailed) -> tuple[str, int]:
    return _refused(error.title, error.message, error.next), error.status


@pages.errorhandler(RuleBroken)
def _not_let_in(error: RuleBroken) -> tuple[str, int]:
    title = _("You cannot come in now")
    return _refused(title, error.message, g.get("wanted_after_sign_in", "")), 403


def _refused(title: str, message: str, wanted: str) -> str:
    """A page whose next try leads where this one was to lead; an invitation is not lost on the way."""
    again = wanted if wanted != "/" and hx.is_local_path(wanted) else invitation_links.way_back() or "/"
    return render_template("sign_in/failed.html", title=title, message=message, again=again)


def _after_sign_in(racer: Racer, wanted: str) -> str:
    wanted = wanted if hx.is_local_path(wanted) else "/"
    if wanted.startswith(invitation_links.PATH):
        return wanted  # an invitation that could not be accepted: its page says why
    return wanted if racer.has_profile else url_for("profile.edit", next=wanted)


def _address(endpoint: str) -> str:
    """An address of the portal as the provider knows it, whatever name the browser used."""
    return scope.settings().address + url_for(endpoint)


def _came_by_another_name() -> bool:
    """localhost for 127.0.0.1 or the other way round: the cookie would not be there when the provider sends back."""
    here, known = request.host.rsplit(":", 1)[0].strip("[]"), urlsplit(scope.settings().address).hostname
    return here in LOOPBACK and known in LOOPBACK and here != known


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc
