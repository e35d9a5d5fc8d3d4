"""A list of local accounts to make."""

from __future__ import annotations

from portal.forms.csv_upload import Column, read_rows
from portal.forms.parsing import FormErrors
from portal.rules.account_import import Wanted

COLUMNS = (
    Column("username", "(user|login|account)name|login|userid"),
    Column("name", "(full|display|real)?name"),
    Column("email", "e?mail.*"),
    Column("admin", "(is)?admin(istrator)?"),
)


def read_accounts(file: bytes) -> list[Wanted]:
    """The rows of a file. Raises FormErrors (field `file`) for none and for one that cannot be read."""
    if not file:
        raise FormErrors({"file": "Choose a CSV file."})
    return [Wanted(row.number, **row.cells) for row in read_rows(file, COLUMNS)]
