"""What became of one try to deliver something."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """An empty error means that it arrived; `for_good` that no further try can help."""

    error: str = ""
    for_good: bool = False
    status: int | None = None
    """The HTTP status of a web hook's answer."""


ARRIVED = Outcome()
