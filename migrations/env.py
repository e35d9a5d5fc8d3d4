"""How Alembic runs: on SQLite and PostgreSQL alike, from `migrations.upgrade`."""

from __future__ import annotations

from typing import Any

from alembic import context
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Column, Connection
from sqlmodel import SQLModel

import portal.tables  # noqa: F401  defines the tables
from portal.database import make_engine


def migrate(connection: Connection) -> None:
    """Runs the migrations in one transaction, with foreign keys off on SQLite.

    SQLite rebuilds a table to change it; with foreign keys on, that would delete the rows that refer to it.
    """
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        compare_server_default=defaults_differ,
    )
    with context.begin_transaction():
        context.run_migrations()
        if on_sqlite and (orphans := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
            raise RuntimeError(f"the migration would leave rows without their parent: {orphans[:5]}")


def defaults_differ(
    _context: MigrationContext,
    _inspected: Column[Any],
    declared: Column[Any],
    found: str | None,
    _default: object,
    wanted: str | None,
) -> bool | None:
    """Whether two defaults of a column differ; None leaves it to Alembic.

    PostgreSQL has no equality of JSON values, with which Alembic would compare them: their texts are compared.
    """
    if not isinstance(declared.type, JSON):
        return None
    return (found or "").removesuffix("::json").strip("'") != (wanted or "").strip("'")


engine = make_engine(context.config.attributes["address"]).execution_options(write=True)
with engine.connect() as connection:
    migrate(connection)
engine.dispose()
