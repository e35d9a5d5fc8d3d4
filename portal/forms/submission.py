"""What a racer says when entering a race: which model."""

from __future__ import annotations

from pydantic import Field

from portal.forms.parsing import SubmittedForm


class SubmissionForm(SubmittedForm):
    """The public id of the model that is entered."""

    model: str = Field(min_length=1, max_length=64)
