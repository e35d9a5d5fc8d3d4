"""Trying a reward function for somebody who waits for the answer in the editor."""

from __future__ import annotations

from typing import Any

from jobs import workplace
from jobs.sandbox import SandboxUnavailable, check_reward_function
from sim.objects import Bots, Boxes, RaceType, TrackObjects
from sim.track import Direction

AMONG: dict[RaceType, TrackObjects | None] = {
    RaceType.TIME_TRIAL: None,
    RaceType.OBJECT_AVOIDANCE: Boxes(3),
    RaceType.HEAD_TO_BOT: Bots(2),
}
"""What a race of each type is tried with: as many as the shortest tracks have room for."""


def run(code: str, track: str, direction: str, race_type: str = RaceType.TIME_TRIAL) -> dict[str, Any]:
    """The entrance for the queue: `RewardCheck.to_json()` of a dry run on real states of the track.

    A race of the type says what stands or drives there.
    """
    place = workplace.current()
    try:
        check = check_reward_function(
            code,
            place.tracks.get(track),
            Direction(direction),
            objects=AMONG[RaceType(race_type)],
            accept_missing=workplace.accepted_missing(place.settings),
        )
    except (SandboxUnavailable, ValueError) as error:
        problem = {"line": None, "message": str(error), "kind": "runtime"}
        return {"ok": False, "problems": [problem], "rewards": [0.0, 0.0, 0.0], "samples": [], "warnings": []}
    return check.to_json()
