"""What a profile may say."""

from __future__ import annotations

import re
from functools import cache

from babel import Locale
from pydantic import field_validator

from portal.forms.parsing import SubmittedForm

COLOURS = ("teal", "blue", "purple", "pink", "red", "orange", "yellow", "green", "white", "black")
"""Of helmets; each is a CSS class `body-…` and `trim-…`."""
ALIAS = re.compile(r"[A-Za-z0-9-]{1,64}")
NOT_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})
"""Codes of CLDR's territories that ISO 3166-1 does not give to a country."""


@cache
def countries(language: str = "en") -> tuple[tuple[str, str], ...]:
    """Codes (ISO 3166-1 alpha-2) and names of all countries, in the order of their names."""
    names = Locale.parse(language).territories
    known = [(code, name) for code, name in names.items() if re.fullmatch("[A-Z]{2}", code)]
    return tuple(sorted((pair for pair in known if pair[0] not in NOT_COUNTRIES), key=lambda pair: pair[1]))


class ProfileForm(SubmittedForm):
    """Alias, country and helmet of a racer."""

    alias: str
    country: str = ""
    avatar_body: str
    avatar_trim: str

    @field_validator("alias")
    @classmethod
    def _alias(cls, value: str) -> str:
        if not ALIAS.fullmatch(value):
            raise ValueError("An alias has 1 to 64 letters, digits and hyphens, without spaces.")
        return value

    @field_validator("country")
    @classmethod
    def _country(cls, value: str) -> str:
        if value and value not in dict(countries()):
            raise ValueError("Choose a country from the list, or none.")
        return value

    @field_validator("avatar_body", "avatar_trim")
    @classmethod
    def _colour(cls, value: str) -> str:
        if value not in COLOURS:
            raise ValueError("Choose one of the colours.")
        return value
