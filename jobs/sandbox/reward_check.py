"""Trying a reward function before it trains: in the sandbox, on real states of the chosen track."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.sandbox.answers import Answer, Failure
from jobs.sandbox.protocol import BATCH_ROWS, Kind
from jobs.sandbox.reward_process import Failed, RewardProcess
from sim.objects import TrackObjects
from sim.reward_state import objects_in
from sim.reward_states import sample_reward_states
from sim.track import Direction, Track

DEADLINE_S = 1.0
"""What the whole dry run may take: somebody is waiting for the answer."""
SAMPLES = 5
_SLOW_US = 200.0


@dataclass(frozen=True)
class Problem:
    """Something to mend, with the line of the racer's code where it is known."""

    line: int | None
    message: str
    kind: Kind


@dataclass(frozen=True)
class RewardCheck:
    """What a dry run came to.

    `rewards` are minimum, mean and maximum of the states that got one (all zero where none did); `samples` are a few
    states (`params` without the waypoints) with the `reward` they got, or None; `parameters` are those of the first
    call that failed; `warnings` do not keep a function from training; `calls` is the number of states.
    """

    ok: bool
    problems: tuple[Problem, ...]
    rewards: tuple[float, float, float] = (0.0, 0.0, 0.0)
    microseconds_per_call: float = 0.0
    samples: tuple[dict[str, Any], ...] = ()
    log: str = ""
    warnings: tuple[str, ...] = ()
    parameters: dict[str, Any] | None = None
    calls: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain data for storage and answers."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RewardCheck:
        """The inverse of `to_json`, also after a trip through JSON text."""
        problems = tuple(Problem(**problem) for problem in data["problems"])
        low, mean, high = data["rewards"]
        fixed = {
            "problems": problems,
            "rewards": (low, mean, high),
            "samples": tuple(data["samples"]),
            "warnings": tuple(data["warnings"]),
        }
        return cls(**{**data, **fixed})


def check_reward_function(
    code: str,
    track: Track,
    direction: Direction,
    *,
    states: int = 200,
    seed: int = 0,
    objects: TrackObjects | None = None,
    accept_missing: frozenset[str] = frozenset(),
) -> RewardCheck:
    """Compile, load and call `code` on `states` real states (at most 4096) of `track` (as stored) in `direction`,
    among boxes or bots if given.

    Takes less than two seconds beyond loading Python and the modules. Raises SandboxUnavailable for the machine's
    faults; the code's faults are in the answer.
    """
    process = RewardProcess(code, deadline_s=DEADLINE_S, seed=seed, accept_missing=accept_missing)
    with process:
        rows = sample_reward_states(track, direction, min(states, BATCH_ROWS), seed, objects)
        try:
            process.start(track.driven(direction), 1, objects_in(rows).shape[1])
        except Failed as failed:
            return RewardCheck(ok=False, problems=_problems(failed.answer, 1), log=failed.log)
        load_log = process.log
        began = time.perf_counter()
        rewards, answer = process.try_rewards(rows, np.zeros(len(rows), dtype=np.int32))
        per_call_us = (time.perf_counter() - began) / len(rows) * 1e6
        return _check(process, rows, rewards, answer, per_call_us, load_log)


def _check(
    process: RewardProcess,
    rows: NDArray[np.float64],
    rewards: NDArray[np.float64],
    answer: Answer,
    per_call_us: float,
    load_log: str,
) -> RewardCheck:
    given = rewards[~np.isnan(rewards)]
    failed_row = answer.failures[0].row if answer.failures else None
    return RewardCheck(
        ok=not answer.failed,
        problems=_problems(answer, len(rows) if process.alive else 1),
        rewards=(float(given.min()), float(given.mean()), float(given.max())) if len(given) else (0.0, 0.0, 0.0),
        microseconds_per_call=round(per_call_us, 1),
        samples=tuple(_sample(process, rows[at], rewards[at]) for at in _spread(len(rows))),
        log=load_log + answer.log,
        warnings=() if answer.failed else _warnings(given, per_call_us),
        parameters=None if failed_row is None else process.parameters(rows[failed_row]),
        calls=len(rows),
    )


def _problems(answer: Answer, calls: int) -> tuple[Problem, ...]:
    return tuple(Problem(failure.line, _often(failure, calls), failure.kind) for failure in answer.failures)


def _often(failure: Failure, calls: int) -> str:
    if calls <= 1 or failure.kind == "time":
        return failure.message
    return f"{failure.message} (in {failure.count:,} of {calls:,} calls)"


def _spread(count: int) -> list[int]:
    return sorted({int(at) for at in np.linspace(0, count - 1, SAMPLES)})


def _sample(process: RewardProcess, row: NDArray[np.float64], reward: float) -> dict[str, Any]:
    return process.parameters(row) | {"reward": None if np.isnan(reward) else float(reward)}


def _warnings(rewards: NDArray[np.float64], per_call_us: float) -> tuple[str, ...]:
    warnings = []
    if len(rewards) > 1 and np.ptp(rewards) == 0.0:
        warnings.append(f"the reward is {rewards[0]:g} in every state: the car has nothing to learn from")
    elif len(rewards) and rewards.max() <= 0.0:
        warnings.append("no reward is above 0: the car may learn to leave the track soon to be done with it")
    if per_call_us > _SLOW_US:
        warnings.append(f"a call takes {per_call_us:.0f} µs: training will wait for the reward function")
    return tuple(warnings)
