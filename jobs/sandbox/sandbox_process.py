"""The worker's side of one sandbox: start it, exchange messages under deadlines, end it. Nothing it says is trusted."""

from __future__ import annotations

import compileall
import contextlib
import fcntl
import json
import mmap
import os
import select
import signal
import subprocess
import sys
import time
import weakref
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jobs.sandbox.protocol import HEADER_BYTES, MAXIMUM_REPLY_BYTES, Header

START_DEADLINE_S = 60.0
"""How long Python and the modules may take to load; nothing of the racer's runs in that time."""

_START = "import sys; sys.path.append(sys.argv.pop(1)); from jobs.sandbox.runner import main; main(sys.argv[1:])"
_ROOT = str(Path(__file__).resolve().parents[2])


@cache
def _compile_once() -> None:
    """Bytecode for what only the sandbox imports: it writes none itself, and would compile it at each start. Where the
    folder cannot be written to it does."""
    compileall.compile_dir(Path(__file__).parent, quiet=2)


class SandboxUnavailable(RuntimeError):
    """The sandbox cannot be had on this machine: no racer's code runs. The message says why and the mend."""


class SandboxEnded(Exception):
    """The process died: by a signal (negative `status`) or with an exit code."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the sandbox ended with status {status}")
        self.status = status


class DeadlinePassed(Exception):
    """No complete answer in time; the process has been killed."""


class ProtocolBroken(Exception):
    """An answer that the sandbox's own program never sends; the process has been killed."""


class SandboxProcess:
    """One locked-down process with its pipes and shared memory, which has no size until `share` gives it one.

    The kernel kills the process when the thread that started it ends: start it from a thread that outlives it.
    """

    def __init__(self) -> None:
        if not sys.platform.startswith("linux"):
            raise SandboxUnavailable("the reward sandbox needs Linux: run the worker on a Linux machine")
        _compile_once()
        with contextlib.ExitStack() as theirs:
            request_read, self._request = os.pipe()
            theirs.callback(os.close, request_read)
            self._reply, reply_write = os.pipe()
            theirs.callback(os.close, reply_write)
            self._memory = os.memfd_create("rewards", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            descriptors = (self._memory, self._request, self._reply)
            self._end = weakref.finalize(self, _close, os.getpid(), None, *descriptors)
            os.set_blocking(self._request, False)
            os.set_blocking(self._reply, False)
            self._process = _spawn(request_read, reply_write, self._memory)
            self._end.detach()
            self._end = weakref.finalize(self, _close, os.getpid(), self._process, *descriptors)

    def share(self, memory_bytes: int) -> mmap.mmap:
        """The shared memory at this size, sealed against resizing. Once, before the process is told to map it."""
        os.ftruncate(self._memory, memory_bytes)
        fcntl.fcntl(self._memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return mmap.mmap(self._memory, memory_bytes)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def close(self) -> None:
        """Kill the process, reap it and close the pipes; calling it twice does no harm."""
        self._end()

    def send(self, header: Header, body: bytes, deadline_s: float) -> None:
        """Write one message; raises SandboxEnded or DeadlinePassed."""
        until = time.monotonic() + deadline_s
        left = memoryview(header.packed() + body)
        while left:
            self._await(self._request, select.POLLOUT, until)
            try:
                left = left[os.write(self._request, left[: 1 << 16]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise self._ended() from None

    def receive(self, sequence: int, rows: int, deadline_s: float) -> dict[str, Any]:
        """The JSON object of the answer number `sequence`; one deadline for all of it.

        Raises SandboxEnded, DeadlinePassed or ProtocolBroken; after each the process is dead.
        """
        until = time.monotonic() + deadline_s
        try:
            header = Header.unpacked(self._read(HEADER_BYTES, until))
            if (header.sequence, header.rows) != (sequence, rows) or header.length > MAXIMUM_REPLY_BYTES:
                raise ValueError("an answer to another question")
            content = json.loads(self._read(header.length, until))
            if not isinstance(content, dict):
                raise ValueError("not an object")
        except (ValueError, RecursionError) as error:
            self.close()
            raise ProtocolBroken(str(error)) from None
        return content

    def _read(self, length: int, until: float) -> bytes:
        data = bytearray()
        while len(data) < length:
            self._await(self._reply, select.POLLIN, until)
            try:
                piece = os.read(self._reply, length - len(data))
            except BlockingIOError:
                continue
            if not piece:
                raise self._ended()
            data += piece
        return bytes(data)

    def _await(self, descriptor: int, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        left_s = until - time.monotonic()
        if left_s <= 0 or not poll.poll(left_s * 1000):
            self.close()
            raise DeadlinePassed

    def _ended(self) -> SandboxEnded:
        """The pipe is closed: give the process a moment to be gone, then make sure."""
        try:
            status = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            status = -signal.SIGKILL
        self.close()
        return SandboxEnded(status)


def package_paths() -> list[str]:
    """Folders in which numpy, scipy and shapely lie; the sandbox starts without a site-packages folder of its own."""
    found = (find_spec(name) for name in ("numpy", "scipy", "shapely"))
    origins = [Path(spec.origin) for spec in found if spec is not None and spec.origin is not None]
    return sorted({str(origin.parent.parent) for origin in origins})


def _spawn(request_fd: int, reply_fd: int, memory_fd: int) -> subprocess.Popen[bytes]:
    """A clean exec: isolated Python, no environment, no descriptor but three, nothing inherited from this process."""
    if not sys.executable:
        raise SandboxUnavailable("the reward sandbox cannot find the Python interpreter (sys.executable is empty)")
    descriptors = (request_fd, reply_fd, memory_fd)
    command = [sys.executable, "-I", "-S", "-B", "-c", _START, _ROOT, str(os.getpid()), *map(str, descriptors)]
    return subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=descriptors,
        env={"OPENBLAS_NUM_THREADS": "1"},
        cwd="/",
        start_new_session=True,
    )


def _close(owner: int, process: subprocess.Popen[bytes] | None, *descriptors: int) -> None:
    """Kill, reap and close. A module's function, so that the finalizer holds no reference to its object."""
    if os.getpid() != owner:
        return  # a fork of the worker: the sandbox is not its own
    for descriptor in descriptors:
        os.close(descriptor)
    if process is not None:
        process.kill()
        process.wait()
