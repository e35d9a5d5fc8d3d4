"""An evaluation as a form says it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from portal.forms.race_objects import RaceObjectsForm
from sim.track import Direction

MOST_LAPS = 10
MOST_PENALTY_S = 60
RACING_RESETS = 10_000
"""The console's number of resets in evaluations and races: as good as without a limit."""


class EvaluationForm(RaceObjectsForm):
    """Track, boxes or bots, laps and penalties. Not continuous: that many separate trials, each from the start."""

    track: str
    direction: Direction
    laps: int = Field(ge=1, le=MOST_LAPS)
    continuous: bool = False
    off_track_penalty_s: float = Field(ge=0, le=MOST_PENALTY_S, allow_inf_nan=False)
    collision_penalty_s: float = Field(ge=0, le=MOST_PENALTY_S, allow_inf_nan=False)
    seed: int | None = Field(default=None, ge=0, lt=2**31)

    def rules(self) -> dict[str, Any]:
        """The fields of `sim.episode.EpisodeRules` that this evaluation drives under."""
        return {
            "laps": self.laps,
            "continuous": self.continuous,
            "maximum_resets": RACING_RESETS,
            "off_track_penalty_s": self.off_track_penalty_s,
            "collision_penalty_s": self.collision_penalty_s,
        }
