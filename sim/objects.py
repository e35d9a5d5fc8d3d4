"""What stands or drives on a track besides the cars: boxes to avoid, bots to overtake; and the types of race.

Defaults and limits are those of DeepRacer's console and of its simulator (SimApp 6, `obstacles_agent_ctrl` and
`bot_cars_agent_ctrl`). Places along the track are fractions of the lap in the direction in which it is driven.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from numbers import Integral
from typing import Any, Literal

INNER, OUTER = 1, -1
"""The lanes, half way between the centre line and each border, by the real simulator's numbers."""
LANES = {"inner": INNER, "outer": OUTER}

MOST_BOXES = 20
MOST_BOTS = 6
BOT_SPEEDS_MPS = (0.2, 7.0)
TRAINING_LANE_CHANGE_S = (1.0, 5.0)
RACE_LANE_CHANGE_S = (3.0, 5.0)
MOST_COMPANY = 64

Others = Literal["absent", "seen", "solid"]
"""Whether the cars of a world share the track: each is alone; they see each other and drive through each other; or
they run into each other too."""
OTHERS: tuple[Others, ...] = ("absent", "seen", "solid")


class RaceType(StrEnum):
    """What a race, a training or an evaluation is about."""

    TIME_TRIAL = "time-trial"
    OBJECT_AVOIDANCE = "object-avoidance"
    HEAD_TO_BOT = "head-to-bot"


class ObjectsError(ValueError):
    """Boxes or bots that cannot be; the message is one line."""


@dataclass(frozen=True)
class Boxes:
    """Boxes of 0.4 x 0.3 x 0.25 m that stand in the lanes; a car runs into a rectangle of 0.5 x 0.4 m round each.

    `places` are (fraction of the lap, lane), lane 1 the inner and -1 the outer one. Without them `count` boxes are
    placed anew for each episode between the fractions `first` and `last` of the lap, never within `minimum_gap_m` of
    the start line nor in the last metre: evenly spaced, and with `random` (from the world's seed) each then moved to
    anywhere between its neighbours that keeps the gap, in a lane that is drawn. Without `random` lanes alternate,
    beginning with the inner one.
    """

    count: int = 0
    places: tuple[tuple[float, int], ...] = ()
    random: bool = True
    first: float = 0.07
    last: float = 0.90
    minimum_gap_m: float = 2.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", tuple((float(fraction), lane) for fraction, lane in self.places))
        if self.places and self.count not in (0, len(self.places)):
            raise ObjectsError("give boxes a count or places, not both")
        object.__setattr__(self, "count", len(self.places) or self.count)
        _check_whole(self.count, "boxes")
        if not 1 <= self.count <= MOST_BOXES:
            raise ObjectsError(f"there are {self.count} boxes; there can be 1 to {MOST_BOXES}")
        for fraction, lane in self.places:
            if not 0.0 <= fraction < 1.0:
                raise ObjectsError(f"a box is at {fraction:g} of the lap; it must be 0 or more and less than 1")
            if lane not in (INNER, OUTER):
                raise ObjectsError(f"a box is in lane {lane}; lanes are 1 (inner) and -1 (outer)")
        object.__setattr__(self, "places", tuple((fraction, int(lane)) for fraction, lane in self.places))
        if not 0.0 <= self.first <= self.last <= 1.0:
            raise ObjectsError(f"boxes are placed from {self.first:g} to {self.last:g}; fractions rise from 0 to 1")
        if not 0.5 <= self.minimum_gap_m <= 100.0:
            raise ObjectsError(f"minimum_gap_m is {self.minimum_gap_m:g}; it must be 0.5 to 100")


@dataclass(frozen=True)
class Bots:
    """Cars that drive at `speed_mps` in their lane and now and then change it, smoothly over one metre.

    They start evenly spaced between `minimum_gap_m` and a metre before the line in alternating lanes, the inner one
    first; with `random` moved and in lanes drawn, as boxes are. Between two changes of lane each drives straight for a
    time drawn evenly from `lane_change_s`; None keeps it in its lane. A bot that drives into a car from behind stands
    for 2 s, and the others with it.
    """

    count: int
    speed_mps: float = 0.2
    lane_change_s: tuple[float, float] | None = TRAINING_LANE_CHANGE_S
    random: bool = False
    minimum_gap_m: float = 2.0

    def __post_init__(self) -> None:
        _check_whole(self.count, "bots")
        if not 1 <= self.count <= MOST_BOTS:
            raise ObjectsError(f"there are {self.count} bots; there can be 1 to {MOST_BOTS}")
        slowest, fastest = BOT_SPEEDS_MPS
        if not slowest <= self.speed_mps <= fastest:
            raise ObjectsError(f"bots drive {self.speed_mps:g} m/s; it must be {slowest:g} to {fastest:g}")
        if self.lane_change_s is not None:
            least, most = self.lane_change_s
            object.__setattr__(self, "lane_change_s", (float(least), float(most)))
            if not 0.0 < least <= most <= 3600.0:
                raise ObjectsError(f"bots change lanes after {least:g} to {most:g} s; say it as rising seconds above 0")
        if not 0.5 <= self.minimum_gap_m <= 100.0:
            raise ObjectsError(f"minimum_gap_m is {self.minimum_gap_m:g}; it must be 0.5 to 100")


TrackObjects = Boxes | Bots


def _check_whole(count: int, what: str) -> None:
    if not isinstance(count, Integral):
        raise ObjectsError(f"there are {count!r} {what}; it must be a whole number")


def race_type(objects: TrackObjects | None) -> RaceType:
    """The type of race that these objects make."""
    if objects is None:
        return RaceType.TIME_TRIAL
    return RaceType.OBJECT_AVOIDANCE if isinstance(objects, Boxes) else RaceType.HEAD_TO_BOT


def objects_json(objects: TrackObjects | None) -> dict[str, Any]:
    """As plain data, with `race_type`; `objects_from_json` gives equal objects back."""
    settings = {} if objects is None else asdict(objects)
    return {"race_type": str(race_type(objects)), **settings}


def objects_from_json(data: dict[str, Any]) -> TrackObjects | None:
    """The inverse of `objects_json`, also after a trip through JSON text. ObjectsError for anything else."""
    settings = {key: value for key, value in data.items() if key != "race_type"}
    try:
        kind = RaceType(data.get("race_type", RaceType.TIME_TRIAL))
        if kind is RaceType.OBJECT_AVOIDANCE:
            return Boxes(**{**settings, "places": tuple((at, lane) for at, lane in settings.get("places", ()))})
        if kind is RaceType.HEAD_TO_BOT:
            pause = settings.get("lane_change_s", TRAINING_LANE_CHANGE_S)
            return Bots(**{**settings, "lane_change_s": None if pause is None else tuple(pause)})
    except ObjectsError:
        raise
    except (TypeError, ValueError) as error:
        raise ObjectsError(f"these are no objects of a race: {error}") from None
    if settings:
        raise ObjectsError(f"a time trial has no {', '.join(sorted(settings))}")
    return None


def boxes_at(text: str) -> Boxes:
    """Boxes from a number, "3", or from places as the real simulator writes them: "0.2,1;0.55,-1".

    ObjectsError says what is expected.
    """
    try:
        if "," not in text:
            return Boxes(int(text))
        places = [place.split(",") for place in text.split(";") if place.strip()]
        return Boxes(places=tuple((float(fraction), int(lane)) for fraction, lane in places))
    except ObjectsError:
        raise
    except ValueError:
        message = f'{text!r} are no boxes: give a number, or "fraction,lane" with semicolons between, lane 1 or -1'
        raise ObjectsError(message) from None


def core_settings(objects: TrackObjects | None, others: Others) -> dict[str, Any] | None:
    """What the native core is told; None where every car is alone on an empty track. TypeError for other objects."""
    if objects is not None and not isinstance(objects, Boxes | Bots):
        raise TypeError(f"objects is {objects!r}; it must be Boxes or Bots")
    if objects is None and others == "absent":
        return None
    boxes = objects if isinstance(objects, Boxes) else None
    bots = objects if isinstance(objects, Bots) else None
    least_s, most_s = (bots.lane_change_s if bots else None) or TRAINING_LANE_CHANGE_S
    return {
        "box_places": list(boxes.places) if boxes else [],
        "boxes": boxes.count if boxes else 0,
        "boxes_random": boxes.random if boxes else False,
        "boxes_from": boxes.first if boxes else 0.0,
        "boxes_to": boxes.last if boxes else 1.0,
        "boxes_gap_m": boxes.minimum_gap_m if boxes else 2.0,
        "bots": bots.count if bots else 0,
        "bots_random": bots.random if bots else False,
        "bots_speed_mps": bots.speed_mps if bots else 0.2,
        "bots_change_lanes": bots is not None and bots.lane_change_s is not None,
        "bots_straight_least_s": least_s,
        "bots_straight_most_s": most_s,
        "bots_gap_m": bots.minimum_gap_m if bots else 2.0,
        "others": OTHERS.index(others),
    }
