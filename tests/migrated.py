"""Databases made by the real migrations, made once: a file to copy on SQLite, one that is emptied on PostgreSQL."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg

from bench import postgres
from migrations.upgrade import upgrade

NAME = "paddock"
PRISTINE = """
CREATE SCHEMA pristine;
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE pristine.%I AS TABLE public.%I', name, name);
    END LOOP;
END $$;
CREATE TABLE pristine_sequences AS SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public';
ALTER TABLE pristine_sequences SET SCHEMA pristine;
"""
"""Keeps what the migrations left in the tables. `pristine` is no schema that Alembic looks at."""
RESET = """
SET session_replication_role = replica;
DO $$ DECLARE name text; seen boolean; last bigint; BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('DELETE FROM public.%I', name);
        EXECUTE format('INSERT INTO public.%I SELECT * FROM pristine.%I', name, name);
    END LOOP;
    FOR name, last IN SELECT sequencename, last_value FROM pristine.pristine_sequences LOOP
        PERFORM setval(format('public.%I', name), coalesce(last, 1), last IS NOT NULL);
    END LOOP;
END $$;
"""
"""Puts it back, with triggers and foreign keys asleep for this connection: a tenth of what a new database takes."""


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="paddock-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "paddock.db"
    upgrade(f"sqlite:///{path}")
    return path


def migrated_copy(target: Path) -> None:
    """Copies the migrated template to `target`."""
    shutil.copyfile(_template(), target)


class MigratedPostgres:
    """A server with one migrated database. There is one at a time: `fresh` empties it under whoever still uses it."""

    def __init__(self, server: postgres.PostgresServer) -> None:
        self.server, self.address = server, server.address(NAME)
        server.run(f"CREATE DATABASE {NAME}")
        upgrade(self.address)
        self._run(PRISTINE)

    def fresh(self) -> str:
        """The address of the database as the migrations made it; other connections to it are ended."""
        self._run(RESET)
        return self.address

    def empty(self, name: str) -> str:
        """The address of another database, without any table."""
        self.server.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.server.run(f"CREATE DATABASE {name}")
        return self.server.address(name)

    def _run(self, statements: str) -> None:
        with psycopg.connect(host=str(self.server.folder), user="postgres", dbname=NAME, autocommit=True) as connection:
            connection.execute(statements.encode())


@contextmanager
def migrated_postgres() -> Iterator[MigratedPostgres]:
    """A real PostgreSQL for a whole session. Raises PostgresMissing where none can be started."""
    with postgres.running(durable=False) as server:
        yield MigratedPostgres(server)
