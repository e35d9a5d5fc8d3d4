"""How long a new process needs until it can step a world."""

from __future__ import annotations

import subprocess
import sys

from bench.rows import Row

STARTS = 9
SCRIPT = """
import time
import numpy
start = time.process_time()
from sim.track_library import TrackLibrary
from sim.world import World
World(TrackLibrary().get("paddock-oval"), 256, seed=0)
print(time.process_time() - start)
"""


def start_up() -> Row:
    """Processor time of loading the simulator and making one track and a world on it, in ms, beside that of NumPy.

    The best of a few processes; the first may still compile Python's modules.
    """
    command = [sys.executable, "-c", SCRIPT]
    done = [subprocess.run(command, capture_output=True, check=True) for _ in range(STARTS)]  # noqa: S603
    best = min(float(process.stdout) for process in done)
    return Row("start: module, one track, 256 cars", 1000.0 * best, "ms", "goal:", 50.0)
