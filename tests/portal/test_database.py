"""Sessions: a reader sees one moment and writes nothing; writers on SQLite take turns, and one that waited in vain
says so."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import select

from portal import database
from portal.database import make_engine, read_session, write_session
from portal.rules import limits
from portal.settings import Settings
from portal.tables import Limits
from tests.conftest import POSTGRESQL, SQLITE


@pytest.mark.both_databases
def test_a_reader_sees_one_moment(engine: Engine) -> None:
    with read_session(engine) as reader:
        before = reader.exec(select(Limits.cars)).one()
        with write_session(engine) as session:
            limits.current(session).cars = before + 1
        assert reader.exec(select(Limits.cars)).one() == before
    with read_session(engine) as reader:
        assert reader.exec(select(Limits.cars)).one() == before + 1


@pytest.mark.parametrize("database", [POSTGRESQL], indirect=True)
def test_a_reader_on_postgresql_can_change_nothing(engine: Engine) -> None:
    with read_session(engine) as reader:
        limits.current(reader).cars = 5
        with pytest.raises(DBAPIError, match="read-only"):
            reader.flush()


@pytest.mark.parametrize("database", [POSTGRESQL], indirect=True)
def test_one_that_waited_in_vain_on_postgresql_is_told_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE_S", 0.05)
    engine = make_engine(settings.database_address)
    with write_session(engine) as first:
        limits.hold(first)
        with pytest.raises(OperationalError, match="lock timeout"), write_session(engine) as second:
            limits.hold(second)
    engine.dispose()


@pytest.mark.parametrize("database", [SQLITE], indirect=True)
def test_a_writer_waits_until_the_one_before_has_committed(engine: Engine) -> None:
    began, seen = threading.Event(), []

    def wait_and_look() -> None:
        began.set()
        with write_session(engine) as session:
            seen.append(limits.current(session).cars)

    with write_session(engine) as session:
        current = limits.current(session)  # a transaction begins with its first statement
        second = threading.Thread(target=wait_and_look)
        second.start()
        began.wait()
        time.sleep(0.1)
        assert seen == []
        current.cars = 7
    second.join()
    assert seen == [7]


@pytest.mark.parametrize("database", [SQLITE], indirect=True)
def test_one_that_waited_in_vain_is_told_that_the_database_is_locked(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE_S", 0.05)
    with write_session(engine) as first:
        limits.current(first)
        with pytest.raises(OperationalError, match="locked"), write_session(engine) as second:
            limits.current(second)
    with write_session(engine) as session:
        limits.current(session).cars = 8
    with read_session(engine) as session:
        assert limits.current(session).cars == 8
