"""The database: engines, and sessions that read or write.

A read session sees one moment, however many queries it makes: on SQLite by nature, on PostgreSQL by REPEATABLE READ.

On SQLite a write session begins with BEGIN IMMEDIATE, so that what it read stays true until it commits; the plain
driver default lets two requests read the same balance and both spend it. On PostgreSQL writers run at once (READ
COMMITTED), and rules hold the rows that they check and then write, in one order: docs/decisions/0006-lock-order.md.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlmodel import Session

POOL_SIZE = 64
KEPT = 8
"""Connections that stay open on PostgreSQL; it counts each of them, and has 100 for everybody by default."""
BUSY_MS = 10_000
"""How long a statement waits on SQLite: for a checkpoint, or for another process that opens the file."""
PATIENCE_S = 30.0
"""How long a writer waits for the others; then it is given up, and nothing was changed."""
FIRST_PAUSE_S, LAST_PAUSE_S, LONG_WAIT_S = 0.004, 0.0005, 2.0
"""Between two looks whether it is a writer's turn: at its coming, and when it has waited long."""


def make_engine(address: str) -> Engine:
    """An engine for a SQLite or PostgreSQL address."""
    if not address.startswith("sqlite"):
        engine = create_engine(address, pool_pre_ping=True, pool_size=KEPT, max_overflow=POOL_SIZE - KEPT)
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
    engine = create_engine(address, pool_size=POOL_SIZE, max_overflow=0, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    for pragma in ("journal_mode=wal", "synchronous=normal", "foreign_keys=on", f"busy_timeout={BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_postgresql(connection: Any, _record: object) -> None:
    """Not by the driver's `options`: poolers between us and the server refuse those."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {int(PATIENCE_S * 1000)}")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get("write", False):
        connection.exec_driver_sql("BEGIN")
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA busy_timeout=0")
    try:
        if not _got_turn(driver):
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # raises what SQLAlchemy makes of it
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_MS}")


def _got_turn(driver: sqlite3.Connection) -> bool:
    """Waits for its turn to write and begins; False where it waited in vain.

    SQLite's own waiting looks the more rarely the longer it lasts, so that of many writers some starve; here it is the
    other way round.
    """
    began = time.monotonic()
    while (waited := time.monotonic() - began) < PATIENCE_S:
        try:
            driver.execute("BEGIN IMMEDIATE")
            return True
        except sqlite3.OperationalError as error:
            if not getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                return False
        pause = FIRST_PAUSE_S + (LAST_PAUSE_S - FIRST_PAUSE_S) * min(1.0, waited / LONG_WAIT_S)
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  only so that nobody keeps in step
    return False


def read_session(engine: Engine) -> Session:
    """A session for looking only; the caller closes it."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Session(engine, expire_on_commit=False)


@contextmanager
def write_session(engine: Engine) -> Iterator[Session]:
    """One transaction that commits when the block ends well and rolls back when it raises."""
    with Session(engine.execution_options(write=True), expire_on_commit=False) as session, session.begin():
        yield session
