"""Migrated, empty databases to measure on: a file of SQLite, and a PostgreSQL server of the benchmark's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bench import postgres
from migrations.upgrade import upgrade

SQLITE, POSTGRESQL = "sqlite", "postgresql"

option = click.option(
    "--database",
    "databases",
    multiple=True,
    type=click.Choice([SQLITE, POSTGRESQL]),
    default=(SQLITE, POSTGRESQL),
    show_default=True,
    help="Where to measure; may be repeated.",
)


@contextmanager
def migrated(kind: str) -> Iterator[str]:
    """The address of a new database; it waits for the disk as in production."""
    if kind == SQLITE:
        with tempfile.TemporaryDirectory(prefix="pb") as folder:
            yield _upgraded(f"sqlite:///{Path(folder) / 'paddock.db'}")
        return
    try:
        with postgres.running() as server:
            server.run("CREATE DATABASE paddock")
            yield _upgraded(server.address("paddock"))
    except postgres.PostgresMissing as missing:
        raise click.ClickException(f"{missing}; measure without it: --database sqlite") from None


def _upgraded(address: str) -> str:
    upgrade(address)
    return address
