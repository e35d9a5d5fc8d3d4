"""What travels between a worker and its sandbox: small headers and bounded JSON on pipes, numbers in shared memory.

Both sides import this module, so it needs the standard library alone. The worker trusts nothing that it reads: every
length here is a bound that it enforces, and text is cleaned again on its side.
"""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple

Kind = Literal["syntax", "import", "signature", "runtime", "value", "time", "memory"]
KINDS: tuple[Kind, ...] = ("syntax", "import", "signature", "runtime", "value", "time", "memory")
"""What can be wrong with a reward function."""

CODE_NAME = "reward_function.py"
"""The file name that a racer's code carries in tracebacks."""

REQUEST_FD, REPLY_FD = 3, 4
"""Descriptors inside the sandbox, the only ones it has once it is locked down."""

MAXIMUM_CODE_BYTES = 256 * 1024
MAXIMUM_SETUP_BYTES = 16 * 1024 * 1024
MAXIMUM_REPLY_BYTES = 64 * 1024
MAXIMUM_LOG_CHARACTERS = 8 * 1024
MAXIMUM_MESSAGE_CHARACTERS = 500
MAXIMUM_PROBLEMS = 8
MAXIMUM_REWARD = 1e5
"""A reward must lie within plus and minus this, as in DeepRacer's simulator."""

BATCH_ROWS = 4096
"""Rows that one exchange carries at most; more are cut into several."""
TIMED_ROWS = 64
"""Rows that share one run of the sandbox's own timer."""

_HEADER = struct.Struct("<4sIII")
HEADER_BYTES = _HEADER.size
_MAGIC = b"PDK1"


class Header(NamedTuple):
    """What begins every message: its number in the exchange, a count of rows, the length of the JSON that follows."""

    sequence: int
    rows: int
    length: int

    def packed(self) -> bytes:
        """The 16 bytes on the wire."""
        return _HEADER.pack(_MAGIC, *self)

    @classmethod
    def unpacked(cls, data: bytes) -> Header:
        """Read 16 bytes; ValueError when they are not a header."""
        magic, sequence, rows, length = _HEADER.unpack(data)
        if magic != _MAGIC:
            raise ValueError("not a message of the sandbox")
        return cls(sequence, rows, length)


class Layout(NamedTuple):
    """Where the shared memory keeps states (rows, columns) float64, rewards (rows,) float64 and cars (rows,) int32."""

    rows: int
    columns: int

    @property
    def states(self) -> slice:
        """Bytes of the states."""
        return slice(0, self.rows * self.columns * 8)

    @property
    def rewards(self) -> slice:
        """Bytes of the rewards."""
        return slice(self.states.stop, self.states.stop + self.rows * 8)

    @property
    def cars(self) -> slice:
        """Bytes of the cars' indices."""
        return slice(self.rewards.stop, self.rewards.stop + self.rows * 4)

    @property
    def total_bytes(self) -> int:
        """Size of the whole block."""
        return self.rows * (self.columns * 8 + 8 + 4)


def clean_text(text: str, limit: int) -> str:
    """`text` without control characters (but newline and tab) and surrogates, cut to `limit` characters."""
    cut = text[:limit]
    return "".join(c for c in cut if c in "\n\t" or (c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF))
