"""The process inside the sandbox, started by `sandbox_process` with `-I -S -B`, no environment and three descriptors.

It reads the code as a text and loads the modules that it names; it reads its setup, locks itself down, says which
layers are on, and only then looks at the racer's code. After that it answers batches until its request pipe closes. All
that it says from then on may be forged by the code it runs, and is treated so.
"""

from __future__ import annotations

import fcntl
import gc
import io
import json
import mmap
import os
import random
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

from jobs.sandbox.batches import Batches
from jobs.sandbox.lockdown import die_with_parent, lock_down, missing_layers
from jobs.sandbox.modules import load_modules
from jobs.sandbox.parameters import parameters_maker
from jobs.sandbox.protocol import (
    HEADER_BYTES,
    MAXIMUM_LOG_CHARACTERS,
    MAXIMUM_REPLY_BYTES,
    REPLY_FD,
    REQUEST_FD,
    Header,
    Layout,
    clean_text,
)
from jobs.sandbox.reward_code import RewardFunction, TookTooLong, compile_code, load_function

OUT_OF_MEMORY_EXIT = 86
"""Exit code of a sandbox that had not even the memory to say so."""

_MEMORY_FD = 5


class Printed(io.TextIOBase):
    """Standard output and error of the racer's code: the first 8 KB of each batch are kept."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._room = MAXIMUM_LOG_CHARACTERS

    def write(self, text: str, /) -> int:
        if self._room > 0 and text:
            piece = text[: self._room]
            self._pieces.append(piece)
            self._room -= len(piece)
        return len(text)

    def take(self) -> str:
        """What was printed since the last call."""
        text = "".join(self._pieces)
        if self._room <= 0:
            text += "\n(more was printed and dropped)\n"
        self._pieces, self._room = [], MAXIMUM_LOG_CHARACTERS
        return clean_text(text, 2 * MAXIMUM_LOG_CHARACTERS)


def main(arguments: list[str]) -> None:
    """`arguments`: the worker's process id and the descriptors of requests, replies and shared memory."""
    parent, request_fd, reply_fd, memory_fd = map(int, arguments)
    die_with_parent(parent)
    _place_descriptors(request_fd, reply_fd, memory_fd)
    try:
        code = _load(_read_object())
        setup = _read_object()
        layout = Layout(setup["rows"], len(setup["columns"]))
        memory = _map_memory(setup, layout)
        layers = lock_down(parent, REQUEST_FD, REPLY_FD, setup["memory_bytes"])
    except Exception as error:
        _reply(0, {"failed": f"{type(error).__name__}: {error}"})
        while True:  # the worker may be about to write more, and reads this then
            _read(HEADER_BYTES)
    _reply(0, {"layers": layers})
    if not missing_layers(layers, frozenset(setup["accept_missing"])):
        try:
            _serve(code, setup, layout, memory)
        except MemoryError:
            os._exit(OUT_OF_MEMORY_EXIT)


def _place_descriptors(request_fd: int, reply_fd: int, memory_fd: int) -> None:
    """Put the three at 3, 4 and 5, whatever their numbers are, and close all others but the null ones."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (request_fd, reply_fd, memory_fd)]
    for fd, place in zip(high, (REQUEST_FD, REPLY_FD, _MEMORY_FD), strict=True):
        os.dup2(fd, place, inheritable=False)
    os.closerange(_MEMORY_FD + 1, 4096)


def _load(first: dict[str, Any]) -> str:
    """What needs files and takes long: the modules that the code, which is returned, may be going to import."""
    sys.path.extend(first["paths"])
    code: str = first["code"]
    load_modules(code)
    return code


def _map_memory(setup: dict[str, Any], layout: Layout) -> memoryview:
    """The shared memory; and the seeds, which need the modules."""
    memory = memoryview(mmap.mmap(_MEMORY_FD, layout.total_bytes))
    os.closerange(_MEMORY_FD, 4096)  # mmap keeps a duplicate of its own, which the mapping does not need
    random.seed(setup["seed"])
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(setup["seed"])
    return memory


def _serve(code: str, setup: dict[str, Any], layout: Layout, memory: memoryview) -> None:
    sys.stdout = sys.stderr = printed = Printed()
    signal.signal(signal.SIGALRM, _on_alarm)
    functions: list[RewardFunction] = []
    states = memory[layout.states].cast("d", (layout.rows, layout.columns))
    make_parameters = parameters_maker(setup["columns"], states, [(x, y) for x, y in setup["waypoints"]])
    batches = Batches(
        layout=layout,
        memory=memory,
        functions=functions,
        make_parameters=make_parameters,
        deadline_s=setup["deadline_s"],
        row_budget_s=setup["row_budget_s"],
    )
    report = batches.attempt(lambda: functions.extend(_functions(code, setup["cars"])))
    gc.freeze()
    _reply(1, report | {"log": printed.take()})
    while not report["failed"]:
        header = Header.unpacked(_read(HEADER_BYTES))
        _reply(header.sequence, batches.run(header.rows) | {"log": printed.take()}, header.rows)


def _functions(code: str, cars: int) -> Iterator[RewardFunction]:
    compiled = compile_code(code)
    for _ in range(cars):
        yield load_function(compiled)


def _on_alarm(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise TookTooLong


def _read_object() -> dict[str, Any]:
    """A message that is a JSON object, before there is anything to answer."""
    content: dict[str, Any] = json.loads(_read(Header.unpacked(_read(HEADER_BYTES)).length))
    return content


def _read(length: int) -> bytes:
    """Exactly `length` bytes of the request pipe; ends the process when the worker has closed it."""
    data = bytearray()
    while len(data) < length:
        piece = os.read(REQUEST_FD, min(length - len(data), 1 << 20))
        if not piece:
            os._exit(0)
        data += piece
    return bytes(data)


def _reply(sequence: int, content: dict[str, Any], rows: int = 0) -> None:
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    if len(body) > MAXIMUM_REPLY_BYTES:
        body = json.dumps(content | {"log": "(too long)"}).encode()
    message = memoryview(Header(sequence, rows, len(body)).packed() + body)
    while message:
        message = message[os.write(REPLY_FD, message) :]
