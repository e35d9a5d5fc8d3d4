"""What a request works with: settings, sessions of the database, the queue server, the tracks and the visitor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app, g
from flask_login import current_user
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import Session

from portal.database import read_session, write_session
from portal.settings import Settings
from portal.tables import Racer
from sim.track_library import TrackLibrary


def settings() -> Settings:
    value: Settings = current_app.extensions["paddock_settings"]
    return value


def engine() -> Engine:
    value: Engine = current_app.extensions["paddock_engine"]
    return value


def redis() -> Redis:
    value: Redis = current_app.extensions["paddock_redis"]
    return value


def tracks() -> TrackLibrary:
    """The shipped tracks and the imported ones."""
    return TrackLibrary(settings().tracks_path)


def reading() -> Session:
    """The request's own session for looking; it lives until the response is made."""
    if "reading" not in g:
        g.reading = read_session(engine())
    session: Session = g.reading
    return session


@contextmanager
def writing() -> Iterator[Session]:
    """One transaction for one rule. It closes the reading session first: what was read before is old afterwards."""
    _close_reading()
    with write_session(engine()) as session:
        yield session


def visitor() -> Racer | None:
    """The signed-in person, or None."""
    return current_user.racer if current_user.is_authenticated else None


def me() -> Racer:
    """The signed-in person, in views that need one."""
    racer: Racer = current_user.racer
    return racer


def _close_reading(_error: BaseException | None = None) -> None:
    session = g.get("reading")  # it stays there: a table that is still being sent goes on reading, and ends here again
    if session is not None:
        session.close()


def init_app(app: Flask) -> None:
    app.teardown_appcontext(_close_reading)
