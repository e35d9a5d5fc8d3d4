"""What stands or drives on the track of a race: its type, and boxes or bots, as they are stored."""

from __future__ import annotations

import json
from typing import Any

from portal.rules.broken import Code, RuleBroken
from portal.tables import Evaluation, Race
from sim.objects import ObjectsError, RaceType, TrackObjects, objects_from_json, objects_json, race_type


def of(stored: Race | Evaluation) -> TrackObjects | None:
    """The boxes or bots of a race or an evaluation; None where the track is clear."""
    return objects_from_json(stored.objects)


def type_of(race: Race) -> RaceType:
    return race_type(of(race))


def stored(objects: TrackObjects | None) -> dict[str, Any]:
    """As a race keeps them, plain JSON; a time trial keeps nothing."""
    kept: dict[str, Any] = {} if objects is None else json.loads(json.dumps(objects_json(objects)))
    return kept


def check(race: Race) -> None:
    """Refuses (invalid) objects that no race can have."""
    try:
        of(race)
    except ObjectsError as error:
        message = f"{error}."
        raise RuleBroken(Code.INVALID, message[:1].upper() + message[1:], "race_type") from None
