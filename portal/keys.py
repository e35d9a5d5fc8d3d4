"""The instance's secret key."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from portal.settings import Settings


def secret_key(settings: Settings) -> str:
    """The configured key, or one that is made once and kept in the data directory, readable by its owner only."""
    if settings.secret_key:
        return settings.secret_key
    path = settings.data_path / "secret.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    return _read_or_make(path)


def _read_or_make(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        key = secrets.token_hex(32)
        file.write(key + "\n")
    return key
