"""Rows by the hundred thousand, straight through the driver: COPY on PostgreSQL, one prepared INSERT on SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any

import psycopg
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel


class Rows:
    """The rows of one table: `changing` names the columns that each row brings, everything else is as in `like`."""

    def __init__(self, like: SQLModel, *changing: str) -> None:
        self.table: str = type(like).__tablename__  # type: ignore[assignment]
        stays = {name: value for name, value in like.model_dump().items() if name not in (*changing, "id")}
        self.columns = [*changing, *stays]
        self._stays = tuple(stored(value) for value in stays.values())

    def row(self, *changing: Any) -> tuple[Any, ...]:
        return (*changing, *self._stays)


def stored(value: Any) -> Any:
    """A value as both drivers take it for text, numbers and moments in UTC."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


class Loader:
    """One connection that fills tables in one transaction; use it as a context manager."""

    def __init__(self, address: str) -> None:
        url = make_url(address)
        if url.drivername.startswith("sqlite"):
            self._sqlite: sqlite3.Connection | None = sqlite3.connect(url.database or "")
            return
        self._sqlite = None
        self._postgresql = psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
        self._postgresql.execute("SET TIME ZONE 'UTC'")

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        connection: Any = self._sqlite or self._postgresql
        if kind is None:
            connection.commit()
            self._after(connection)
        connection.close()

    def fill(self, rows: Rows, values: Iterable[Sequence[Any]]) -> None:
        """Adds rows; each brings the values of the columns that change."""
        columns = ", ".join(rows.columns)
        if self._sqlite is not None:
            places = ", ".join("?" * len(rows.columns))
            statement = f"INSERT INTO {rows.table} ({columns}) VALUES ({places})"  # noqa: S608  names of ours
            self._sqlite.executemany(statement, (rows.row(*value) for value in values))
            return
        statement = f"COPY {rows.table} ({columns}) FROM STDIN"
        with self._postgresql.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for value in values:
                copy.write_row(rows.row(*value))

    def change(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        """One statement for each row of values, which go where it has braces."""
        place = "?" if self._sqlite is not None else "%s"
        text = statement.replace("{}", place)
        if self._sqlite is not None:
            self._sqlite.executemany(text, values)
            return
        with self._postgresql.cursor() as cursor:
            cursor.executemany(text.encode(), values)

    def _after(self, connection: Any) -> None:
        """Statistics for the planner, as a running server gathers them by itself; sequences behind the last row."""
        if self._sqlite is not None:
            connection.execute("PRAGMA optimize=0x10002")
            return
        connection.autocommit = True
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            sequence = connection.execute("SELECT to_regclass(%s)", (f"{table}_id_seq",)).fetchone()
            if sequence and sequence[0]:
                last = f"(SELECT coalesce(max(id), 0) + 1 FROM {table})"  # noqa: S608  names of ours
                connection.execute(f"SELECT setval('{table}_id_seq', {last}, false)".encode())
        connection.execute("VACUUM ANALYZE")
