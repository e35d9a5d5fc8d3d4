"""The migrations: up, down, up again, and equal to what the tables say."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from migrations.revisions import newest
from migrations.upgrade import configuration, downgrade, is_current, upgrade
from portal.database import make_engine, write_session
from portal.tables import AuditEvent, Limits
from tests.cast import NOON


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'paddock.db'}"


def tables(address: str) -> set[str]:
    with sqlite3.connect(address.removeprefix("sqlite:///")) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_a_new_database_is_not_current_until_it_is_upgraded(address: str) -> None:
    assert not is_current(address)
    upgrade(address)
    assert is_current(address)


def test_the_newest_version_is_known_by_its_file_name() -> None:
    script = ScriptDirectory.from_config(configuration("sqlite://"))
    assert newest() == script.get_current_head()


def test_what_was_made_can_be_taken_down_and_made_again(address: str) -> None:
    upgrade(address)
    made = tables(address)
    downgrade(address, "base")
    assert tables(address) == {"alembic_version"}
    upgrade(address)
    assert tables(address) == made


def test_the_migrations_make_exactly_what_the_tables_declare(address: str) -> None:
    upgrade(address)
    command.check(configuration(address))


def test_the_limits_begin_with_the_consoles_defaults(address: str) -> None:
    upgrade(address)
    engine = make_engine(address)
    with write_session(engine) as session:
        limits = session.get(Limits, 1)
        assert limits is not None
        assert (limits.trainings_at_once, limits.evaluations_at_once) == (100, 100)
        assert (limits.cars, limits.private_leaderboards) == (1000, 50)
        assert (limits.new_racer_quota_ms, limits.new_racer_models_at_once) == (5 * 3_600_000, 2)
        assert (limits.training_hour_microusd, limits.storage_gb_month_microusd) == (3_500_000, 23_000)
    engine.dispose()


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event"])
def test_the_audit_refuses_changes_in_the_database_itself(address: str, statement: str) -> None:
    upgrade(address)
    engine = make_engine(address)
    with write_session(engine) as session:
        session.add(AuditEvent(at=NOON, action="race.open", subject="race:1"))
    engine.dispose()
    with sqlite3.connect(address.removeprefix("sqlite:///")) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
