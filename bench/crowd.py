"""Many processes that ask at once, and what came of each question."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bench.rows import Row

GRANTED, REFUSED = "granted", "refused"
PATIENCE_S = 600.0

Ask = Callable[[int], str]
"""One question, by its number: GRANTED, REFUSED, or what went wrong."""
Begin = Callable[[int], Ask]
"""Makes a process ready to ask, by its number: its own connections, its own cookies."""


@dataclass
class Answers:
    """Every answer of all processes: how long each took (s), and what it was."""

    took_s: list[float] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)
    wall_s: float = 0.0

    @property
    def granted(self) -> int:
        return self.said[GRANTED]

    def rows(self, name: str, limit: int, lost: int) -> list[Row]:
        """`lost` is by how much what is stored differs from what was granted."""
        errors = {what: times for what, times in self.said.items() if what not in (GRANTED, REFUSED)}
        told = "; ".join(f"{times} times {what}" for what, times in errors.items())
        p50, p99 = (round(float(np.percentile(self.took_s, share)) * 1000, 1) for share in (50, 99))
        return [
            Row(f"{name}: granted", self.granted, "requests", "the limit:", limit),
            Row(f"{name}: refused", self.said[REFUSED], "requests", "the others:", len(self.took_s) - limit),
            Row(f"{name}: errors", sum(errors.values()), "requests", told or "goal:", None if told else 0),
            Row(f"{name}: lost updates", lost, "requests", "goal:", 0),
            Row(f"{name}: latency, median", p50, "ms"),
            Row(f"{name}: latency, p99", p99, "ms"),
            Row(f"{name}: wall", round(self.wall_s, 2), "s"),
        ]


def ask(begin: Begin, processes: int, questions: int) -> Answers:
    """Lets so many processes ask so many questions each, all beginning at one moment."""
    context = multiprocessing.get_context("fork")
    start, answers = context.Barrier(processes + 1), context.Queue()
    crowd = [
        context.Process(target=_ask, args=(begin, number, questions, start, answers), daemon=True)
        for number in range(processes)
    ]
    for process in crowd:
        process.start()
    start.wait(PATIENCE_S)
    began, all_answers = time.perf_counter(), Answers()
    for _ in crowd:
        took_s, said = answers.get(timeout=PATIENCE_S)
        all_answers.took_s += took_s
        all_answers.said += said
    all_answers.wall_s = time.perf_counter() - began
    for process in crowd:
        process.join()
    return all_answers


def _ask(begin: Begin, number: int, questions: int, start: object, answers: object) -> None:
    ask_one, took_s, said = begin(number), [], Counter[str]()
    start.wait(PATIENCE_S)  # type: ignore[attr-defined]
    for question in range(questions):
        began = time.perf_counter()
        try:
            said[ask_one(question)] += 1
        except Exception as error:  # what would reach a user is what is counted here
            said[f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"] += 1
        took_s.append(time.perf_counter() - began)
    answers.put((took_s, said))  # type: ignore[attr-defined]
