"""What the portal's tests share."""

from __future__ import annotations

import pytest

from portal.rules import local_accounts


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords hashed as in production, at a thirtieth of the cost."""
    monkeypatch.setattr(local_accounts, "HASH_METHOD", "scrypt:1024:8:1")
