"""Errors that a person can mend: shown as one line, told apart by exit code.

Errors of libraries are known by name: a command that does not use the database must not wait for its import.
"""

from __future__ import annotations

from sim.full_disk import is_full

WRONG_INPUT = 2
MISSING = 3


class PartMissing(RuntimeError):
    """Something that Paddock needs here is not there; the message says the mend."""


MISSING_NAMES = frozenset(
    {
        "paddock.failures.PartMissing",
        "portal.settings.SettingsError",
        "builtins.ConnectionError",
        "sqlalchemy.exc.OperationalError",
        "redis.exceptions.ConnectionError",
        "jobs.worker.SandboxMissing",
        "jobs.sandbox.sandbox_process.SandboxUnavailable",
    }
)
INPUT_NAMES = frozenset(
    {"builtins.ValueError", "builtins.OSError", "portal.rules.broken.RuleBroken", "sim.reward_state.RewardFailed"}
)
"""TrackError, CarError, HyperparameterError and ModelError are ValueErrors."""


def exit_code_of(error: Exception) -> int | None:
    """The exit code of an error that a person can mend; None for one that is a fault of ours."""
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if names & MISSING_NAMES:
        return MISSING
    return WRONG_INPUT if names & INPUT_NAMES else None


def words_of(error: Exception) -> str:
    """What went wrong and the mend, in one line."""
    if is_full(error):
        return "the disk is full; make room and start again. What was saved before is whole, --resume goes on with it"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; choose a place that is there and may be written"
    line = getattr(error, "line", None)
    message = " ".join(str(error).split())
    return f"line {line} of the reward function: {message}" if isinstance(line, int) else message
