"""Racers and their statements as rows of a CSV."""

from __future__ import annotations

from decimal import Decimal

from portal.rules.racer_list import ListedRacer
from portal.rules.statements import Line
from portal.tables import HOUR_MS

MILLIONTH = Decimal("0.000001")
RACERS = (
    "alias",
    "name",
    "email",
    "sponsorship",
    "used_hours",
    "reserved_hours",
    "quota_hours",
    "models",
    "maximum_models",
    "models_at_once",
    "stored_bytes",
    "estimated_spending_usd",
    "joined",
    "last_seen",
)
STATEMENT = (
    "when",
    "kind",
    "job",
    "model",
    "day",
    "note",
    "quota_hours",
    "held_hours",
    "used_hours",
    "stored_byte_days",
    "estimated_usd",
    "quota_hours_after",
    "held_hours_after",
    "used_hours_after",
    "left_hours_after",
    "estimated_usd_after",
)


def racer(row: ListedRacer) -> list[object]:
    """One racer, in the columns of RACERS."""
    person, balance = row.racer, row.balance
    return [
        person.alias,
        person.name,
        person.email,
        person.sponsorship,
        hours(balance.used_ms),
        hours(balance.reserved_ms),
        hours(balance.quota_ms),
        row.models,
        row.maximum_models,
        row.models_at_once,
        row.stored_bytes,
        dollars(balance.spent_microusd),
        person.created_at,
        person.last_seen_at,
    ]


def line(row: Line) -> list[object]:
    """One line of a statement, in the columns of STATEMENT."""
    entry, after = row.entry, row.after
    return [
        entry.at,
        entry.kind,
        entry.job_kind,
        row.model_name,
        entry.on_day,
        entry.note,
        *(hours(amount) for amount in (entry.quota_ms, entry.reserved_ms, entry.used_ms)),
        entry.byte_days,
        dollars(entry.amount_microusd),
        *(hours(amount) for amount in (after.quota_ms, after.reserved_ms, after.used_ms, after.left_ms)),
        dollars(after.spent_microusd),
    ]


def hours(milliseconds: int | None) -> Decimal | None:
    """Hours with six decimals, which is to the hundredth of a second."""
    return None if milliseconds is None else (Decimal(milliseconds) / HOUR_MS).quantize(MILLIONTH)


def dollars(microusd: int) -> Decimal:
    """US dollars, to the millionth."""
    return (Decimal(microusd) / 1_000_000).quantize(MILLIONTH)
