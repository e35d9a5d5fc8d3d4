"""What several pages say about requests: amounts in words, how many wait, which decisions are unread."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _
from flask_babel import ngettext

from portal import formats, scope
from portal.rules import request_list, requests
from portal.tables import RacerRequest, RequestKind


def amount(kind: str, value: int | None) -> str:
    """An amount of a request in words: `2 h 30 min`, `3 models`, a dash for a workshop."""
    if kind == RequestKind.HOURS:
        return formats.duration(value)
    if kind == RequestKind.MODELS and value is not None:
        return ngettext("%(num)s model", "%(num)s models", value)
    return formats.DASH


def wanted(request: RacerRequest) -> str:
    """What is asked for, in words: `2 h more`, `3 models more`, `a workshop`."""
    if request.kind == RequestKind.WORKSHOP:
        return _("a workshop")
    return _("%(amount)s more", amount=amount(request.kind, request.amount))


def _waiting() -> int:
    """How many requests wait for an administrator."""
    return request_list.count_open(scope.reading())


def _decided() -> list[RacerRequest]:
    """The visitor's decisions that were not put away."""
    return requests.unread(scope.reading(), scope.me())


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(wanted=wanted)
    app.jinja_env.globals.update(request_amount=amount, requests_waiting=_waiting, requests_decided=_decided)
