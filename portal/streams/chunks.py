"""Bytes that every viewer of a channel is sent: made once, compressed once.

A compressed stream is one endless gzip member. Each chunk is deflated by itself and ends with a full flush, which
forgets what came before; so the same compressed chunk fits into every viewer's stream, wherever that began
(RFC 1951 §3.2.3 and RFC 1952; zlib's Z_FULL_FLUSH).
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

GZIP_HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255))
"""A gzip member without name and time."""


class Chunk(NamedTuple):
    """One piece of a stream, as it is and compressed."""

    plain: bytes
    packed: bytes


def chunk(plain: bytes) -> Chunk:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return Chunk(plain, packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH))


def event(event_id: str, name: str, text: str) -> Chunk:
    """One event in the format of the HTML standard's event streams."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return chunk(f"id: {event_id}\nevent: {name}\n{lines}\n".encode())


KEEP_ALIVE = chunk(b": still here\n\n")


def opening(retry_ms: int) -> Chunk:
    """The first piece: when the browser should come back after a lost connection."""
    return chunk(f"retry: {retry_ms}\n\n".encode())
