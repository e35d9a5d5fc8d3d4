"""Whom to invite, and how."""

from __future__ import annotations

import re

from pydantic import Field

from portal.forms.csv_upload import Column, read_rows
from portal.forms.parsing import FormErrors, SubmittedForm
from portal.rules.invitations import DEFAULT_LIFE, LONGEST_LIFE, MOST_AT_ONCE, Invitee

COLUMNS = (Column("email", "e?mail.*"), Column("name", "(full|display|real)?name"))
NAMED = re.compile(r'\s*"?(?P<name>[^"<>]*?)"?\s*<(?P<email>[^<>]*)>\s*')
"""`Ada Lovelace <ada@example.org>`, as mail programs copy it."""


class InvitationForm(SubmittedForm):
    """Addresses by line, comma, semicolon or space; where the link leads; for how many days; whether it is mailed."""

    addresses: str = Field(default="", max_length=200_000)
    land_on: str = Field(default="/garage", max_length=500)
    path: str = Field(default="", max_length=500)
    """Used where `land_on` is no path but the choice of another one."""
    days: int = Field(default=DEFAULT_LIFE.days, ge=1, le=LONGEST_LIFE.days)
    send: bool = False

    @property
    def destination(self) -> str:
        return self.land_on if self.land_on.startswith("/") else self.path


class TemplateForm(SubmittedForm):
    """An own wording. Its lengths and placeholders are checked by the rule."""

    subject: str = Field(default="", max_length=10_000)
    body: str = Field(default="", max_length=100_000)


def read_people(addresses: str, file: bytes) -> list[Invitee]:
    """Those who were typed in, then those in the file. Raises FormErrors for a bad file, nobody, or too many."""
    people = [Invitee(str(number), *person) for number, person in enumerate(_typed(addresses), 1)]
    if file:
        where = "file {}" if people else "{}"
        for row in read_rows(file, COLUMNS):
            people.append(Invitee(where.format(row.number), row.cells["email"], row.cells.get("name", "")))
    if not people:
        raise FormErrors({"addresses": "Type at least one e-mail address, or choose a file."})
    if len(people) > MOST_AT_ONCE:
        field = "file" if file else "addresses"
        raise FormErrors({field: f"These are {len(people)} people; at most {MOST_AT_ONCE} at once. Split the list."})
    return people


def _typed(text: str) -> list[tuple[str, str]]:
    """(address, name) of each entry. What is no address stays as it is: the rule says so in its row."""
    found: list[tuple[str, str]] = []
    for part in re.split(r'[\r\n;]+|,(?=(?:[^"]*"[^"]*")*[^"]*$)', text):
        named = NAMED.fullmatch(part)
        if named:
            found.append((named["email"].strip(), named["name"].strip()))
        elif part.count("@") > 1:
            found += [(word, "") for word in part.split()]
        elif part.strip():
            found.append((part.strip(), ""))
    return found
