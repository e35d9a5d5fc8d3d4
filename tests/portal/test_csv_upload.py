"""Uploaded lists: read as spreadsheets write them, refused in plain words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.forms.csv_upload import Column, read_rows, short
from portal.forms.invitation import COLUMNS, read_people
from portal.forms.parsing import FormErrors


def rows(data: bytes | str) -> list[tuple[int, str, str]]:
    data = data.encode() if isinstance(data, str) else data
    return [(row.number, row.cells["email"], row.cells.get("name", "")) for row in read_rows(data, COLUMNS)]


def refusal(data: bytes) -> str:
    with pytest.raises(FormErrors) as refused:
        read_rows(data, COLUMNS)
    return refused.value.by_field["file"]


@pytest.mark.parametrize(
    "data",
    [
        "a@example.org,Ada\nb@example.org,Bob, the second\n".replace("Bob, the second", '"Bob, the second"'),
        'E-mail,Name\r\na@example.org,Ada\r\nb@example.org,"Bob, the second"\r\n',
        "\ufeffName;E-Mail Address;Team\nAda;a@example.org;1\nBob, the second;b@example.org;2",
        "name\temail\nAda\ta@example.org\nBob, the second\tb@example.org\n",
        'sep=;\r\nemail;name\r\na@example.org;Ada\r\nb@example.org;"Bob, the second"\r\n',
        'email,name\ra@example.org, "Ada"\rb@example.org, "Bob, the second"',
    ],
)
def test_it_is_read_with_any_separator_with_titles_or_without(data: str) -> None:
    assert [row[1:] for row in rows(data)] == [("a@example.org", "Ada"), ("b@example.org", "Bob, the second")]


def test_rows_are_numbered_as_a_spreadsheet_does_and_empty_ones_count_for_nothing() -> None:
    assert rows("email\n\n,,\na@example.org\n\nb@example.org") == [(4, "a@example.org", ""), (6, "b@example.org", "")]


def test_a_first_row_that_is_no_title_is_a_person() -> None:
    assert rows("mail@example.org,Name\n") == [(1, "mail@example.org", "Name")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "nobody in this file"),
        (b"\n\n , ,\n", "nobody in this file"),
        (b"email,name\n", "nobody in this file"),
        ("zo\xeb@example.org".encode("latin-1"), "no UTF-8"),
        ("a@example.org".encode("utf-16"), "no UTF-8"),
        (b"a@example.org\0,Ada", "no CSV"),
        (b"PK\x03\x04\x00\x00", "no CSV"),
        (b'a@example.org,"Ada\nb@example.org,Bob\n', "Line 2 cannot be read"),
        (b'a@example.org,"Ada" x\n', "Line 1 cannot be read"),
        (b"a@example.org," + b"x" * 200_000, "cannot be read"),
        (b"x" * (1024 * 1024 + 1), "larger than 1 MB"),
        (b"a@example.org\n" * 501, "more than 500 rows"),
        (b"email\n" + b"a@example.org\n" * 501, "more than 500 rows"),
        (b"\n" * 1_000_000, "more than 500 rows"),
        (b'"\n' * 500_000, "more than 500 rows"),
    ],
)
def test_what_cannot_be_read_is_refused_in_plain_words(data: bytes, message: str) -> None:
    assert message in refusal(data)


def test_five_hundred_rows_and_their_titles_are_taken() -> None:
    assert len(rows("email\n" + "a@example.org\n" * 500)) == 500


@given(st.binary(max_size=300))
def test_no_file_breaks_the_reader(data: bytes) -> None:
    try:
        found = read_rows(data, COLUMNS)
    except FormErrors:
        return
    assert all(set(row.cells) == {"email", "name"} or "email" in row.cells for row in found)


def test_a_title_that_is_a_user_name_too_is_only_a_title_where_it_says_so() -> None:
    columns = (Column("username", "username|login"), Column("name", "name"))
    assert [row.cells["username"] for row in read_rows(b"admin,The Admin\nuser1,One", columns)] == ["admin", "user1"]


def test_a_report_shows_a_cell_on_one_line_and_not_all_of_a_huge_one() -> None:
    assert short("a\r\nb\0\u202ec") == "a b c"
    assert short("x" * 100) == "x" * 79 + "…"


def test_addresses_are_typed_as_mail_programs_copy_them() -> None:
    first = 'Ada Lovelace <ada@example.org>, bob@example.org; "Last, First" <c@example.org>'
    typed = f"{first}\nd@example.org e@example.org\n\nno"
    assert [(person.email, person.name) for person in read_people(typed, b"")] == [
        ("ada@example.org", "Ada Lovelace"),
        ("bob@example.org", ""),
        ("c@example.org", "Last, First"),
        ("d@example.org", ""),
        ("e@example.org", ""),
        ("no", ""),
    ]


def test_typed_addresses_and_a_file_go_together_up_to_five_hundred() -> None:
    people = read_people("a@example.org", b"b@example.org")
    assert [(person.where, person.email) for person in people] == [("1", "a@example.org"), ("file 1", "b@example.org")]
    with pytest.raises(FormErrors, match="501 people"):
        read_people("a@example.org", b"b@example.org\n" * 500)
    with pytest.raises(FormErrors, match="at least one"):
        read_people(" \n, ;", b"")
