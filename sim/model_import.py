"""A model out of any archive that this Paddock knows: its own, or one that the console and its kin gave out."""

from __future__ import annotations

from typing import BinaryIO

from sim.console_archive import MOST_UNPACKED_BYTES, ConsoleModel, read_console_archive
from sim.foreign_tar import foreign_files
from sim.model_archive import ArchivedModel, read_archive

ABOUT = "/paddock.json"


class _Found(Exception):
    """The archive is one of Paddock's."""


def read_model(packed: BinaryIO) -> ArchivedModel | ConsoleModel:
    """What the archive holds, which must be seekable. ModelError, in a sentence or two, for what is no model."""
    ours = is_paddocks(packed)
    packed.seek(0)
    return read_archive(packed) if ours else read_console_archive(packed)


def is_paddocks(packed: BinaryIO) -> bool:
    """True for an archive with a paddock.json in its folder. ModelError for what is no .tar.gz of plain files."""

    def look(name: str) -> None:
        if name.endswith(ABOUT) and name.count("/") == 1:
            raise _Found

    try:
        for _ in foreign_files(packed, budget=MOST_UNPACKED_BYTES, largest=look):
            pass
    except _Found:
        return True
    return False
