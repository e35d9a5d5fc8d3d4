"""Members of a .tar.gz that a stranger made, one after another, with a budget around every byte of it.

Not Python's `tarfile`: it reads extended headers of any size into memory and follows them, and its filters were got
around (CVE-2025-4517, CVE-2025-8194). Here there are plain files with plain names, and everything else is refused
before it is looked at: links, devices, folders, sparse files, GNU and PAX names and sizes, numbers in base 256.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from sim.weights import ModelError

BLOCK_BYTES = 512
PIECE_BYTES = 64 * 1024
MOST_HEADERS = 640
"""Twice as many as the 257 traces and dozen other files of a model: each may have an extended header with its time."""
LARGEST_EXTENDED_BYTES = 2048
TIMES = (b"mtime", b"atime", b"ctime")
"""All that an extended header may say; it changes nothing here."""
KINDS = {
    b"1": "a hard link",
    b"2": "a link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a folder",
    b"6": "a pipe",
    b"S": "a sparse file",
    b"L": "a long name",
    b"K": "a long name",
    b"g": "a global header",
}
ANEW = "Take the archive as it was downloaded."


class Unpacked:
    """The bytes of a gzip stream, checked against its checksum, at most `budget` of them. ModelError for anything else.

    It holds a piece of 64 KiB at a time, however much the stream would unpack to.
    """

    def __init__(self, packed: BinaryIO, budget: int) -> None:
        self._packed = packed
        self._left = budget
        self._inflate = zlib.decompressobj(wbits=31)
        self._piece = b""

    def read(self, size: int) -> bytes:
        """Exactly so many bytes; the caller bounds the size."""
        parts = []
        while size:
            part = self._take(size)
            if not part:
                raise ModelError(f"The archive is cut short. {ANEW}")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Passes so many bytes over."""
        while size:
            part = self._take(size)
            if not part:
                raise ModelError(f"The archive is cut short. {ANEW}")
            size -= len(part)

    def end(self) -> None:
        """Reads on to the end of the stream, where only padding may be left."""
        while part := self._take(PIECE_BYTES):
            if part.strip(b"\0"):
                raise ModelError(f"Something follows the end of the archive. {ANEW}")

    def _take(self, most: int) -> bytes:
        if not self._piece:
            self._piece = self._more()
        part, self._piece = self._piece[:most], self._piece[most:]
        return part

    def _more(self) -> bytes:
        """The next piece; empty at the end of the stream."""
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._packed.read(PIECE_BYTES)
            try:
                piece = self._inflate.decompress(packed, PIECE_BYTES)
            except zlib.error:
                raise ModelError(f"This is no .tar.gz, or it is damaged. {ANEW}") from None
            self._left -= len(piece)
            if self._left < 0:
                raise ModelError(f"The archive unpacks to more than a model ever has. {ANEW}")
            if piece:
                return piece
            if not packed and not self._inflate.eof:
                raise ModelError(f"The archive is cut short. {ANEW}")
        if self._inflate.unused_data or self._packed.read(1):
            raise ModelError(f"Something follows the end of the archive. {ANEW}")
        return b""


def files(packed: BinaryIO, *, budget: int, largest: Callable[[str], tuple[int, bool]]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of each file that is wanted. `largest` gives a name's greatest size and whether it is wanted.

    `largest` raises ModelError for a name that may not be there; that one and all sizes are known before a byte of the
    content is read. Raises ModelError for whatever is no plain file.
    """
    unpacked = Unpacked(packed, budget)
    for _ in range(MOST_HEADERS):
        block = unpacked.read(BLOCK_BYTES)
        if not block.strip(b"\0"):
            unpacked.end()
            return
        name, size, kind = _header(block)
        if kind == b"x":
            _check_extended(unpacked.read(padded(min(size, LARGEST_EXTENDED_BYTES + 1)))[:size], size)
            continue
        if kind not in (b"0", b"\0"):
            raise ModelError(f"The archive holds {KINDS.get(kind, 'something that is no file')}. {ANEW}")
        most, wanted = largest(name)
        if size > most:
            raise ModelError(f"{name} is larger than it ever is in a model ({size} bytes, at most {most}). {ANEW}")
        if wanted:
            yield name, unpacked.read(size)
            unpacked.skip(padded(size) - size)
        else:
            unpacked.skip(padded(size))
    raise ModelError(f"The archive holds more files than a model ever has. {ANEW}")


def padded(size: int) -> int:
    """The bytes that a member of this size takes."""
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def _header(block: bytes) -> tuple[str, int, bytes]:
    """Name, size and kind of a member, of a POSIX header whose checksum is right."""
    broken = ModelError(f"The archive is damaged, or was not made by Paddock. {ANEW}")
    blank = block[:148] + b" " * 8 + block[156:]
    if block[257:265] != b"ustar\x0000" or octal(block[148:156]) != sum(blank):
        raise broken
    name, prefix, size = _text(block[:100]), _text(block[345:500]), octal(block[124:136])
    if name is None or prefix is None or size is None or not name:
        raise broken
    return f"{prefix}/{name}" if prefix else name, size, block[156:157]


def octal(field: bytes) -> int | None:
    """A number of a header; None where it is none."""
    digits = field.strip(b" \0")
    return int(digits, 8) if re.fullmatch(rb"[0-7]{1,11}", digits) else None


def _text(field: bytes) -> str | None:
    """A text that ends with its first NUL; None where something follows that, or it is not plain ASCII."""
    text, _, rest = field.partition(b"\0")
    return text.decode("ascii") if not rest.strip(b"\0") and re.fullmatch(rb"[ -~]*", text) else None


def _check_extended(content: bytes, size: int) -> None:
    """An extended header may tell times. A name, a size or anything else in it would change what follows."""
    records = re.compile(rb"\d{1,4} ([a-z]+)=[0-9.-]{1,40}\n")
    names = records.findall(content) if size <= LARGEST_EXTENDED_BYTES else []
    if not names or records.sub(b"", content) or not set(names) <= set(TIMES):
        raise ModelError(f"The archive has an extended header that says more than a time. {ANEW}")
