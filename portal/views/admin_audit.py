"""The audit: filtered, a page at a time, and downloaded as CSV or as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from flask import Blueprint, Response, request, stream_with_context
from werkzeug.wrappers import Response as AnyResponse

from portal import clock, csv_export, hx, scope
from portal.access import Permission, access
from portal.rules import audit_log
from portal.rules.audit_log import AuditFilter, ListedEvent
from portal.rules.usage_totals import YEARS
from portal.tables import Racer

pages = Blueprint("admin_audit", __name__)

COLUMNS = ("id", "at", "by", "by_id", "action", "subject", "about", "before", "after", "reason")


@pages.get("/admin/audit")
@access(Permission.ADMIN)
def index() -> AnyResponse:
    wanted = _wanted()
    page = audit_log.listed(scope.reading(), wanted, page=request.args.get("page", 1, type=int))
    return hx.render(
        "admin/audit.html",
        "admin/_audit.html",
        audit=page,
        filters=_in_address(wanted),
        actions=audit_log.actions(scope.reading()),
        decisions=audit_log.DECISIONS,
    )


@pages.get("/admin/audit.csv")
@access(Permission.ADMIN)
def as_csv() -> Response:
    events = audit_log.exported(scope.reading(), _wanted())
    rows = ([_as_text(value) for value in _written(listed).values()] for listed in events)
    return csv_export.response(_name(), COLUMNS, rows)


@pages.get("/admin/audit.jsonl")
@access(Permission.ADMIN)
def as_json_lines() -> Response:
    """One event a line, as JSON; written while it is sent."""
    events = audit_log.exported(scope.reading(), _wanted())
    lines: Iterator[str] = (json.dumps(_written(listed), ensure_ascii=False) + "\n" for listed in events)
    answer = Response(stream_with_context(lines), mimetype="application/jsonl; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{_name()}.jsonl"'
    return answer


def _wanted() -> AuditFilter:
    text = {name: request.args.get(name, "").strip() for name in ("action", "by", "about", "reason")}
    return AuditFilter(**text, since=_day("since"), until=_day("until"))


def _day(name: str) -> date | None:
    """A day of the address; one that is none is not looked for."""
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return day if day.year in YEARS else None


def _in_address(wanted: AuditFilter) -> dict[str, str | None]:
    """The filter as an address says it; None is not in it."""
    values = {name: getattr(wanted, name) for name in ("action", "by", "about", "since", "until", "reason")}
    return {name: str(value) if value else None for name, value in values.items()}


def _written(listed: ListedEvent) -> dict[str, Any]:
    """An event as a download has it, in the order of the columns."""
    event = listed.event
    return {
        "id": event.id,
        "at": event.at.isoformat(timespec="microseconds"),
        "by": _called(listed.by) if listed.by else audit_log.SYSTEM,
        "by_id": listed.by.public_id if listed.by else None,
        "action": event.action,
        "subject": event.subject,
        "about": _called(listed.about) if listed.about else None,
        "before": event.before,
        "after": event.after,
        "reason": event.reason,
    }


def _called(racer: Racer) -> str:
    return racer.alias or racer.name or racer.email


def _as_text(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _name() -> str:
    return f"paddock-audit-{clock.now().date().isoformat()}"
