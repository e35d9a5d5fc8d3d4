"""What sectors make of LIDAR beams, slow and obvious: one after the other, after SimApp's observation filters."""

from __future__ import annotations

import math

import numpy as np

from sim.sector_lidar import Sectors


def sectors_seen(beams_m: list[float], sectors: Sectors) -> list[float]:
    """Zeros and ones of all sectors, from the beams' distances from right to left.

    Beams are float32: one that was cut to `clip_m` met nothing, on whichever side of it the nearest float32 lies.
    """
    each, found = len(beams_m) // sectors.count, []
    for sector in range(sectors.count):
        nearest = min(beams_m[sector * each : (sector + 1) * each])
        near = nearest < float(np.float32(sectors.clip_m))
        if not sectors.steps:
            found.append(1.0 if near else 0.0)
            continue
        one_hot = [0.0] * (sectors.steps + 1)
        one_hot[math.floor(nearest / (sectors.clip_m / sectors.steps)) if near else -1] = 1.0
        found += one_hot[:-1]  # the last means that nothing is near
    return found
