"""CSV downloads: what a spreadsheet gets, and what it must not run."""

from __future__ import annotations

import csv
import io

import pytest
from flask import Flask
from sqlalchemy import Engine

from portal import csv_export
from portal.database import write_session
from portal.tables import Role
from tests.cast import NOON, make_racer
from tests.conftest import sign_in


def test_a_table_comes_as_a_file_that_reads_back(app: Flask) -> None:
    with app.test_request_context():
        answer = csv_export.response("racers", ("alias", "seen", "hours"), [('a "b", c\nd', NOON, 5), ("é", None, 0)])
        text = answer.get_data(as_text=True)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="racers.csv"'
    assert list(csv.reader(io.StringIO(text))) == [
        ["alias", "seen", "hours"],
        ['a "b", c\nd', "2026-06-01T12:00:00+00:00", "5"],
        ["é", "", "0"],
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@cmd", "\tx", "\rx"])
def test_no_text_is_run_as_a_formula(text: str) -> None:
    assert csv_export.cell(text) == "'" + text


def test_numbers_keep_their_sign() -> None:
    assert csv_export.cell(-5) == -5


def test_a_table_that_was_sent_gives_its_connection_back(app: Flask, engine: Engine) -> None:
    with write_session(engine) as session:
        admin = make_racer(session, "ada", role=Role.ADMIN)
    answer = sign_in(app, admin).get("/admin/racers/export")
    assert "ada" in answer.get_data(as_text=True)
    assert app.extensions["paddock_engine"].pool.checkedout() == 0
