"""Lists that are uploaded as CSV: from bytes to rows by name, or to one plain message.

Read as spreadsheets write it: UTF-8 with or without a byte order mark, commas, semicolons or tabs, quoted cells, with
a row of titles or without.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from portal.forms.parsing import FormErrors

MOST_ROWS = 500
MOST_LINES = 5000
"""With the empty ones: a file of nothing but line ends is small and would fill the memory."""
LONGEST_BYTES = 1024 * 1024
SEPARATORS = ",;\t"
SHOWN_OF_A_CELL = 80


class Column(NamedTuple):
    """A column: its name in the answer, and a pattern for its title in small letters and digits alone."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is not empty: its number as a spreadsheet counts, and its cells by name, without spaces around."""

    number: int
    cells: dict[str, str]


def read_rows(data: bytes, columns: Sequence[Column], field: str = "file") -> list[Row]:
    """The rows of a file. The first column has to be there; without titles the columns come in the given order.

    Raises FormErrors (for `field`) where it is too large, no UTF-8 text, no CSV, or has no or too many rows.
    """
    try:
        rows = _by_name(_parsed(_text(data)), columns)
    except ValueError as error:
        raise FormErrors({field: str(error)}) from None
    if not rows:
        raise FormErrors({field: "There is nobody in this file."})
    return rows


def short(cell: str) -> str:
    """A cell as it is shown in a report: on one line, and cut where it is long."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in cell).split())
    return line if len(line) <= SHOWN_OF_A_CELL else line[: SHOWN_OF_A_CELL - 1] + "…"


def _text(data: bytes) -> str:
    if len(data) > LONGEST_BYTES:
        raise ValueError(f"This file is larger than {LONGEST_BYTES // 1024 // 1024} MB; split it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("This is no UTF-8 text. Save it in your spreadsheet as “CSV UTF-8”.") from None
    if "\0" in text:
        raise ValueError("This is no CSV file. Save it in your spreadsheet as “CSV UTF-8”.")
    return text


def _parsed(text: str) -> list[list[str]]:
    named = re.match(r"sep=([,;\t])\r?\n", text, re.IGNORECASE)  # what Excel writes and reads
    separator = named.group(1) if named else _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    rows: list[list[str]] = []
    filled = 0
    try:
        for row in reader:
            rows.append([] if named and not rows else [cell.strip() for cell in row])
            filled += any(rows[-1])
            if filled > MOST_ROWS + 1 or len(rows) > MOST_LINES:
                raise ValueError(f"There are more than {MOST_ROWS} rows in this file; split it.")
    except csv.Error as error:
        raise ValueError(
            f"Line {reader.line_num} cannot be read ({error}). Save the list in your spreadsheet as “CSV UTF-8”."
        ) from None
    return rows


def _separator(text: str) -> str:
    """What separates the cells of the first line that has any, quoted parts aside."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(SEPARATORS, key=bare.count)


def _by_name(rows: list[list[str]], columns: Sequence[Column]) -> list[Row]:
    numbered = [(number, row) for number, row in enumerate(rows, 1) if any(row)]
    places = _places(numbered[0][1], columns) if numbered else {}
    if places:
        del numbered[0]
    else:
        places = {column.name: place for place, column in enumerate(columns)}
    if len(numbered) > MOST_ROWS:
        raise ValueError(f"There are more than {MOST_ROWS} rows in this file; split it.")
    return [
        Row(number, {name: row[place] if place < len(row) else "" for name, place in places.items()})
        for number, row in numbered
    ]


def _places(row: list[str], columns: Sequence[Column]) -> dict[str, int]:
    """Where each column is, by its title; empty where this is no row of titles."""
    titles = ["" if "@" in cell else re.sub(r"[\W_]", "", cell.lower()) for cell in row]
    found: dict[str, int] = {}
    for column in columns:
        fitting = (place for place, title in enumerate(titles) if re.fullmatch(column.title, title))
        place = next((place for place in fitting if place not in found.values()), None)
        if place is not None:
            found[column.name] = place
    return found if columns[0].name in found else {}
