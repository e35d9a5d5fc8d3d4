"""A model's folder as a .tar.gz that is made while it is sent."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from flask import Response

from portal.rules.broken import Code, RuleBroken

CHUNK_BYTES = 256 * 1024


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


def response(runs: Path, artefact: str, name: str) -> Response:
    """The folder `artefact` under `runs` as a download. Raises RuleBroken (conflict) where it is gone."""
    folder = (runs / artefact).resolve()
    if not folder.is_relative_to(runs.resolve()) or not folder.is_dir():
        raise RuleBroken(Code.CONFLICT, "The files of this model are gone. Train it again.")
    file_name = safe_name(name)
    answer = Response(archive(folder, file_name), mimetype="application/gzip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name}.tar.gz"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def safe_name(name: str) -> str:
    """A model's name as a file name: letters, digits, hyphens and underscores."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "model"


def archive(folder: Path, top: str) -> Iterator[bytes]:
    """The .tar.gz in pieces; its files lie in a folder `top`. Links, special and temporary files are left out.

    Plain headers only (USTAR): `sim.tar_stream` reads it again.
    """
    sink = _Sink()
    with tarfile.open(fileobj=sink, mode="w|gz", bufsize=CHUNK_BYTES, format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file() or path.name.startswith("."):
                continue
            tar.add(path, arcname=f"{top}/{path.relative_to(folder)}", filter=_without_owner)
            yield sink.take()
    yield sink.take()


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = int(member.mtime)
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
