"""From a submitted form to a checked object, or to messages by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.datastructures import MultiDict

Form = TypeVar("Form", bound="SubmittedForm")

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""Characters that no text holds: PostgreSQL refuses the first of them, and the others hide in what people read."""


class SubmittedForm(BaseModel):
    """Base of all forms: surrounding spaces go, unknown fields are ignored, nothing can be changed afterwards."""

    model_config = ConfigDict(str_strip_whitespace=True, extra="ignore", frozen=True)


class FormErrors(Exception):
    """What is wrong, by field name; the empty name is for the form as a whole."""

    def __init__(self, by_field: Mapping[str, str]) -> None:
        super().__init__("; ".join(by_field.values()))
        self.by_field = dict(by_field)


def parse(form: type[Form], submitted: MultiDict[str, str], lists: tuple[str, ...] = ()) -> Form:
    """The form's checked content. Raises FormErrors with one plain message for each field that is wrong.

    `lists` names the fields that may come several times, as check boxes do.
    """
    values: dict[str, object] = {name: submitted.get(name) for name in submitted}
    values.update({name: submitted.getlist(name) for name in lists})
    hidden = [name for name in form.model_fields if _has_control(values.get(name))]
    if hidden:
        message = "There is an invisible control character in it. Type the text anew instead of pasting it."
        raise FormErrors(dict.fromkeys(hidden, message))
    try:
        return form.model_validate(values)
    except ValidationError as error:
        raise FormErrors(_messages(error)) from None


def _has_control(value: object) -> bool:
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(text, str) and CONTROL.search(text) for text in texts)


def _messages(error: ValidationError) -> dict[str, str]:
    messages: dict[str, str] = {}
    for problem in error.errors():
        field = str(problem["loc"][0]) if problem["loc"] else ""
        messages.setdefault(field, _plain(problem["type"], problem["msg"]))
    return messages


def _plain(kind: str, message: str) -> str:
    """Pydantic's sentence without its prefixes; a missing field is asked for."""
    if kind in ("missing", "string_too_short"):
        return "Please fill this in."
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
