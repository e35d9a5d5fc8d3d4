"""What a racer may ask for, and what an administrator may answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from pydantic import Field, field_validator

from portal.forms.numbers import HOUR_DIGITS, hours, whole
from portal.forms.parsing import FormErrors, SubmittedForm
from portal.rules import request_decisions, requests
from portal.rules.request_decisions import LONGEST_ANSWER
from portal.rules.requests import LONGEST_REASON
from portal.tables import HOUR_MS, RacerRequest, RequestKind

LEAST_HOURS = 0.02
"""A little more than a minute, the shortest training."""


class MoreForm(SubmittedForm):
    """More hours or models: how many, and why."""

    amount: str
    reason: str = Field(min_length=1, max_length=LONGEST_REASON)


class WorkshopForm(SubmittedForm):
    """A workshop: when, where, for how many, whom to ask, and what is wanted."""

    date: str
    where: str = Field(min_length=1, max_length=200)
    people: str
    contact: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=LONGEST_REASON)

    @field_validator("date")
    @classmethod
    def _date(cls, value: str) -> str:
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise ValueError("Please give a date, as 2027-03-15.") from None

    @field_validator("people")
    @classmethod
    def _people(cls, value: str) -> str:
        if not 1 <= whole(value) <= 10_000:
            raise ValueError("Please give a number from 1 to 10000.")
        return str(whole(value))


class AnswerForm(SubmittedForm):
    """What the racer is told with a decision."""

    answer: str = Field(default="", max_length=LONGEST_ANSWER)


def read_amount(
    kind: RequestKind, text: str, field: str = "amount", most: Mapping[RequestKind, int] = requests.MOST
) -> int:
    """Hours as milliseconds, models as they are, 0 for a workshop; `most` is in the same units.

    Raises FormErrors under the field's name.
    """
    if kind == RequestKind.WORKSHOP:
        return 0
    try:
        number = hours(text) if kind == RequestKind.HOURS else whole(text)
    except ValueError as problem:
        raise FormErrors({field: str(problem)}) from None
    unit, least, words = (HOUR_MS, LEAST_HOURS, "hours") if kind == RequestKind.HOURS else (1, 1, "models")
    if not least <= number <= most[kind] / unit:
        raise FormErrors({field: f"Please give at least {least} and at most {most[kind] // unit} {words}."})
    return round(number * unit)


def amount_field(request: RacerRequest) -> str:
    """The name of the field that says what a request is given."""
    return f"amount-{request.public_id}"


def read_amounts(submitted: Mapping[str, str], chosen: Iterable[RacerRequest]) -> dict[str, int]:
    """What each request is given, by public id. Raises FormErrors with all fields that are wrong."""
    amounts: dict[str, int] = {}
    errors: dict[str, str] = {}
    for request in chosen:
        field = amount_field(request)
        try:
            kind, typed = RequestKind(request.kind), submitted.get(field, "")
            amounts[request.public_id] = read_amount(kind, typed, field, request_decisions.MOST)
        except FormErrors as problem:
            errors |= problem.by_field
    if errors:
        raise FormErrors(errors)
    return amounts


def written_amount(kind: str, amount: int) -> str:
    """An amount as its field shows it: 5400000 is `1.5`."""
    return f"{round(amount / HOUR_MS, HOUR_DIGITS):.9g}" if kind == RequestKind.HOURS else str(amount or "")
