"""Processor time, seconds."""

from __future__ import annotations

import resource
from pathlib import Path


def spent_s() -> float:
    """Of this process with all its threads, and of its processes that have ended, such as a sandbox."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def spent_by_s(pid: int) -> float:
    """Of another process so far, to the nanosecond (proc(5) and sched-stats.rst: the file's first number)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) * 1e-9
