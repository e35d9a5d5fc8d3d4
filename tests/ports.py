"""Ports for the servers of tests."""

from __future__ import annotations

import random
import socket

_HANDED_OUT_BY_NOBODY = range(20_000, 32_000)
"""Below what systems give to who asks for any port (Linux from 32768 on, others from 49152), so that no connection of
another test takes it before the server stands."""
_draw = random.Random()  # its own: tests that seed `random` would all get the same port


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens."""
    while True:
        port = _draw.choice(_HANDED_OUT_BY_NOBODY)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
