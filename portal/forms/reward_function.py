"""A reward function as a form says it."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from portal.forms.parsing import SubmittedForm
from sim.objects import RaceType
from sim.track import Direction

MOST_CHARACTERS = 64 * 1024


class CheckForm(SubmittedForm):
    """Code to be tried on states of a track, among what a race of that type has on it."""

    model_config = ConfigDict(str_strip_whitespace=False, extra="ignore", frozen=True)

    code: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    track: str
    direction: Direction = Direction.COUNTERCLOCKWISE
    race_type: RaceType = RaceType.TIME_TRIAL
