"""Writers on SQLite: they take turns, and one that waited in vain says so."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from portal import database
from portal.database import read_session, write_session
from portal.rules import limits


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
