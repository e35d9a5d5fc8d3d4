"""What the portal's tests share."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from portal.database import write_session
from portal.rules import local_accounts
from portal.tables import Racer
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.ports import free_port


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords hashed as in production, at a thirtieth of the cost."""
    monkeypatch.setattr(local_accounts, "HASH_METHOD", "scrypt:1024:8:1")


@pytest.fixture
def alice(engine: Engine) -> Racer:
    with write_session(engine) as session:
        return make_racer(session, "alice")


@pytest.fixture
def olivia(engine: Engine) -> Racer:
    with write_session(engine) as session:
        return make_racer(session, "olivia")


@pytest.fixture
def browser(app: Flask, alice: Racer) -> FlaskClient:
    """Alice's."""
    return sign_in(app, alice)


@pytest.fixture(scope="session")
def iam_server_port() -> int:
    """Where canaille listens: what its own fixture picks may be taken before the server stands."""
    return free_port()
