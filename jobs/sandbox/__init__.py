"""The reward sandbox: participants' reward functions are hostile native code and run in a locked-down process.

`docs/sandbox.md` says against what and how. Names are loaded when they are asked for: the process inside the sandbox
imports this package too, and must not pull numpy or the simulator in with it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.sandbox.reward_check import Problem, RewardCheck, check_reward_function
    from jobs.sandbox.reward_process import RewardProcess
    from jobs.sandbox.sandbox_process import SandboxUnavailable
    from jobs.sandbox.self_test import sandbox_layers

__all__ = ["Problem", "RewardCheck", "RewardProcess", "SandboxUnavailable", "check_reward_function", "sandbox_layers"]

_HOMES = {
    "Problem": "jobs.sandbox.reward_check",
    "RewardCheck": "jobs.sandbox.reward_check",
    "check_reward_function": "jobs.sandbox.reward_check",
    "RewardProcess": "jobs.sandbox.reward_process",
    "SandboxUnavailable": "jobs.sandbox.sandbox_process",
    "sandbox_layers": "jobs.sandbox.self_test",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
