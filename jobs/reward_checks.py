"""Trying a reward function for somebody who waits for the answer in the editor."""

from __future__ import annotations

from typing import Any

from jobs import workplace
from jobs.sandbox import SandboxUnavailable, check_reward_function
from sim.track import Direction


def run(code: str, track: str, direction: str) -> dict[str, Any]:
    """The entrance for the queue: `RewardCheck.to_json()` of a dry run on real states of the track."""
    place = workplace.current()
    try:
        check = check_reward_function(
            code,
            place.tracks.get(track),
            Direction(direction),
            accept_missing=workplace.accepted_missing(place.settings),
        )
    except (SandboxUnavailable, ValueError) as error:
        problem = {"line": None, "message": str(error), "kind": "runtime"}
        return {"ok": False, "problems": [problem], "rewards": [0.0, 0.0, 0.0], "samples": [], "warnings": []}
    return check.to_json()
