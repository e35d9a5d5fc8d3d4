"""What an administrator may ask for several racers at once."""

from __future__ import annotations

from pydantic import Field

from portal.forms.parsing import SubmittedForm


class ReasonForm(SubmittedForm):
    """Why something is done; it goes into the audit."""

    reason: str = Field(default="", max_length=500)


class QuotaForm(ReasonForm):
    """A quota in hours, with a fraction where it is needed."""

    hours: float = Field(ge=0, le=100_000, allow_inf_nan=False)
