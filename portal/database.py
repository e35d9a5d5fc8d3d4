"""The database: engines, and sessions that read or write.

On SQLite a write session begins with BEGIN IMMEDIATE, so that what it read stays true until it commits; the plain
driver default lets two requests read the same balance and both spend it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlmodel import Session

POOL_SIZE = 64


def make_engine(address: str) -> Engine:
    """An engine for a SQLite or PostgreSQL address."""
    if not address.startswith("sqlite"):
        return create_engine(address, pool_pre_ping=True, pool_size=POOL_SIZE)
    engine = create_engine(address, pool_size=POOL_SIZE, max_overflow=0, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    for pragma in ("journal_mode=wal", "synchronous=normal", "foreign_keys=on", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def read_session(engine: Engine) -> Session:
    """A session for looking only; the caller closes it."""
    return Session(engine, expire_on_commit=False)


@contextmanager
def write_session(engine: Engine) -> Iterator[Session]:
    """One transaction that commits when the block ends well and rolls back when it raises."""
    with Session(engine.execution_options(write=True), expire_on_commit=False) as session, session.begin():
        yield session
