"""Secrets that an instance makes for itself, once, and keeps in its data directory."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from portal.settings import Settings


def secret_key(settings: Settings) -> str:
    """The configured key, or one that is made once and kept in the data directory, readable by its owner only."""
    if settings.secret_key:
        return settings.secret_key
    return made_once(settings.data_path / "secret.key", lambda: secrets.token_hex(32))


def derived(settings: Settings, purpose: str) -> str:
    """A key for one purpose, in hexadecimal: who knows it does not know the secret key or another purpose's key."""
    return hmac.new(secret_key(settings).encode(), purpose.encode(), hashlib.sha256).hexdigest()


def made_once(path: Path, make: Callable[[], str]) -> str:
    """The content of a secret file, which the first process to ask makes, readable by its owner only.

    The file appears complete or not at all: of several processes that start at once one makes it, and all read it.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(make() + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        os.unlink(draft)
    return path.read_text().strip()
