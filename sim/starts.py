"""Where the episodes of a training begin: rules that a racer chooses from."""

from __future__ import annotations

STARTS: dict[str, str] = {
    "advance": "Each a twentieth of the lap further on",
    "random": "Anywhere on the lap",
    "hard-places": "Half of them a little before places where cars went off",
}
"""Name and what it means, for people. `advance` is what the console did; `hard-places` is a curriculum that the cars'
own mistakes write. An open track has one start, whatever is chosen."""

USUAL_STARTS = "advance"


def checked_starts(name: str) -> str:
    """The name itself; ValueError names the known ones."""
    if name not in STARTS:
        raise ValueError(f"there are no starts {name!r}; known are {', '.join(STARTS)}")
    return name
