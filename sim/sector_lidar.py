"""The LIDAR inputs that tell of sectors: whether something is near in each, or in which of some steps of distance.

As the real simulator's observation filters make them of the 64 beams (`ObservationBinarySectorFilter` and
`ObservationSectorDiscretizeFilter`): the beams are cut into sectors from right to left, and the nearest thing in a
sector is its distance.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.car import Car, CarError
from sim.native import _core
from sim.sensors import DISCRETIZED_SECTOR_LIDAR, SECTOR_LIDAR

BEAMS: int = _core.BEAM_COUNT
NEAREST_M, FARTHEST_M = 0.15, 12.0
MOST_STEPS = 64


@dataclass(frozen=True)
class Sectors:
    """`count` sectors. Without `steps` each gives 1 where something is nearer than `clip_m`, else 0. With them each
    gives that many numbers, a 1 at the step of clip_m / steps in which the nearest thing is, all 0 where it is farther.
    """

    count: int = 8
    steps: int = 0
    clip_m: float = 0.5

    def __post_init__(self) -> None:
        if self.count < 1 or BEAMS % self.count:
            raise ValueError(f"there are {self.count} sectors; it must be 1, 2, 4, 8, 16, 32 or 64")
        if not 0 <= self.steps <= MOST_STEPS:
            raise ValueError(f"a sector has {self.steps} steps; it must be 0 to {MOST_STEPS}")
        if not NEAREST_M <= self.clip_m <= FARTHEST_M:
            raise ValueError(f"sectors see {self.clip_m:g} m far; it must be {NEAREST_M:g} to {FARTHEST_M:g}")

    @property
    def width(self) -> int:
        """How many numbers a car gets."""
        return self.count * max(1, self.steps)


def sectors_of(car: Car) -> Sectors | None:
    """What the car's LIDAR makes of its beams; None where it gives the beams themselves, or there is none.

    The 8 sectors of 8 steps up to 2 m can be others by the file's `lidar_config`, as in the real simulator. CarError
    where it cannot be.
    """
    if SECTOR_LIDAR in car.sensors:
        return Sectors()
    if DISCRETIZED_SECTOR_LIDAR not in car.sensors:
        return None
    config = dict(car.lidar_config or ())
    count, steps = config.get("num_sectors", 8), config.get("num_values_per_sector", 8)
    try:
        if count != int(count) or steps != int(steps) or steps < 1:
            raise ValueError("sectors and their steps are whole numbers of at least 1")
        return Sectors(int(count), int(steps), float(config.get("clipping_dist", 2.0)))
    except (ValueError, OverflowError) as error:
        raise CarError("lidar_config", str(error)) from None
