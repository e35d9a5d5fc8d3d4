"""Small pieces that templates call: icons, avatars, navigation links, the hidden CSRF field."""

from __future__ import annotations

from flask import Flask, request, url_for
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from portal import hx, scope
from portal.tables import Racer


def icon(name: str, label: str = "") -> Markup:
    """One icon of the vendored set; without a label it is decoration and hidden from screen readers."""
    sheet = url_for("static", filename="vendor/lucide/icons.svg")
    naming = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {}><use href="{}#{}"></use></svg>').format(naming, sheet, name)


def avatar(racer: Racer, size: int = 32) -> Markup:
    """A racer's helmet in the two colours of the profile. Colours are names of CSS classes."""
    picture = (
        '<svg class="avatar" width="{size}" height="{size}" viewBox="0 0 32 32" aria-hidden="true">'
        '<path class="body-{body}" d="M4 20C4 10 10 5 17 5s12 5 12 12v3c0 4-3 6-7 6H10c-4 0-6-2-6-6Z"/>'
        '<path class="trim-{trim}" d="M15 13h14v3c0 2-1 3-3 3h-8c-3 0-4-3-3-6Z"/></svg>'
    )
    return Markup(picture).format(size=size, body=racer.avatar_body, trim=racer.avatar_trim)  # noqa: S704


def nav_link(address: str, text: str) -> Markup:
    """A link of the main navigation that says when it is where the reader is."""
    here = request.path == address or request.path.startswith(address.rstrip("/") + "/")
    current = Markup(' aria-current="page"') if here else Markup("")
    return Markup('<a href="{}"{}>{}</a>').format(address, current, text)


def csrf_field() -> Markup:
    """The hidden field that every form with method="post" carries."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        icon=icon, avatar=avatar, nav_link=nav_link, csrf_field=csrf_field, current_path=hx.current_path
    )

    @app.context_processor
    def _context() -> dict[str, object]:
        return {"visitor": scope.visitor(), "organisation": scope.settings().organisation}
