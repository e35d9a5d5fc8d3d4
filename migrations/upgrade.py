"""Bringing a database to the newest version, or checking that it is there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

HERE = Path(__file__).resolve().parent


def configuration(address: str) -> Config:
    """Alembic's configuration for one database; there is no ini file."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["address"] = address
    return config


def upgrade(address: str, revision: str = "head") -> None:
    command.upgrade(configuration(address), revision)


def downgrade(address: str, revision: str) -> None:
    command.downgrade(configuration(address), revision)


def is_current(address: str) -> bool:
    """True where the database has the newest version of its tables."""
    newest = ScriptDirectory.from_config(configuration(address)).get_current_head()
    engine = create_engine(address)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() == newest
    finally:
        engine.dispose()
