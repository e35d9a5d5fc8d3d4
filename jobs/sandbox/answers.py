"""Reading what a sandbox says about a batch: every field is checked, because hostile code may have written it."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any, cast

from jobs.sandbox.protocol import (
    KINDS,
    MAXIMUM_LOG_CHARACTERS,
    MAXIMUM_MESSAGE_CHARACTERS,
    MAXIMUM_PROBLEMS,
    Kind,
    clean_text,
)
from jobs.sandbox.runner import OUT_OF_MEMORY_EXIT

_MOST_LINES = 1_000_000
_LOG_WITH_NOTICE = MAXIMUM_LOG_CHARACTERS + 100
_MEANINGS: dict[int, str] = {
    signal.SIGSEGV: "it crashed, usually by endless recursion",
    signal.SIGSYS: "it tried what is not allowed here",
    signal.SIGKILL: "it was killed, usually for the memory that it used",
}


@dataclass(frozen=True)
class Failure:
    """One thing that failed: where in the racer's code, on which row of the batch first, how often."""

    kind: Kind
    message: str
    line: int | None = None
    row: int | None = None
    count: int = 1


@dataclass(frozen=True)
class Answer:
    """What a batch came to: how many rows failed, the distinct failures, what the code printed."""

    failed: int
    failures: tuple[Failure, ...]
    log: str


def read_answer(content: dict[str, Any], rows: int) -> Answer:
    """An answer to a batch of `rows` rows; ValueError where a field is not what the sandbox's program sends."""
    problems, log = content.get("problems"), content.get("log")
    failed = _whole(content.get("failed"), max(rows, 1))
    if not isinstance(problems, list) or not isinstance(log, str) or len(problems) > MAXIMUM_PROBLEMS or failed is None:
        raise ValueError("a malformed answer")
    if bool(problems) != bool(failed):
        raise ValueError("a contradictory answer")
    return Answer(failed, tuple(_failure(problem, rows) for problem in problems), clean_text(log, _LOG_WITH_NOTICE))


def _failure(problem: object, rows: int) -> Failure:
    if not isinstance(problem, dict) or problem.get("kind") not in KINDS:
        raise ValueError("a malformed problem")
    message = problem.get("message")
    if not isinstance(message, str):
        raise ValueError("a malformed problem")
    return Failure(
        kind=cast(Kind, problem["kind"]),
        message=clean_text(message, MAXIMUM_MESSAGE_CHARACTERS) or "no message",
        line=_whole(problem.get("line"), _MOST_LINES),
        row=_whole(problem.get("row"), rows - 1),
        count=_whole(problem.get("count"), max(rows, 1)) or 1,
    )


def _whole(value: object, most: int) -> int | None:
    return value if type(value) is int and 0 <= value <= most else None


def failure_of_status(status: int, row: int | None) -> Failure:
    """What the end of the process means: `status` as in subprocess, `row` the one it was at."""
    if status == OUT_OF_MEMORY_EXIT:
        return Failure("memory", "the code needs more memory than it may use", row=row)
    if status >= 0:
        return Failure("runtime", f"the code ended its process (exit code {status})", row=row)
    kind: Kind = "memory" if -status == signal.SIGKILL else "runtime"
    meaning = _MEANINGS.get(-status, "it crashed")
    return Failure(kind, f"the code's process ended by {_signal_name(-status)}: {meaning}", row=row)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
