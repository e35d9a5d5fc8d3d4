"""How long a new process needs until it can step a world."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from bench.rows import Row

STARTS = 9
GOAL_MS = 50.0
SCRIPT = """
import time
begin = time.process_time()
import numpy
start = time.process_time()
from sim.track_library import TrackLibrary
from sim.world import World
World(TrackLibrary().get("paddock-oval"), 256, seed=0)
print(start - begin, time.process_time() - start)
"""
"""What counts is what Paddock adds: NumPy is loaded before, and its own time stands beside."""


def start_up() -> list[Row]:
    """Processor time of loading the simulator and making one track and a world on it, in ms.

    Python's modules are compiled by a start before, as on any machine that has started once, whatever this process is
    told about writing them.
    """
    with tempfile.TemporaryDirectory(prefix="paddock-start-") as folder:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder
        _start(environment)
        starts = [_start(environment) for _ in range(STARTS)]
    numpy_ms = [ms for ms, _ in starts]
    own_ms = [ms for _, ms in starts]
    clock = "processor"
    return [
        Row(
            "start: module, one track, 256 cars", min(own_ms), "ms", "goal:", GOAL_MS, statistics.median(own_ms), clock
        ),
        Row("start: NumPy, before it", min(numpy_ms), "ms", median=statistics.median(numpy_ms), clock=clock),
    ]


def _start(environment: dict[str, str]) -> tuple[float, float]:
    """Milliseconds for NumPy, and for the simulator after it."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True, env=environment)  # noqa: S603
    numpy_s, own_s = done.stdout.split()
    return 1000.0 * float(numpy_s), 1000.0 * float(own_s)
