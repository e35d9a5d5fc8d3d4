"""Reward functions to begin from, as data: the files beside this one are a racer's text, never imported.

Four follow the purposes of the examples that DeepRacer's console offered; the code is our own. `drive-fast` is for who
has laps and wants faster ones. Their file names are no module names, on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class RewardExample:
    """One example: `name` is its stable key, `title` and `text` are for people."""

    name: str
    title: str
    text: str

    @cached_property
    def code(self) -> str:
        """The Python source."""
        return (_FOLDER / f"{self.name}.py").read_text(encoding="utf-8")


EXAMPLES: tuple[RewardExample, ...] = (
    RewardExample(
        "follow-centre-line",
        "Follow the centre line",
        "Pays more the nearer the car is to the middle of the track. A calm start that learns soon.",
    ),
    RewardExample(
        "stay-inside-borders",
        "Stay inside the borders",
        "Pays while all wheels are on the track and leaves the line to the car. It may take its time.",
    ),
    RewardExample(
        "prevent-zig-zag",
        "Prevent zig-zag",
        "Follows the centre line and pays less for sharp steering, so that the car drives smoothly.",
    ),
    RewardExample(
        "drive-fast",
        "Drive fast",
        "Pays for every metre made along the track, so that who is round sooner earns more and finds a racing line.",
    ),
    RewardExample(
        "avoid-objects-and-bots",
        "Avoid objects and bots",
        "Pays for staying on the track and for keeping away from what stands or drives in the lane ahead.",
    ),
)
"""In the order in which they are offered; the first is the default of a new model."""

DEFAULT_EXAMPLE: RewardExample = EXAMPLES[0]
