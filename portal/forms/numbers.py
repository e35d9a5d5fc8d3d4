"""Numbers as people type them."""

from __future__ import annotations

import math

HOUR_DIGITS = 3


def decimal(text: str) -> float:
    """A number with a point or a comma. Raises ValueError with a sentence for the field."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        raise ValueError("Please give a number." if text.strip() else "Please fill this in.") from None
    if not math.isfinite(value):
        raise ValueError("Please give a number.")
    return value


def whole(text: str) -> int:
    """A whole number. Raises ValueError with a sentence for the field."""
    value = decimal(text)
    if value != int(value):
        raise ValueError("Please give a whole number.")
    return int(value)


def hours(text: str) -> float:
    """Hours, with three digits after the point at most. Raises ValueError with a sentence for the field."""
    value = decimal(text)
    if value != round(value, HOUR_DIGITS):
        raise ValueError(f"Please give hours with at most {HOUR_DIGITS} digits after the point.")
    return value


def sentence(message: str) -> str:
    """A message of `sim` as a sentence: a capital at its beginning, a full stop at its end."""
    return f"{message[:1].upper()}{message[1:]}" + ("" if message.endswith((".", "?", "!")) else ".")
