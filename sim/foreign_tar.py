"""Files of a .tar.gz that other programs made: as careful as `sim.tar_stream`, but at home with what they write.

Folders are passed over; long names of GNU and PAX are read, within bounds, and a file is known by its name alone: none
is ever written under it. Links, devices and whatever else is no file are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from sim.tar_stream import ANEW, BLOCK_BYTES, KINDS, Unpacked, octal, padded
from sim.weights import ModelError

MOST_MEMBERS = 20_000
"""The console kept a log and a trace for each iteration."""
LARGEST_NAME_BYTES = 64 * 1024
PLAIN = (b"0", b"\0", b"7")
LONG_NAME, PAX, GLOBAL, FOLDER = b"L", b"x", b"g", b"5"
RECORD = re.compile(rb"(\d{1,6}) ([^=\n]{1,256})=")


class TooLarge(ModelError):
    """A file that is wanted has more bytes than it ever has in a model."""

    def __init__(self, name: str, size: int, most: int) -> None:
        super().__init__(f"{name[:120]} is larger than it ever is in a model ({size} bytes, at most {most}).")
        self.name, self.size = name, size


def foreign_files(
    packed: BinaryIO, *, budget: int, largest: Callable[[str], int | None]
) -> Iterator[tuple[str, bytes]]:
    """(name, content) of each file for which `largest` gives a greatest size; None passes a file over.

    Names have no leading "./" and are text; one that leaves the archive's own folder is refused. ModelError for what is
    no such archive, and for more than `budget` bytes unpacked.
    """
    unpacked = Unpacked(packed, budget)
    longer = ""
    for _ in range(MOST_MEMBERS):
        block = unpacked.read(BLOCK_BYTES)
        if not block.strip(b"\0"):
            unpacked.end()
            return
        name, size, kind = _header(block)
        if kind in (LONG_NAME, PAX, GLOBAL):
            longer = _longer(kind, _content(unpacked, size), longer)
            continue
        name, longer = _checked(longer or name), ""
        if kind == FOLDER:
            unpacked.skip(padded(size))
            continue
        if kind not in PLAIN:
            raise ModelError(f"The archive holds {KINDS.get(kind, 'something that is no file')}. {ANEW}")
        most = largest(name)
        if most is None:
            unpacked.skip(padded(size))
            continue
        if size > most:
            raise TooLarge(name, size, most)
        yield name, unpacked.read(size)
        unpacked.skip(padded(size) - size)
    raise ModelError(f"The archive holds more than {MOST_MEMBERS} files. Leave out its logs.")


def _header(block: bytes) -> tuple[str, int, bytes]:
    """Name, size and kind of a member, of a header whose checksum is right."""
    blank = block[:148] + b" " * 8 + block[156:]
    size, checksum = octal(block[124:136]), octal(block[148:156])
    if size is None or checksum != sum(blank):
        raise ModelError(f"The archive is damaged, or it is no .tar.gz. {ANEW}")
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name), size, block[156:157]


def _content(unpacked: Unpacked, size: int) -> bytes:
    if size > LARGEST_NAME_BYTES:
        raise ModelError(f"The archive has a header of {size} bytes. {ANEW}")
    content = unpacked.read(padded(size))
    return content[:size]


def _longer(kind: bytes, content: bytes, before: str) -> str:
    """The name that an extra header gives to the next member; what else it may say changes nothing here."""
    if kind == LONG_NAME:
        return _text(content.rstrip(b"\0"))
    at = 0
    while record := RECORD.match(content, at):
        length = int(record[1])
        end = at + length
        if length <= len(record[0]) or end > len(content):
            break
        if record[2] == b"size":
            raise ModelError(f"The archive has a header that changes a file's size. {ANEW}")
        if record[2] == b"path" and kind == PAX:
            before = _text(content[record.end() : end - 1])
        at = end
    return before


def _checked(name: str) -> str:
    """A name without "./" before it. ModelError for one that leads elsewhere."""
    name = re.sub(r"^(\./)+", "", name)
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
        raise ModelError(f"The archive holds a file with the name {name[:80]!r}, which leads out of it.")
    return name


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
