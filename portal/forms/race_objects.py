"""The type of a race as its form says it: boxes and where they stand, bots and how they drive."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from portal.forms.numbers import decimal, sentence, whole
from portal.forms.parsing import FormErrors, SubmittedForm
from sim.objects import (
    BOT_SPEEDS_MPS,
    INNER,
    LANES,
    MOST_BOTS,
    MOST_BOXES,
    RACE_LANE_CHANGE_S,
    Bots,
    Boxes,
    ObjectsError,
    RaceType,
    TrackObjects,
)

USUAL_COUNT = 3
LONGEST_LANE_CHANGE_S = 3600
PLACE = re.compile(r"(\d{1,3}(?:[.,]\d{1,6})?)\s*%?[\s,]\s*([a-z]+)", re.IGNORECASE)
AN_EXAMPLE = "a place along the lap in per cent and a lane, such as 35 inner"


class Placing(StrEnum):
    """How objects come to their places."""

    RANDOM = "random"
    EVEN = "even"
    CHOSEN = "chosen"


class RaceObjectsForm(SubmittedForm):
    """Fields as typed; only those of the chosen type are looked at, so that no other one can be wrong."""

    race_type: RaceType = RaceType.TIME_TRIAL
    boxes: str = str(USUAL_COUNT)
    box_placing: Placing = Placing.RANDOM
    box_places: str = ""
    bots: str = str(USUAL_COUNT)
    bot_placing: Placing = Placing.EVEN
    bot_speed_mps: str = str(BOT_SPEEDS_MPS[0])
    lane_change_least_s: str = str(RACE_LANE_CHANGE_S[0])
    lane_change_most_s: str = str(RACE_LANE_CHANGE_S[1])

    def objects(self) -> TrackObjects | None:
        """The boxes or bots. Raises FormErrors with the field that is wrong."""
        try:
            if self.race_type is RaceType.OBJECT_AVOIDANCE:
                return self._boxes()
            return self._bots() if self.race_type is RaceType.HEAD_TO_BOT else None
        except ObjectsError as error:
            raise FormErrors({"race_type": sentence(str(error))}) from None

    def _boxes(self) -> Boxes:
        if self.box_placing is Placing.CHOSEN:
            return Boxes(places=_places(self.box_places))
        return Boxes(_count("boxes", self.boxes, MOST_BOXES), random=self.box_placing is Placing.RANDOM)

    def _bots(self) -> Bots:
        slowest, fastest = BOT_SPEEDS_MPS
        least = _number("lane_change_least_s", self.lane_change_least_s, 0, LONGEST_LANE_CHANGE_S, "seconds")
        most = _number("lane_change_most_s", self.lane_change_most_s, 0, LONGEST_LANE_CHANGE_S, "seconds")
        if not (least == most == 0 or 0 < least <= most):
            message = "Write at least as many seconds as the shortest time, or 0 in both: then they keep their lanes."
            raise FormErrors({"lane_change_most_s": message})
        return Bots(
            _count("bots", self.bots, MOST_BOTS),
            _number("bot_speed_mps", self.bot_speed_mps, slowest, fastest, "m/s"),
            (least, most) if most else None,
            random=self.bot_placing is Placing.RANDOM,
        )


def _count(field: str, text: str, most: int) -> int:
    try:
        count = whole(text)
    except ValueError:
        count = 0
    if not 1 <= count <= most:
        raise FormErrors({field: f"Write a whole number from 1 to {most}."})
    return count


def _number(field: str, text: str, low: float, high: float, unit: str) -> float:
    try:
        number = decimal(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise FormErrors({field: f"Write {unit} from {low:g} to {high:g}."})
    return number


def _places(text: str) -> tuple[tuple[float, int], ...]:
    """One box a line (or between semicolons): per cent of the lap, and the lane."""
    lines = [line.strip() for line in re.split(r"[;\n]", text) if line.strip()]
    if not 1 <= len(lines) <= MOST_BOXES:
        raise FormErrors({"box_places": f"Write 1 to {MOST_BOXES} boxes, each on a line: {AN_EXAMPLE}."})
    return tuple(_place(line) for line in lines)


def _place(line: str) -> tuple[float, int]:
    found = PLACE.fullmatch(line)
    try:
        percent = Decimal(found[1].replace(",", ".")) if found else Decimal(-1)
    except InvalidOperation:
        percent = Decimal(-1)
    if found is None or found[2].lower() not in LANES or not 0 <= percent < 100:
        raise FormErrors(
            {"box_places": f"“{line[:40]}” is no box. Write {AN_EXAMPLE}; below 100, lane inner or outer."}
        )
    return float(percent / 100), LANES[found[2].lower()]


def values_of_objects(objects: TrackObjects | None) -> dict[str, str]:
    """Objects as the fields of the form show them; those of other types as a new form has them."""
    fields = RaceObjectsForm.model_fields
    values = {name: str(field.default) for name, field in fields.items()}
    if isinstance(objects, Boxes):
        placing = Placing.CHOSEN if objects.places else Placing.RANDOM if objects.random else Placing.EVEN
        values |= {
            "race_type": RaceType.OBJECT_AVOIDANCE,
            "boxes": str(objects.count),
            "box_placing": placing,
            "box_places": "\n".join(f"{_percent(at)} {_lane(lane)}" for at, lane in objects.places),
        }
    elif isinstance(objects, Bots):
        least, most = objects.lane_change_s or (0.0, 0.0)
        values |= {
            "race_type": RaceType.HEAD_TO_BOT,
            "bots": str(objects.count),
            "bot_placing": Placing.RANDOM if objects.random else Placing.EVEN,
            "bot_speed_mps": f"{objects.speed_mps:g}",
            "lane_change_least_s": f"{least:g}",
            "lane_change_most_s": f"{most:g}",
        }
    return {name: str(value) for name, value in values.items()}


def _percent(fraction: float) -> str:
    return f"{round(fraction * 100, 6):.8g}"


def _lane(lane: int) -> str:
    return "inner" if lane == INNER else "outer"


OBJECT_FIELDS: tuple[str, ...] = tuple(RaceObjectsForm.model_fields)
