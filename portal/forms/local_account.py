"""What a new local account may say."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from portal.forms.parsing import SubmittedForm


class LocalAccountForm(SubmittedForm):
    """A new account; the password is made by the server and shown once."""

    username: str = Field(min_length=1, max_length=64)
    name: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=254)
    admin: bool = False

    @field_validator("email")
    @classmethod
    def _email(cls, value: str) -> str:
        if value and not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
            raise ValueError("An e-mail address looks like name@example.org.")
        return value
