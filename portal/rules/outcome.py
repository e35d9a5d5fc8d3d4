"""What came of one thing done to several racers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from portal.tables import Racer

CHANGED_SINCE = "Something was changed again since; left as it is."
"""Why somebody is left out of an undo."""


def new_batch() -> str:
    """A name for what is done together, so that it can be undone together: 64 random bits in hexadecimal."""
    return secrets.token_hex(8)


@dataclass(slots=True)
class Outcome:
    """Who was changed, for whom it was so already, and who could not be changed and why."""

    changed: list[Racer] = field(default_factory=list)
    same: list[Racer] = field(default_factory=list)
    refused: list[tuple[Racer, str]] = field(default_factory=list)

    def reasons(self) -> dict[str, list[Racer]]:
        """The refused by the sentence that says why."""
        found: dict[str, list[Racer]] = {}
        for racer, message in self.refused:
            found.setdefault(message, []).append(racer)
        return found
