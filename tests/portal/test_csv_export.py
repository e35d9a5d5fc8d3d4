"""CSV downloads: what a spreadsheet gets, and what it must not run."""

from __future__ import annotations

import csv
import io

import pytest
from flask import Flask

from portal import csv_export
from tests.cast import NOON


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
