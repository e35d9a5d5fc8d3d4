"""Which cars may enter a race: by their sensors and by their kind of action space."""

from __future__ import annotations

from portal.rules.broken import Code, RuleBroken
from portal.tables import Model, Race
from sim.action_space import ContinuousActionSpace
from sim.car import Car, CarError
from sim.sensors import SENSORS

DISCRETE, CONTINUOUS = "discrete", "continuous"
ACTION_SPACES = {DISCRETE: "a list of actions", CONTINUOUS: "ranges of steering and speed"}


def check(race: Race) -> None:
    """Refuses (invalid) sensors and action spaces that do not exist."""
    unknown = [name for name in race.sensors if name not in SENSORS]
    if unknown:
        raise RuleBroken(Code.INVALID, f"There is no sensor {unknown[0]}. Choose from the list.", "sensors")
    if not set(race.action_spaces) <= set(ACTION_SPACES):
        raise RuleBroken(Code.INVALID, "An action space is discrete or continuous.", "action_spaces")


def titles(race: Race) -> list[str]:
    """The sensors that are allowed, as people call them; empty where any is."""
    return [SENSORS[name].title for name in race.sensors if name in SENSORS]


def why_not(race: Race, model: Model) -> str:
    """Why a model's car may not enter this race; empty where it may."""
    if not race.sensors and not race.action_spaces:
        return ""
    try:
        car = Car.from_metadata(model.car_metadata)
    except CarError:
        return "Its car cannot be read. Make the model again."
    foreign = [sensor.title for sensor in car.sensors if race.sensors and sensor.name not in race.sensors]
    if foreign:
        return f"Its car carries {' and '.join(foreign)}; this race allows {' or '.join(titles(race))} alone."
    kind = CONTINUOUS if isinstance(car.action_space, ContinuousActionSpace) else DISCRETE
    if race.action_spaces and kind not in race.action_spaces:
        wanted = " or ".join(race.action_spaces)
        return f"Its car has a {kind} action space; this race allows a {wanted} one."
    return ""
