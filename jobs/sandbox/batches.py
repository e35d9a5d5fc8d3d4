"""Batches of calls inside the sandbox: rows in shared memory become `params`, return values become rewards."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from jobs.sandbox.parameters import MakeParameters
from jobs.sandbox.protocol import MAXIMUM_PROBLEMS, MAXIMUM_REWARD, TIMED_ROWS, Layout
from jobs.sandbox.reward_code import RewardFunction, TookTooLong, describe, line_of_return, number

Row = tuple[int, int]
"""(index in the batch, car)."""

_LOOKED_AT = 1000
"""Failures of one batch that are described; the rest are only counted."""


class Problems:
    """What failed in one batch: one entry per kind and place, with the first row and a count."""

    def __init__(self) -> None:
        self.failed = 0
        self.entries: dict[tuple[object, ...], dict[str, Any]] = {}

    def note(self, error: BaseException, row: int | None, find_line: Callable[[], int | None]) -> None:
        """Count a failure, and describe it while there is room. `find_line` is asked for a bad reward's line."""
        self.failed += 1
        if self.failed > _LOOKED_AT:
            return
        kind, message, line = describe(error)
        if kind == "value":
            line = find_line()
        entry = self.entries.get((kind, line or message))
        if entry is not None:
            entry["count"] += 1
        elif len(self.entries) < MAXIMUM_PROBLEMS:
            described = {"kind": kind, "message": message, "line": line, "row": row, "count": 1}
            self.entries[kind, line or message] = described

    def report(self) -> dict[str, Any]:
        """As it is sent."""
        return {"failed": self.failed, "problems": list(self.entries.values())}


class Batches:
    """Runs batches over the shared memory, one function per car, under a timer.

    One group of 64 rows may take `deadline_s`, a whole batch of n rows `deadline_s + n * row_budget_s`.
    """

    def __init__(
        self,
        *,
        layout: Layout,
        memory: memoryview,
        functions: list[RewardFunction],
        make_parameters: MakeParameters,
        deadline_s: float,
        row_budget_s: float,
    ) -> None:
        self._rewards = memory[layout.rewards].cast("d")
        self._cars = memory[layout.cars].cast("i")
        self._functions = functions
        self._make = make_parameters
        self._deadline_s = deadline_s
        self._row_budget_s = row_budget_s

    def run(self, rows: int) -> dict[str, Any]:
        """Call the functions on the first `rows` states. A row that failed keeps the NaN that the worker put there."""
        problems = Problems()
        pending = enumerate(self._cars[:rows].tolist())
        until = time.monotonic() + self._deadline_s + rows * self._row_budget_s
        try:
            for _ in range(0, rows, TIMED_ROWS):
                left = max(until - time.monotonic(), 0.001)
                signal.setitimer(signal.ITIMER_REAL, min(self._deadline_s, left))
                if not self._call_rows(islice(pending, TIMED_ROWS), problems):
                    break
        except TookTooLong as error:  # it rang between two calls
            problems.note(error, None, lambda: None)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return problems.report()

    def attempt(self, load: Callable[[], None]) -> dict[str, Any]:
        """Run `load`, which executes the racer's modules, under the timer; say what went wrong."""
        problems = Problems()
        try:
            signal.setitimer(signal.ITIMER_REAL, self._deadline_s)
            load()
        except BaseException as error:
            signal.setitimer(signal.ITIMER_REAL, 0)
            line = getattr(error, "line", None)
            problems.note(error, None, lambda: line)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return problems.report()

    def _call_rows(self, rows: Iterator[Row], problems: Problems) -> bool:
        """False when the time ran out."""
        functions, make, rewards = self._functions, self._make, self._rewards
        for index, car in rows:
            try:
                value = functions[car](make(index))
                if type(value) is not float or not -MAXIMUM_REWARD <= value <= MAXIMUM_REWARD:
                    value = number(value)
                rewards[index] = value
            except TookTooLong as error:
                problems.note(error, index, lambda: None)
                return False
            except BaseException as error:
                self._note(problems, error, index, car)
        return True

    def _note(self, problems: Problems, error: BaseException, index: int, car: int) -> None:
        def find_line() -> int | None:
            return line_of_return(self._functions[car], self._make(index))

        problems.note(error, index, find_line)
