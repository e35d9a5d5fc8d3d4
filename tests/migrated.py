"""A database made by the real migrations, made once and copied for each test."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from migrations.upgrade import upgrade


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="paddock-template-"))
    path = folder / "paddock.db"
    upgrade(f"sqlite:///{path}")
    return path


def migrated_copy(target: Path) -> None:
    """Copies the migrated template to `target`."""
    shutil.copyfile(_template(), target)
