"""What an organizer may say about who comes into a private race."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from portal.forms.parsing import SubmittedForm
from portal.rules.race_people import LONGEST_DAYS

LONGEST_LIST = 50_000


def _days(text: object) -> object:
    """Days as typed; nothing typed is no end."""
    if not text:
        return None
    try:
        days = int(str(text))
    except ValueError:
        days = 0
    if not 1 <= days <= LONGEST_DAYS:
        raise ValueError(f"Write 1 to {LONGEST_DAYS} days, or nothing for a link without an end.")
    return days


def _lines(text: object) -> object:
    if len(str(text)) > LONGEST_LIST:
        raise ValueError("This list is too long; add it in parts.")
    return text


class LinkForm(SubmittedForm):
    """How long a new link and code are good for."""

    days: Annotated[int | None, BeforeValidator(_days)] = None


class ListForm(SubmittedForm):
    """Addresses, domains and aliases to be let in."""

    lines: Annotated[str, BeforeValidator(_lines)] = ""
