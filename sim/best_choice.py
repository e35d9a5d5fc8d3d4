"""By which of an iteration's two evaluations the policy is chosen that a training keeps."""

from __future__ import annotations

BEST_BY: dict[str, str] = {
    "laps": "Completion from 16 starts, then the fastest lap",
    "race": "Three laps in one go with penalties, as a race scores them",
}
"""Name and what it means, for people."""

USUAL_BEST_BY = "laps"


def checked_best_by(name: str) -> str:
    """The name itself; ValueError names the known ones."""
    if name not in BEST_BY:
        raise ValueError(f"best by {name!r} cannot be; choose from {', '.join(BEST_BY)}")
    return name
