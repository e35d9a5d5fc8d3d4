"""What the editor of a reward function offers: examples, the parameters, and an answer from the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from portal import reward_check, scope
from portal.forms.parsing import parse
from portal.forms.reward_function import CheckForm
from sim.objects import RaceType
from sim.reward_examples import DEFAULT_EXAMPLE, EXAMPLES
from sim.reward_parameters import REWARD_PARAMETERS, RewardParameter

DEFAULT_CODE = DEFAULT_EXAMPLE.code
WAIT_S = 10.0
HELP = ("example", "reset", "validate")
"""Values of the button `do` that change or try the code and save nothing."""
CHECKS_PER_MINUTE = "20 per minute"
MOST_COLUMNS = ("progress", "steps", "speed", "steering_angle", "distance_from_center", "all_wheels_on_track")
"""Parameters that the table of samples shows."""


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that one picture explains; `name` is the picture's."""

    name: str
    title: str
    parameters: tuple[RewardParameter, ...]


def _group(name: str, title: str, names: str) -> Group:
    known = {parameter.name: parameter for parameter in REWARD_PARAMETERS}
    return Group(name, title, tuple(known[parameter] for parameter in names.split()))


GROUPS: tuple[Group, ...] = (
    _group("place", "Where the car is", "x y heading distance_from_center is_left_of_center track_width"),
    _group("borders", "On the track or off it", "all_wheels_on_track is_offtrack"),
    _group("way", "The way ahead", "waypoints closest_waypoints is_reversed"),
    _group("progress", "How far it has come", "progress steps track_length projection_distance sim_time"),
    _group("command", "What the car was told to do", "speed steering_angle"),
    _group(
        "objects",
        "What is on the road",
        "closest_objects objects_location objects_distance objects_distance_from_center objects_left_of_center "
        "objects_heading objects_speed object_in_camera is_crashed",
    ),
)
"""Every parameter once, in the order of the page that explains them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sandbox said about some code; `check` is None where no worker answered in time."""

    check: dict[str, Any] | None
    race_type: RaceType = RaceType.TIME_TRIAL


def editor_context(reset_code: str = DEFAULT_CODE) -> dict[str, Any]:
    """What the editor shows besides the code; `reset_code` is what its Reset button goes back to."""
    return {
        "examples": EXAMPLES,
        "parameters": REWARD_PARAMETERS,
        "sample_columns": MOST_COLUMNS,
        "reset_code": reset_code,
    }


def is_no_validation() -> bool:
    """True for a submitted form that does not ask the sandbox, so that the limit is not for it."""
    return request.method != "POST" or request.form.get("do") != "validate"


def ask(form: CheckForm) -> Answer:
    """Asks a worker to try the code. Waits up to WAIT_S."""
    arguments = (form.code, form.track, form.direction.value, WAIT_S, form.race_type)
    return Answer(reward_check.ask(scope.redis(), *arguments), form.race_type)


def help_with_code(values: MultiDict[str, str], reset_to: str) -> Answer | None:
    """Does what the pressed button asks of the code in `values`. Raises FormErrors for code that cannot be tried."""
    match values.get("do"):
        case "example":
            named = {example.name: example for example in EXAMPLES}
            values["code"] = named.get(values.get("example", ""), DEFAULT_EXAMPLE).code
        case "reset":
            values["code"] = reset_to
        case "validate":
            return ask(parse(CheckForm, values))
    return None
