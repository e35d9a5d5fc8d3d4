"""How times, durations, money and numbers are written on pages: one filter each."""

from __future__ import annotations

from datetime import date, datetime

from flask import Flask
from flask_babel import format_date, format_datetime, format_decimal
from markupsafe import Markup

DASH = "–"  # noqa: RUF001  the en dash that stands for "no value"


def lap_time(milliseconds: int | None) -> str:
    """A lap's time as racers write it: 61234 is `1:01.234`, 8123 is `8.123`."""
    if milliseconds is None:
        return DASH
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}:{rest / 1000:06.3f}" if minutes else f"{rest / 1000:.3f}"


def gap(milliseconds: int | None) -> str:
    """A distance in time, with its sign: 231 is `+0.231`."""
    return DASH if milliseconds is None else f"+{milliseconds / 1000:.3f}"


def duration(milliseconds: int | None) -> str:
    """A span in its two largest units: `4 h 30 min`, `2 min 5 s`, `12 s`."""
    if milliseconds is None:
        return DASH
    seconds = round(milliseconds / 1000)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    return f"{seconds} s"


def money(microusd: int) -> str:
    """An estimate in dollars and cents."""
    return f"${microusd / 1_000_000:,.2f}"


def gb_days(byte_days: int) -> str:
    """Storage over time: one GB kept for a day is `1 GB-day`."""
    return f"{format_decimal(byte_days / (1 << 30), format='0.###')} GB-days"


def day(value: date | None) -> str:
    """A day as people write it: `31 Oct 2026`."""
    return DASH if value is None else str(format_date(value, "d MMM y"))


def percent(value: float | None) -> str:
    """A share of a hundred with one decimal at most."""
    return DASH if value is None else f"{format_decimal(value, format='0.#')} %"


def file_size(count: int | None) -> str:
    """Bytes in their largest unit: `1.4 MB`; a GB is 2**30 bytes, as storage is charged."""
    if count is None:
        return DASH
    amount, units = float(count), ["bytes", "KB", "MB", "GB", "TB"]
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return f"{format_decimal(amount, format='0' if units[0] == 'bytes' else '0.#')} {units[0]}"


def month_name(day: date) -> str:
    """The month of a day: `June 2026`."""
    return format_date(day, "MMMM y", rebase=False)


def moment(value: datetime | None) -> str | Markup:
    """A moment as a <time> element: the exact UTC time for machines, a short one for people.

    A script rewrites it in the reader's own time zone; without it the zone is written out.
    """
    if value is None:
        return DASH
    exact = value.isoformat(timespec="seconds")
    return Markup('<time datetime="{}">{} UTC</time>').format(exact, format_datetime(value, "d MMM y, HH:mm"))


def init_app(app: Flask) -> None:
    filters = (lap_time, gap, duration, money, file_size, gb_days, percent, day, month_name, moment)
    app.jinja_env.filters.update({one.__name__: one for one in filters})
