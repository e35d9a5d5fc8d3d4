"""Folders of artefacts: each attempt works in one of its own and publishes it by a rename; the row names the winner.

DATA/runs/<kind>-<public id>/<attempt>-<token>.partial/ while an attempt runs, without `.partial` when it is complete.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from portal.rules import queueing
from portal.rules.queueing import AnyJob

PARTIAL = ".partial"
WEIGHTS = "model/*.safetensors"


def folder_of(runs: Path, job: AnyJob) -> Path:
    """Where all attempts of a job have their folders."""
    return runs / f"{queueing.kind_of(job)}-{job.public_id}"


def attempts(folder: Path) -> list[Path]:
    """The attempts' folders, complete and partial, the latest attempt first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.is_dir() and path.name.partition("-")[0].isdigit()]
    return sorted(found, key=lambda path: (int(path.name.partition("-")[0]), path.stat().st_mtime_ns), reverse=True)


def has_weights(folder: Path) -> bool:
    """True where a training has saved its model at least once."""
    return any(folder.glob(WEIGHTS))


def open_attempt(runs: Path, job: AnyJob) -> tuple[Path, bool]:
    """A new attempt's own folder, and whether it begins with a copy of what an earlier attempt had saved.

    It is a copy: the worker of the earlier attempt may be lost to us and still write.
    """
    folder = folder_of(runs, job)
    target = folder / f"{job.attempt}-{job.token}{PARTIAL}"
    earlier = next((path for path in attempts(folder) if path != target and has_weights(path)), None)
    if earlier is None:
        target.mkdir(parents=True)
        return target, False
    shutil.copytree(earlier, target)
    return target, True


def publish(runs: Path, partial: Path) -> str:
    """Makes a folder durable and complete; returns its name relative to the runs directory, for the job's row."""
    for path in [*partial.rglob("*"), partial]:
        _sync(path)
    final = partial.with_name(partial.name.removesuffix(PARTIAL))
    partial.rename(final)
    _sync(final.parent)
    return str(final.relative_to(runs))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def size_bytes(folder: Path) -> int:
    """What the files of a folder hold, in bytes; what vanishes meanwhile or is gone already takes nothing."""
    total, waiting = 0, [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += _size(entry)
        except (FileNotFoundError, NotADirectoryError):
            continue
    return total


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size if entry.is_file(follow_symlinks=False) else 0
    except FileNotFoundError:
        return 0


def write(path: Path, content: bytes) -> None:
    """One file, whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        part.rename(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def discard(folder: Path) -> None:
    """Removes an attempt's folder; one that is gone already is fine."""
    shutil.rmtree(folder, ignore_errors=True)
