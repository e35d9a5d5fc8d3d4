"""A model out of any archive that this Paddock knows: its own, or one that the console and its kin gave out."""

from __future__ import annotations

from typing import BinaryIO

from sim.console_archive import ConsoleModel, read_console_archive
from sim.model_archive import ArchivedModel, read_archive

ABOUT = "/paddock.json"


class _Found(Exception):
    """The archive is one of Paddock's."""


def read_model(packed: BinaryIO) -> ArchivedModel | ConsoleModel:
    """What the archive holds, which must be seekable. ModelError, in a sentence or two, for what is no model."""

    def look(name: str) -> None:
        """Paddock's archive has a paddock.json in its folder, the others have none anywhere."""
        if name.endswith(ABOUT) and name.count("/") == 1:
            raise _Found

    try:
        return read_console_archive(packed, each=look)
    except _Found:
        packed.seek(0)
        return read_archive(packed)
