"""What an organizer may say about freezing the standings."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from portal.forms.parsing import SubmittedForm
from portal.rules.freezing import LONGEST_MINUTES


def _minutes(text: object) -> object:
    digits = str(text).strip()
    minutes = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= len(str(LONGEST_MINUTES)) else 0
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise ValueError(f"Write 1 to {LONGEST_MINUTES} minutes.")
    return minutes


def _count(text: object) -> object:
    digits = str(text)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 9):
        raise ValueError("Reload the page and press the button again.")
    return int(digits)


class FreezeForm(SubmittedForm):
    """How long before the end the standings freeze."""

    minutes: Annotated[int, BeforeValidator(_minutes)]


class RevealForm(SubmittedForm):
    """How many places were revealed when the button was shown."""

    after: Annotated[int, BeforeValidator(_count)]
