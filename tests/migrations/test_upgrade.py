"""The migrations: up, down, up again, and equal to what the tables say; on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from migrations.revisions import newest
from migrations.upgrade import configuration, downgrade, is_current, upgrade
from portal.database import make_engine, write_session
from portal.rules import ledger
from portal.tables import AuditEvent, Limits, Racer
from tests.cast import NOON
from tests.conftest import DATABASES, POSTGRESQL


@pytest.fixture(params=DATABASES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == POSTGRESQL:
        empty: str = request.getfixturevalue("postgres").empty("migrations")
        return empty
    return f"sqlite:///{tmp_path / 'paddock.db'}"


def tables(address: str) -> set[str]:
    engine = make_engine(address)
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found


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


CHANGES = {
    "update": "UPDATE {table} SET id = 7",
    "delete": "DELETE FROM {table}",
    "truncate": "TRUNCATE {table}",
}


@pytest.mark.parametrize("verb", CHANGES)
@pytest.mark.parametrize("table", ["audit_event", "ledger_entry"])
def test_the_database_itself_lets_the_audit_and_the_ledger_only_grow(address: str, table: str, verb: str) -> None:
    if verb == "truncate" and address.startswith("sqlite"):
        pytest.skip("SQLite has no TRUNCATE; its DELETE runs the trigger")
    upgrade(address)
    engine = make_engine(address)
    with write_session(engine) as session:
        add_a_line(session, table)
    with write_session(engine) as session:
        with pytest.raises(IntegrityError, match="append-only"):
            session.execute(text(CHANGES[verb].format(table=table)))
        session.rollback()
    engine.dispose()


@pytest.mark.parametrize("table", ["audit_event", "ledger_entry"])
def test_a_way_down_and_up_again_leaves_them_as_strict(address: str, table: str) -> None:
    upgrade(address)
    downgrade(address, "0001")
    upgrade(address)
    test_the_database_itself_lets_the_audit_and_the_ledger_only_grow(address, table, "delete")


def add_a_line(session: Session, table: str) -> None:
    if table == "audit_event":
        session.add(AuditEvent(at=NOON, action="race.open", subject="race:1"))
        return
    racer = Racer(issuer="i", subject="s", created_at=NOON, last_seen_at=NOON)
    session.add(racer)
    session.flush()
    ledger.open_account(session, racer, now=NOON)
