"""What every room's tests work with: real databases, a real queue server, the portal and the cast."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import Session

from bench.postgres import PostgresMissing
from paddock import valkey
from portal import clock, scope
from portal.app import create_app
from portal.database import make_engine, write_session
from portal.rules import browser_sessions
from portal.settings import Settings
from portal.tables import Racer
from tests import quick_apps
from tests.migrated import MigratedPostgres, migrated_copy, migrated_postgres

os.environ.setdefault("OMP_NUM_THREADS", "1")
quick_apps.set_up()

DATABASES = SQLITE, POSTGRESQL = "sqlite", "postgresql"


@pytest.fixture(scope="session")
def deepracer_data() -> Path:
    """The real tracks and logs, where they are at hand: DEEPRACER_DATA or ../shared/deepracer beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "deepracer"
    data = Path(os.environ.get("DEEPRACER_DATA", beside))
    if not (data / "tracks").is_dir():
        pytest.skip("the real DeepRacer tracks and logs are not here; set DEEPRACER_DATA to their folder")
    return data


@pytest.fixture(scope="session")
def valkey_address() -> Iterator[str]:
    """A real queue server for the whole session, in a short path: socket names have at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="pv") as folder, valkey.running(Path(folder)) as address:
        yield address


@pytest.fixture
def redis(valkey_address: str) -> Iterator[Redis]:
    """An empty queue server."""
    connection = Redis.from_url(valkey_address)
    connection.flushall()
    yield connection
    connection.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that are marked `both_databases` run twice, with everything that they use on one and on the other."""
    if "database" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_databases"):
        metafunc.parametrize("database", DATABASES, indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[MigratedPostgres]:
    """A real PostgreSQL for the whole session; the tests that need it are skipped where none can be started."""
    try:
        with migrated_postgres() as server:
            yield server
    except PostgresMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Which database this test uses: what TEST_DATABASE names, else sqlite; both where the test or its folder asks."""
    return getattr(request, "param", os.environ.get("TEST_DATABASE", SQLITE))


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, valkey_address: str, database: str) -> Settings:
    environment = {"PADDOCK_DATA": str(tmp_path / "data"), "PADDOCK_REDIS_URL": valkey_address, "PADDOCK_PORT": "8000"}
    if database == POSTGRESQL:
        environment["PADDOCK_DATABASE_URL"] = request.getfixturevalue("postgres").fresh()
    return Settings.read(environment)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """A database that was made by the real migrations."""
    settings.data_path.mkdir(parents=True)
    if not settings.database_url:
        migrated_copy(settings.data_path / "paddock.db")
    engine = make_engine(settings.database_address)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """One write transaction; commit in the middle with `session.commit()` only where a test needs it."""
    with write_session(engine) as session:
        yield session


@pytest.fixture
def app(settings: Settings, engine: Engine, redis: Redis) -> Iterator[Flask]:
    app = create_app(settings)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    yield app
    app.extensions["paddock_engine"].dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """An anonymous visitor."""
    return app.test_client()


def sign_in(app: Flask, racer: Racer) -> FlaskClient:
    """A browser in which a racer is signed in, by the same session rows that a real sign-in makes."""
    with app.test_request_context(), scope.writing() as session:
        secret = browser_sessions.begin(session, racer, now=clock.now(), life_s=3600)
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = secret
        cookie["_fresh"] = True
    return client
