"""A crew of threads that computes the parts of one thing side by side.

How a thing is cut into parts never depends on how many threads there are, and what the parts give is put together in
their order: the bits are the same with one thread and with several. torch's own threads are not used for it: they wait
for each other by spinning, which on a busy machine takes many times as long as the work (they also cut sums by their
number); these sleep.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")
MOST_THREADS = 2
"""A network's update is cut into no more parts than this."""


class Crew:
    """Threads that live within a `with`, the caller's own among them. torch lets go of the interpreter while it
    computes. With one thread nothing is started."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._others = (
            ThreadPoolExecutor(threads - 1, "crew", initializer=torch.set_num_threads, initargs=(1,))
            if threads > 1
            else None
        )

    def share(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """What each of the jobs gives, in their order. Raises what one of them raised, once all have ended."""
        if self._others is None or len(jobs) < 2:
            return [job() for job in jobs]
        others = [self._others.submit(job) for job in jobs[1:]]
        try:
            first = jobs[0]()
        finally:
            for other in others:
                other.exception()  # waits
        return [first, *(other.result() for other in others)]

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        if self._others is not None:
            self._others.shutdown()


def threads_here() -> int:
    """As many as there are processors for this process, but no more than there are parts."""
    return min(MOST_THREADS, len(os.sched_getaffinity(0)))
