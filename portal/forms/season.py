"""What an organizer may say about a season."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from portal.forms.parsing import SubmittedForm
from portal.rules.names import LONGEST_NAME
from portal.rules.seasons import MOST_PLACES, SeasonDetails

LONGEST_DESCRIPTION = 255
LONGEST_NUMBER = 5


def _points(text: object) -> object:
    parts = [part for part in re.split(r"[\s,;]+", str(text)) if part]
    whole = all(part.isascii() and part.isdecimal() and len(part) <= LONGEST_NUMBER for part in parts)
    if not parts or not whole:
        raise ValueError("Write whole numbers with spaces between, the winner's first: 25 18 15 12 10.")
    if len(parts) > MOST_PLACES:
        raise ValueError(f"Give points for 1 to {MOST_PLACES} places.")
    return [int(part) for part in parts]


class SeasonForm(SubmittedForm):
    """Name, points by place, and the races."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    description: str = Field(default="", max_length=LONGEST_DESCRIPTION)
    points: Annotated[list[int], BeforeValidator(_points)]
    races: list[str] = Field(default_factory=list)

    def details(self) -> SeasonDetails:
        return SeasonDetails(self.name, self.description, self.points, self.races)
