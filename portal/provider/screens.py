"""The provider's pages: sign in, change the password, sign out."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, TooManyRequests
from werkzeug.wrappers import Response

from portal import clock
from portal.database import read_session, write_session
from portal.provider import guessing, visit
from portal.provider.context import provider
from portal.rules import local_accounts
from portal.rules.broken import RuleBroken

pages = Blueprint("screens", __name__)

Answer = str | Response | tuple[str, int]

WRONG = "This user name and password do not fit together, or the account is not active."
SLOWER = "Too many wrong passwords. Wait ten minutes, or ask the administrator for a new password."
STALE = "This form was open for too long or came from elsewhere. Send it again."


@pages.get("/login")
def sign_in() -> Answer:
    return _sign_in_form()


@pages.post("/login")
@guessing.per_account
@guessing.per_address
def check_password() -> Answer:
    username, password = request.form.get("username", ""), request.form.get("password", "")
    with read_session(provider().engine) as session:
        account = local_accounts.verify(session, username, password)
    if account is None:
        return _sign_in_form(WRONG), guessing.FAILED
    visit.begin(account)
    return _onward()


def _sign_in_form(problem: str = "") -> str:
    username = request.form.get("username", "")[:64]
    return render_template("provider/sign_in.html", username=username, problem=problem)


@pages.get("/password")
def password() -> Answer:
    account = visit.account()
    return _to_sign_in() if account is None else _password_form({}, forced=account.must_change_password)


@pages.post("/password")
@guessing.per_address
def change_password() -> Answer:
    account = visit.account()
    if account is None:
        return _to_sign_in()
    form = request.form
    if form.get("password", "") != form.get("again", ""):
        problems = {"again": "This is not the same as above."}
        return _password_form(problems, forced=account.must_change_password), guessing.FAILED
    try:
        with write_session(provider().engine) as session:
            changed = local_accounts.change_password(
                session, account, form.get("current", ""), form.get("password", ""), now=clock.now()
            )
    except RuleBroken as refusal:
        problems = {refusal.field or "": refusal.message}
        return _password_form(problems, forced=account.must_change_password), guessing.FAILED
    visit.begin(changed)
    return _onward()


def _password_form(problems: dict[str, str], *, forced: bool) -> str:
    return render_template(
        "provider/password.html", problems=problems, forced=forced, shortest=local_accounts.SHORTEST_PASSWORD
    )


def _to_sign_in() -> Response:
    query = request.query_string.decode()
    return redirect(f"{url_for('screens.sign_in')}?{query}" if query else f"{url_for('screens.sign_in')}?to=password")


def _onward() -> Response:
    """Back to what the portal asked for, else to the portal. The request was checked before, and is again."""
    asked = [(name, value) for name, value in parse_qsl(request.query_string.decode()) if name != "prompt"]
    if any(name == "client_id" for name, _ in asked):
        return redirect(f"{url_for('protocol.authorize')}?{urlencode(asked)}", code=303)
    if ("to", "password") in asked:
        return redirect(url_for("screens.password"), code=303)
    return redirect(f"{provider().settings.address}/profile", code=303)


@pages.post("/sign-out")
def sign_out() -> Answer:
    visit.end()
    return redirect(provider().settings.address, code=303)


def _too_many(_error: TooManyRequests) -> Answer:
    return _sign_in_form(SLOWER), 429


def _stale_form(_error: CSRFError) -> Answer:
    return render_template("provider/message.html", message=STALE, portal=provider().settings.address), 400


def _http_error(error: HTTPException) -> Answer:
    message = error.description or ""
    return render_template("provider/message.html", message=message, portal=provider().settings.address), (
        error.code or 500
    )


def init_app(app: Flask) -> None:
    app.register_error_handler(TooManyRequests, _too_many)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http_error)
    app.context_processor(lambda: {"organisation": provider().settings.organisation})
