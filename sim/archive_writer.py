"""A model's folder as a .tar.gz, in pieces; `sim.model_archive` reads it again."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from sim.model_folder import CHECKPOINT, LAST

PIECE_BYTES = 256 * 1024
LEFT_OUT = frozenset({CHECKPOINT})
"""What only a training that goes on needs: three times the weights, which nothing else reads."""
LARGEST_LAST_BYTES = 32 * 1024**2
"""The last policy of a network whose file is larger is left out too: it would make an archive twice as large."""


def safe_name(name: str) -> str:
    """A model's name as a file name: letters, digits, hyphens and underscores."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:64] or "model"


def archive(folder: Path, top: str) -> Iterator[bytes]:
    """The .tar.gz in pieces; its files lie in a folder `top`. The checkpoint, the last policy of a large network,
    links, special and temporary files are left out.

    Plain headers only (USTAR): `sim.tar_stream` reads it again.
    """
    sink = _Sink()
    with tarfile.open(fileobj=sink, mode="w|gz", bufsize=PIECE_BYTES, format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            inside = str(path.relative_to(folder))
            if path.is_symlink() or not path.is_file() or path.name.startswith(".") or inside in LEFT_OUT:
                continue
            if inside == LAST and path.stat().st_size > LARGEST_LAST_BYTES:
                continue
            tar.add(path, arcname=f"{top}/{inside}", filter=_without_owner)
            yield sink.take()
    yield sink.take()


def archive_of(files: Iterable[tuple[str, bytes]], top: str, made_at: int) -> Iterator[bytes]:
    """A .tar.gz in pieces of files as they come, in a folder `top`; `made_at` is their time, in seconds since 1970."""
    sink = _Sink()
    with tarfile.open(fileobj=sink, mode="w|gz", bufsize=PIECE_BYTES, format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files:
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size, member.mtime, member.mode = len(content), made_at, 0o644
            tar.addfile(member, io.BytesIO(content))
            yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """What the archive is written into: it keeps only what was not sent yet."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self.waiting += piece
        return len(piece)

    def take(self) -> bytes:
        taken = bytes(self.waiting)
        self.waiting.clear()
        return taken


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = int(member.mtime)
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
