"""Who is looking: Flask-Login over sessions that are rows and can be revoked."""

from __future__ import annotations

from flask import Flask, session
from flask_login import LoginManager, UserMixin, current_user, login_user

from portal import clock, scope
from portal.rules import browser_sessions
from portal.tables import Racer


class Visitor(UserMixin):  # type: ignore[misc]
    """A signed-in person in one browser."""

    def __init__(self, racer: Racer, secret: str) -> None:
        self.racer = racer
        self.secret = secret

    def get_id(self) -> str:
        """What Flask-Login keeps in its signed cookie: the secret of the session, not the racer's number."""
        return self.secret


def _load(secret: str) -> Visitor | None:
    now = clock.now()
    found = browser_sessions.find(scope.reading(), secret, now=now, idle_s=scope.settings().session_idle_s)
    if found is None:
        return None
    row, racer = found
    if browser_sessions.needs_touch(row, now=now):
        with scope.writing() as session:
            browser_sessions.touch(session, row, now=now)
    return Visitor(racer, secret)


def begin(racer: Racer, secret: str) -> None:
    """Signs a racer in, in this browser, with a cookie that has nothing of the old one: no form token, no sign-in."""
    session.clear()
    session.permanent = True
    login_user(Visitor(racer, secret))


def end() -> str:
    """Signs out: deletes the session's row and empties the cookie. Returns the ID token for the provider, or ""."""
    id_token = ""
    if current_user.is_authenticated:
        with scope.writing() as writing:
            id_token = browser_sessions.end(writing, current_user.secret)
    session.clear()
    return id_token


def init_app(app: Flask) -> None:
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False  # the cookie ends when its session does, not later
    manager = LoginManager(app)
    manager.session_protection = None  # the session row is the protection; the address may change on a phone
    manager.user_loader(_load)
