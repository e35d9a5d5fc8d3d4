"""What the address of an overlay may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from portal.forms.parsing import SubmittedForm

MOST_ROWS = 20
COLUMNS = ("moved", "best", "last", "sectors", "gap", "interval", "laps", "resets")


def _rows(text: object) -> object:
    digits = str(text)
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 4 and 1 <= int(digits) <= MOST_ROWS):
        raise ValueError(f"rows is 1 to {MOST_ROWS}.")
    return int(digits)


def _columns(text: object) -> object:
    wanted = tuple(part.strip() for part in str(text).split(",") if part.strip())
    unknown = [part for part in wanted if part not in COLUMNS]
    if unknown:
        raise ValueError(f"columns has no {unknown[0]}; it is some of {', '.join(COLUMNS)}, with commas between.")
    return wanted


def _one_of(*choices: str) -> BeforeValidator:
    def check(text: object) -> object:
        if text not in choices:
            raise ValueError(f"Write one of {', '.join(choices)}.")
        return text

    return BeforeValidator(check)


class OverlayForm(SubmittedForm):
    """How the overlay looks; every option may be missing."""

    rows: Annotated[int, BeforeValidator(_rows)] = 5
    columns: Annotated[tuple[str, ...], BeforeValidator(_columns)] = ("gap",)
    theme: Annotated[Literal["dark", "light"], _one_of("dark", "light")] = "dark"
    size: Annotated[Literal["small", "medium", "large"], _one_of("small", "medium", "large")] = "medium"
    title: Annotated[Literal["0", "1"], _one_of("0", "1")] = "1"
