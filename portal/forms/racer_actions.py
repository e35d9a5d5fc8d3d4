"""What an administrator may ask for several racers at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from portal.forms.numbers import hours, whole
from portal.forms.parsing import SubmittedForm
from portal.rules.quotas import Quotas
from portal.tables import HOUR_MS

MOST_HOURS = 100_000
MOST_MODELS = 100_000
MOST_AT_ONCE = 1_000


def _hours(text: str | None) -> float | None:
    """Hours as typed; None for an empty field, which keeps what is."""
    if not (text or "").strip():
        return None
    value = hours(text or "")
    if not 0 <= value <= MOST_HOURS:
        raise ValueError(f"Hours are from 0 to {MOST_HOURS}.")
    return value


def _count(lowest: int, highest: int) -> BeforeValidator:
    def check(text: str | None) -> int | None:
        if not (text or "").strip():
            return None
        value = whole(text or "")
        if not lowest <= value <= highest:
            raise ValueError(f"A number from {lowest} to {highest}.")
        return value

    return BeforeValidator(check)


class ReasonForm(SubmittedForm):
    """Why something is done; it goes into the audit."""

    reason: str = Field(default="", max_length=500)

    def quotas(self) -> Quotas:
        """The quotas that are asked for: none."""
        return Quotas()


class QuotaForm(ReasonForm):
    """New quotas; an empty field keeps what each racer has."""

    hours: Annotated[float | None, BeforeValidator(_hours)] = None
    maximum_models: Annotated[int | None, _count(0, MOST_MODELS)] = None
    models_at_once: Annotated[int | None, _count(1, MOST_AT_ONCE)] = None

    def quotas(self) -> Quotas:
        """The quotas that are asked for."""
        quota_ms = None if self.hours is None else round(self.hours * HOUR_MS)
        return Quotas(quota_ms, self.maximum_models, self.models_at_once)
