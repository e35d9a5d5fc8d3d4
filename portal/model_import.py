"""The files of an imported model: made beside the others first, then moved to where the training's row says.

A folder that is left behind because the process died is removed by maintenance a day later (`jobs.purging`).
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from portal import artefact_sizes
from portal.rules.broken import Code, RuleBroken
from sim.console_archive import ConsoleModel
from sim.model_archive import ArchivedModel, ModelError
from sim.model_import import read_model

MOST_AT_ONCE = 2
"""Archives that one process reads at once. The largest takes a second, one that was made to be slow five; it holds a
thread, memory for a graph and, but for the interpreter, a core, and pages need some too."""
PATIENCE_S = 10.0
_reading = threading.BoundedSemaphore(MOST_AT_ONCE)


@contextmanager
def staged(runs: Path) -> Iterator[Path]:
    """A folder to put the files into. What is still there at the end goes."""
    folder = runs / f"import-{secrets.token_hex(8)}.partial"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unpack(upload: BinaryIO) -> ArchivedModel | ConsoleModel:
    """The checked model of an uploaded archive. RuleBroken (invalid, `archive`) for anything else, and (conflict) where
    too many are being read."""
    if not _reading.acquire(timeout=PATIENCE_S):
        raise RuleBroken(
            Code.CONFLICT, "Other archives are being read just now. Upload it again in a moment.", "archive"
        )
    try:
        return read_model(upload)
    except ModelError as error:
        raise RuleBroken(Code.INVALID, str(error), "archive") from None
    finally:
        _reading.release()


def copy(runs: Path, artefact: str, folder: Path) -> None:
    """The files of an artefact, as hard links where the disk can: nobody changes them once they are published.

    Raises RuleBroken (conflict) where they are gone.
    """
    source = (runs / artefact).resolve()
    if not source.is_relative_to(runs.resolve()) or not source.is_dir():
        raise RuleBroken(Code.CONFLICT, "The files of this model are gone, so there is nothing to import.")
    for path in sorted(source.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.name.startswith("."):
            continue
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(path, target)


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(path, target)


def size_bytes(folder: Path) -> int:
    """What the files take."""
    return artefact_sizes.folder_bytes(folder)


def publish(runs: Path, folder: Path, artefact: str) -> None:
    """Moves a staged folder to where its training's row says: last in the transaction that writes the row."""
    target = runs / artefact
    target.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(target)
