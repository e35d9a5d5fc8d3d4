"""Where the boxes and bots of a race stand when it starts: they follow from the track, the direction and the seed."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, degrees, radians, sin

from sim.episode import EpisodeRules
from sim.objects import TrackObjects
from sim.reward_state import OBJECT_COLUMN, OBJECT_KINDS
from sim.top_view import CAR_LENGTH_M, CAR_WIDTH_M
from sim.track import Direction, Track
from sim.world import World

BOX_LENGTH_M, BOX_WIDTH_M = 0.5, 0.4
"""The rectangle of a box that a car runs into, along and across the lane."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One object: its centre in metres in the track's frame, its heading, and whether it is a bot."""

    x_m: float
    y_m: float
    heading_deg: float
    is_bot: bool

    def corners(self) -> tuple[tuple[float, float], ...]:
        """Its rectangle's four corners in metres."""
        long, wide = (CAR_LENGTH_M, CAR_WIDTH_M) if self.is_bot else (BOX_LENGTH_M, BOX_WIDTH_M)
        turn = radians(self.heading_deg)
        c, s = cos(turn), sin(turn)
        offsets = ((long, wide), (long, -wide), (-long, -wide), (-long, wide))
        return tuple((self.x_m + 0.5 * (c * a - s * b), self.y_m + 0.5 * (s * a + c * b)) for a, b in offsets)


def at_the_start(track: Track, direction: Direction, objects: TrackObjects | None, seed: int) -> tuple[Placed, ...]:
    """The objects of a race as its run begins, on `track` as it is stored.

    ValueError where the track is too short for them, or for a seed that cannot be.
    """
    if objects is None:
        return ()
    world = World(track.driven(direction), 1, seed=seed, rules=EpisodeRules.racing(), objects=objects)
    return tuple(
        Placed(
            float(row[OBJECT_COLUMN["x"]]),
            float(row[OBJECT_COLUMN["y"]]),
            degrees(float(row[OBJECT_COLUMN["yaw"]])),
            OBJECT_KINDS[int(row[OBJECT_COLUMN["kind"]])] == "bot",
        )
        for row in world.objects[0]
    )
