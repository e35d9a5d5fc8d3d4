"""/healthz says whether everything behind the portal answers, and what does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from portal.app import create_app
from portal.settings import Settings


def test_it_is_well_when_database_migrations_and_queue_are(app: Flask) -> None:
    response = app.test_client().get("/healthz")
    assert response.status_code == 200
    assert response.json == {"status": "ok", "database": "ok", "migrations": "ok", "queue": "ok"}
    assert response.headers["Cache-Control"] == "no-store"


def test_it_says_when_the_database_is_behind(app: Flask, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    response = app.test_client().get("/healthz")
    assert response.status_code == 503
    assert "paddock migrate" in response.json["migrations"]
    assert response.json["queue"] == "ok"


@pytest.fixture
def lonely(settings: Settings, engine: Engine) -> Iterator[Flask]:
    """A portal whose queue server and database are away."""
    away = {"PADDOCK_REDIS_URL": "unix:///nowhere/valkey.sock", "PADDOCK_DATABASE_URL": "sqlite:////nowhere/paddock.db"}
    app = create_app(Settings.read({"PADDOCK_DATA": settings.data, **away}))
    app.config.update(TESTING=True, RATELIMIT_ENABLED=False)
    yield app
    app.extensions["paddock_engine"].dispose()


def test_it_says_what_is_away_and_where_nothing_is(lonely: Flask) -> None:
    response = lonely.test_client().get("/healthz")
    assert response.status_code == 503
    assert response.json["database"] == "the database does not answer"
    assert response.json["queue"] == "the queue server does not answer"
    assert "nowhere" not in response.text
