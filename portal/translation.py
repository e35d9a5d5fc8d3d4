"""Languages: every string on a page goes through gettext. English is written in the code itself."""

from __future__ import annotations

from flask import Flask, request
from flask_babel import Babel

LANGUAGES = ["en"]


def _language() -> str | None:
    return request.accept_languages.best_match(LANGUAGES, default="en")


def init_app(app: Flask) -> None:
    Babel(app, default_locale="en", default_timezone="UTC", locale_selector=_language)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]
