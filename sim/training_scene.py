"""What a training has besides track, car, reward function and hyperparameters: four choices, each by a name.

They are stored only where they are not the usual ones, so that what was stored before there was a choice keeps its
meaning.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, TypedDict, cast

from sim.best_choice import BEST_BY, USUAL_BEST_BY
from sim.looks import LOOKS, USUAL_LOOK
from sim.randomisation import RANDOMISATIONS, USUAL_RANDOMISATION
from sim.starts import STARTS, USUAL_STARTS


class Scene(TypedDict, total=False):
    """Each choice that was made."""

    look: str
    randomisation: str
    starts: str
    best_by: str


class Choice(NamedTuple):
    """The names that there are, and the usual one."""

    names: Collection[str]
    usual: str


CHOICES: dict[str, Choice] = {
    "look": Choice(LOOKS, USUAL_LOOK),
    "randomisation": Choice(RANDOMISATIONS, USUAL_RANDOMISATION),
    "starts": Choice(STARTS, USUAL_STARTS),
    "best_by": Choice(BEST_BY, USUAL_BEST_BY),
}


def scene_of(said: Mapping[str, Any]) -> Scene:
    """Every choice, whatever else is said; the usual one where nothing is. Names are not checked."""
    return cast(Scene, {field: str(said.get(field, choice.usual)) for field, choice in CHOICES.items()})


def scene_in(thing: object) -> Scene:
    """The choices of something that has each as an attribute."""
    return cast(Scene, {field: getattr(thing, field) for field in CHOICES})


def unusual(scene: Scene) -> dict[str, str]:
    """What is stored of them."""
    said: Mapping[str, Any] = scene
    return {field: said[field] for field in CHOICES if field in said and said[field] != CHOICES[field].usual}
