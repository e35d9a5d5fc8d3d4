"""A racer's reward function as a RewardSource: batches go to a sandbox, rewards come back checked."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from mmap import mmap
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from jobs.sandbox.answers import Answer, Failure, failure_of_status, read_answer
from jobs.sandbox.lockdown import MAY_BE_ACCEPTED_MISSING, missing_layers
from jobs.sandbox.parameters import parameters_maker
from jobs.sandbox.protocol import (
    BATCH_ROWS,
    MAXIMUM_CODE_BYTES,
    MAXIMUM_REWARD,
    MAXIMUM_SETUP_BYTES,
    Header,
    Layout,
)
from jobs.sandbox.sandbox_process import (
    START_DEADLINE_S,
    DeadlinePassed,
    ProtocolBroken,
    SandboxEnded,
    SandboxProcess,
    SandboxUnavailable,
    package_paths,
)
from sim.reward_state import RewardFailed, reward_columns
from sim.track import Track

DEADLINE_S = 5.0
ROW_BUDGET_S = 0.002
"""What a call may take on average in large batches, beyond the deadline."""
MEMORY_BYTES = 512 * 1024 * 1024

_GRACE_S = 1.0
"""What the worker waits beyond the sandbox's own timer, which knows the line and so should speak first."""

Views = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]]
"""States, rewards and cars in the shared memory."""
_log = logging.getLogger(__name__)


class Failed(RewardFailed):
    """RewardFailed with everything that is known: `answer` holds the distinct failures."""

    def __init__(self, answer: Answer, parameters: dict[str, Any] | None, calls: int) -> None:
        self.answer = answer
        first = answer.failures[0]
        often = f" (in {answer.failed:,} of {calls:,} calls)" if calls > 1 and first.kind != "time" else ""
        super().__init__(first.message + often, line=first.line, parameters=parameters, log=answer.log)
        self.kind = first.kind


class RewardProcess:
    """Runs `code` in a sandbox of its own. Implements `sim.reward_state.RewardSource`.

    `deadline_s` is what loading the code or 64 calls may take; a batch of n rows may take `deadline_s` plus 2 ms each.
    `memory_bytes` may be allocated on top of Python and the modules. `accept_missing` names protection layers that
    this machine may lack ("landlock", "unprivileged"); doing without is logged. `seed` seeds `random` and
    `numpy.random` inside. Start it from a thread that outlives it (see SandboxProcess).
    """

    def __init__(
        self,
        code: str,
        *,
        deadline_s: float = DEADLINE_S,
        memory_bytes: int = MEMORY_BYTES,
        seed: int = 0,
        accept_missing: frozenset[str] = frozenset(),
    ) -> None:
        unknown = accept_missing - MAY_BE_ACCEPTED_MISSING
        if unknown:
            raise ValueError(f"no sandbox may do without {', '.join(sorted(unknown))}")
        self._code = code
        self._deadline_s = deadline_s
        self._memory_bytes = memory_bytes
        self._seed = seed
        self._accept_missing = accept_missing
        self._loading: SandboxProcess | None = None
        """Started and loading modules, nothing of the racer's runs in it yet."""
        self._process: SandboxProcess | None = None
        self._shared: Views | None = None
        self._sequence = 1
        self._waypoints: list[tuple[float, float]] = []
        self._columns = reward_columns()
        self.layers: dict[str, bool] = {}
        self.log = ""

    def __enter__(self) -> Self:
        """Python and the modules load from now on, beside whatever the caller does until `start`."""
        if not self._is_too_long():
            self._loading = self._load()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, track: Track, cars: int, objects: int = 0) -> None:
        """Spawn, lock down, then compile the code and execute it once per car; each is told of so many objects.

        Used in a `with`, it was spawned when that began. Raises RewardFailed for the code's faults and
        SandboxUnavailable for the machine's.
        """
        loading, self._loading = self._loading, None
        self.close()
        if self._is_too_long():
            self._fail(Failure("syntax", f"the code is longer than {MAXIMUM_CODE_BYTES // 1024} KB"))
        self._waypoints = [(float(x), float(y)) for x, y in track.centre.tolist()]
        self._sequence = 1
        self._columns = reward_columns(objects)
        layout = Layout(BATCH_ROWS, len(self._columns))
        self._process = loading or self._load()
        try:
            self._shared = _views(self._process.share(layout.total_bytes), layout)
            self._set_up(self._process, cars)
            answer = self._receive(self._process, 0, self._deadline_s, at=None)
        except BaseException:
            self.close()
            raise
        self.log = answer.log
        if answer.failed:
            self.close()
            raise Failed(answer, None, 1)

    def rewards(self, states: NDArray[np.float64], cars: NDArray[np.int32]) -> NDArray[np.float64]:
        """Rewards (n,) of `states` (n, columns); `cars` (n,) below the number given to `start`.

        Raises RewardFailed with the first failure of the batch; the sandbox goes on if it still can.
        """
        rewards = np.empty(len(states))
        for rows in _pieces(len(states)):
            values, answer = self.try_rewards(states[rows], cars[rows])
            if answer.failed:
                row = answer.failures[0].row
                parameters = None if row is None else self.parameters(states[rows][row])
                raise Failed(answer, parameters, len(values) if self.alive else 1)
            rewards[rows] = values
        return rewards

    def try_rewards(self, states: NDArray[np.float64], cars: NDArray[np.int32]) -> tuple[NDArray[np.float64], Answer]:
        """At most 4096 rows: rewards with NaN where the function failed, and what failed. Sets `log`."""
        if self._process is None or self._shared is None:
            raise RuntimeError("start the reward process before asking it for rewards")
        rows = len(states)
        shared_states, shared_rewards, shared_cars = self._shared
        shared_states[:rows] = states
        shared_cars[:rows] = cars
        shared_rewards[:rows] = math.nan
        answer = self._exchange(self._process, rows)
        values = shared_rewards[:rows].copy()
        self.log = answer.log
        good = np.abs(values) <= MAXIMUM_REWARD  # false for NaN
        if not answer.failed and not good.all():
            row = int(np.argmin(good))
            answer = Answer(1, (Failure("value", "the reward is not a finite number", row=row),), answer.log)
        values[~good] = math.nan
        return values, answer

    @property
    def alive(self) -> bool:
        """Whether the sandbox is started and has survived what it ran."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The sandbox's process id; RuntimeError where there is none."""
        if self._process is None:
            raise RuntimeError("there is no sandbox: it is not started, or it did not survive what it ran")
        return self._process.pid

    def parameters(self, state: NDArray[np.float64]) -> dict[str, Any]:
        """The `params` that a row of reward states becomes, to be shown: without waypoints, which are the track's."""
        parameters = parameters_maker(self._columns, np.ascontiguousarray(state[None]), self._waypoints)(0)
        del parameters["waypoints"]
        return parameters

    def close(self) -> None:
        """Kill the sandbox; calling it twice does no harm."""
        if self._loading is not None:
            self._loading.close()
            self._loading = None
        if self._process is not None:
            self._process.close()
            self._process = self._shared = None  # the mapping and its descriptor go with the last view

    def _is_too_long(self) -> bool:
        return len(self._code.encode("utf-8", "replace")) > MAXIMUM_CODE_BYTES

    def _load(self) -> SandboxProcess:
        """A process that loads the modules which the code names."""
        process = SandboxProcess()
        body = json.dumps({"code": self._code, "paths": package_paths()}).encode()
        try:
            process.send(Header(0, 0, len(body)), body, START_DEADLINE_S)
        except (SandboxEnded, DeadlinePassed) as error:
            raise _unavailable(error) from error
        return process

    def _set_up(self, process: SandboxProcess, cars: int) -> None:
        setup = {
            "cars": cars,
            "waypoints": self._waypoints,
            "columns": self._columns,
            "rows": BATCH_ROWS,
            "memory_bytes": self._memory_bytes,
            "deadline_s": self._deadline_s,
            "row_budget_s": ROW_BUDGET_S,
            "accept_missing": sorted(self._accept_missing),
            "seed": self._seed,
        }
        body = json.dumps(setup).encode()
        if len(body) > MAXIMUM_SETUP_BYTES:
            raise ValueError("the track has too many waypoints for the reward sandbox")
        try:
            process.send(Header(0, 0, len(body)), body, START_DEADLINE_S)
            hello = process.receive(0, 0, START_DEADLINE_S)
        except (SandboxEnded, DeadlinePassed, ProtocolBroken) as error:
            raise _unavailable(error) from error
        self._check_layers(hello)

    def _check_layers(self, hello: dict[str, Any]) -> None:
        """The racer's code has not run yet, so this answer is the sandbox's own."""
        if "failed" in hello:
            raise SandboxUnavailable(f"the reward sandbox did not start: {hello['failed']}")
        self.layers = {str(name): bool(on) for name, on in hello["layers"].items()}
        missing = missing_layers(self.layers, self._accept_missing)
        if missing:
            raise SandboxUnavailable(
                f"reward functions cannot run safely here, this machine lacks: {', '.join(missing)}; "
                "`paddock doctor` shows the layers and docs/sandbox.md says what to change"
            )
        lacking = [name for name in self._accept_missing if not self.layers.get(name)]
        if lacking:
            _log.warning("the reward sandbox runs without %s, as this installation accepts", ", ".join(sorted(lacking)))

    def _exchange(self, process: SandboxProcess, rows: int) -> Answer:
        self._sequence += 1
        deadline_s = self._deadline_s + rows * ROW_BUDGET_S
        try:
            process.send(Header(self._sequence, rows, 0), b"", _GRACE_S)
        except SandboxEnded as error:
            self.close()
            return Answer(1, (failure_of_status(error.status, None),), "")
        try:
            return self._receive(process, rows, deadline_s, at=self._row_at)
        except Failed as error:
            return error.answer

    def _receive(self, process: SandboxProcess, rows: int, deadline_s: float, *, at: Any) -> Answer:
        """The answer to the message sent last; Failed where the process had to die."""
        try:
            return read_answer(process.receive(self._sequence, rows, deadline_s + _GRACE_S), rows)
        except SandboxEnded as error:
            failure = failure_of_status(error.status, at(rows) if at else None)
        except DeadlinePassed:
            message = f"the code took longer than {deadline_s:g} s and was stopped"
            failure = Failure("time", message, row=at(rows) if at else None)
        except (ProtocolBroken, ValueError):
            failure = Failure("runtime", "the code tampered with the sandbox and was stopped")
        self.close()
        raise Failed(Answer(1, (failure,), ""), None, 1)

    def _row_at(self, rows: int) -> int | None:
        """The row that a dead sandbox was at: the one after the last reward that it wrote."""
        if self._shared is None:
            return None
        written = np.flatnonzero(~np.isnan(self._shared[1][:rows]))
        row = int(written[-1]) + 1 if len(written) else 0
        return row if row < rows else None

    def _fail(self, failure: Failure) -> None:
        raise Failed(Answer(1, (failure,), ""), None, 1)


def _unavailable(error: Exception) -> SandboxUnavailable:
    return SandboxUnavailable(f"the reward sandbox did not start: {str(error) or 'it took too long'}")


def _views(shared: mmap, layout: Layout) -> Views:
    memory = memoryview(shared)
    states = np.frombuffer(memory[layout.states], dtype=np.float64).reshape(layout.rows, layout.columns)
    rewards = np.frombuffer(memory[layout.rewards], dtype=np.float64)
    cars = np.frombuffer(memory[layout.cars], dtype=np.int32)
    return states, rewards, cars


def _pieces(rows: int) -> Iterator[slice]:
    for start in range(0, rows, BATCH_ROWS):
        yield slice(start, min(start + BATCH_ROWS, rows))
