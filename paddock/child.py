"""One supervised process: started, watched, restarted with patience, stopped."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
LONGEST_WAIT_S = 30.0
STEADY_AFTER_S = 60.0

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    """The kernel ends the child when its supervisor is gone, however it went. Linux only; elsewhere nothing happens."""
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


@dataclass
class Child:
    """A command that should be running. Its output goes to a log file."""

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str]
    patience_s: float = 10.0
    """How long it may take to stop by itself before it is killed."""
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    restart_at: float = field(default=0.0)

    def start(self) -> None:
        """Starts it in a session of its own, so that Ctrl-C reaches the supervisor only."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self.started_at = time.monotonic()
        self.restart_at = 0.0

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def watch(self) -> str | None:
        """Restarts it when it is down, later after each failure in a row; says so once."""
        now = time.monotonic()
        if self.is_running:
            if self.failures and now - self.started_at > STEADY_AFTER_S:
                self.failures = 0
            return None
        if not self.restart_at:
            wait = 0.0 if not self.failures else min(LONGEST_WAIT_S, 2.0 ** (self.failures - 1))
            self.failures += 1
            self.restart_at = now + wait
            code = self.process.returncode if self.process else None
            return f"{self.name} ended ({_ending(code)}) and is started again; its log is {self.log}"
        if now >= self.restart_at:
            self.start()
        return None

    def ask_to_stop(self) -> None:
        if self.process is not None and self.is_running:
            self.process.terminate()

    def wait_for_stop(self) -> None:
        """Waits for the end, then kills what is left of its session."""
        if self.process is None:
            return
        try:
            self.process.wait(timeout=self.patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(ProcessLookupError):  # mostly nothing of it is left
            os.killpg(self.process.pid, signal.SIGKILL)


def _ending(code: int | None) -> str:
    if code is None:
        return "never started"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
