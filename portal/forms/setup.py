"""What an administrator may set for the whole instance."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import BeforeValidator

from portal.forms.racer_actions import ReasonForm
from portal.tables import HOUR_MS, Limits

MICROUSD = 1_000_000
MOST = 1_000_000


def _number(text: object, unit: int, most: int, decimals: int) -> int:
    try:
        value = Decimal(str(text).strip().replace(",", "."))
    except InvalidOperation:
        raise ValueError("Please give a number." if str(text).strip() else "Please fill this in.") from None
    if not value.is_finite() or not 0 <= value <= most:
        raise ValueError(f"Give a number from 0 to {most:,}.")
    if value != round(value, decimals):
        kind = "a whole number" if decimals == 0 else f"at most {decimals} digits after the point"
        raise ValueError(f"Please give {kind}.")
    return int(value * unit)


Count = Annotated[int, BeforeValidator(lambda text: _number(text, 1, MOST, 0))]
Hours = Annotated[int, BeforeValidator(lambda text: _number(text, HOUR_MS, 100_000, 3))]
"""Typed in hours, kept in milliseconds."""
Dollars = Annotated[int, BeforeValidator(lambda text: _number(text, MICROUSD, 10_000, 6))]
"""Typed in dollars, kept in millionths."""


class LimitsForm(ReasonForm):
    """The limits that all share, what a new racer gets, and the prices of the estimate."""

    trainings_at_once: Count
    evaluations_at_once: Count
    cars: Count
    private_leaderboards: Count
    new_racer_quota_ms: Hours
    new_racer_models_at_once: Count
    new_racer_maximum_models: Count
    training_hour_microusd: Dollars
    evaluation_hour_microusd: Dollars
    storage_gb_month_microusd: Dollars

    def values(self) -> dict[str, int]:
        """The columns of `Limits` that it sets."""
        return self.model_dump(exclude={"reason"})


class SwitchForm(ReasonForm):
    """The boxes of the dialogs that switch multi-user mode."""

    access: bool = False
    permissions: bool = False
    understood: bool = False


PARTS = {
    "limits": ("trainings_at_once", "evaluations_at_once", "cars", "private_leaderboards"),
    "newcomers": ("new_racer_quota_ms", "new_racer_models_at_once", "new_racer_maximum_models"),
    "prices": ("training_hour_microusd", "evaluation_hour_microusd", "storage_gb_month_microusd"),
}
"""What goes back to the retired console's numbers together."""


def defaults() -> dict[str, int]:
    """The retired console's numbers, by column."""
    plain = Limits()
    return {name: getattr(plain, name) for names in PARTS.values() for name in names}


def typed(name: str, value: int) -> str:
    """A stored number as it is typed: hours, dollars or a count, without needless zeros."""
    unit = HOUR_MS if name.endswith("_ms") else MICROUSD if name.endswith("_microusd") else 1
    number = Decimal(value) / unit
    if name.endswith("_microusd") and number == round(number, 2):
        return f"{number:.2f}"
    return f"{number.normalize():f}"
