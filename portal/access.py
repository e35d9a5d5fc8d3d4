"""Who may call which view: default deny.

Every view carries one `Permission`; a view without one is refused, and a test walks the routes to find it first.
Whether an object is the visitor's own is decided where it is loaded: what is not theirs does not exist (404).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from flask import Flask, abort, current_app, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import hx, scope
from portal.rules import sponsorship

View = TypeVar("View", bound=Callable[..., object])


class Permission(StrEnum):
    """What a visitor must be."""

    PUBLIC = "public"
    """Anyone, signed in or not."""
    SIGNED_IN = "signed in"
    """Known to the provider; a profile is not needed yet."""
    RACER = "racer"
    """Signed in and with a profile."""
    GARAGE = "garage"
    """A racer to whom models are open: nobody but administrators while multi-user mode is off."""
    ADMIN = "admin"


def access(permission: Permission) -> Callable[[View], View]:
    """Declares what a visitor must be to call a view."""

    def declare(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return declare


def permission_of(app: Flask, endpoint: str) -> Permission | None:
    """The permission that an endpoint declares; None where it declares none."""
    if endpoint == "static":
        return Permission.PUBLIC
    return getattr(app.view_functions[endpoint], "permission", None)


def guard() -> Response | None:
    """Runs before every request: lets it pass, sends it to the sign-in or the profile, or refuses it.

    Raises RuleBroken (forbidden) for the garage of a racer who is shut out.
    """
    if request.endpoint is None:
        return None  # no such page: the 404 needs no permission
    permission = permission_of(current_app, request.endpoint)
    if permission is None:
        abort(403)
    if permission is Permission.PUBLIC:
        return None
    if not current_user.is_authenticated:
        return hx.redirect(url_for("sign_in.start", next=hx.current_path()))
    if permission is Permission.ADMIN and not current_user.racer.is_admin:
        abort(403)
    if permission in (Permission.RACER, Permission.GARAGE) and not current_user.racer.has_profile:
        return hx.redirect(url_for("profile.edit", next=hx.current_path()))
    if permission is Permission.GARAGE:
        sponsorship.require_open(scope.reading(), current_user.racer)
    return None
