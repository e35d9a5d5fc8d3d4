"""Tables as CSV downloads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from flask import Response, stream_with_context

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins with one of these for a formula and runs it."""


def response(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A CSV (RFC 4180, UTF-8) that is written while it is sent; `name` is the file's name without its ending."""
    answer = Response(stream_with_context(_lines(header, rows)), mimetype="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def _lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(header)
    for row in rows:
        writer.writerow([cell(value) for value in row])
        if sink.tell() > 64 * 1024:
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def cell(value: object) -> object:
    """A value as a cell: moments in ISO 8601, nothing for None, and no text that a spreadsheet would run."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(FORMULA_SIGNS):
        return f"'{value}"
    return value
