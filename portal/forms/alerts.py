"""What an administrator may say about budgets, thresholds and where alerts go."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from portal.forms.numbers import decimal
from portal.forms.parsing import SubmittedForm
from portal.forms.racer_actions import ReasonForm
from portal.tables import AlertScope

MICROUSD = 1_000_000
MOST_DOLLARS = 1_000_000_000


def _dollars(text: object) -> int:
    """Dollars as typed, in millionths."""
    value = decimal(str(text))
    if not 0 <= value <= MOST_DOLLARS:
        raise ValueError(f"Give an amount from 0 to {MOST_DOLLARS:,}.")
    cents = Decimal(str(text).strip().replace(",", ".")) * 100
    if cents != int(cents):
        raise ValueError("Give dollars and cents: at most two digits after the point.")
    return int(cents) * (MICROUSD // 100)


Dollars = Annotated[int, BeforeValidator(_dollars)]
Budget = Annotated[int | None, BeforeValidator(lambda text: _dollars(text) if str(text).strip() else None)]
"""Typed in dollars, kept in millionths; blank is no budget."""


class BudgetsForm(ReasonForm):
    """The budgets of the instance and of each racer, and the hard cap."""

    monthly_budget_microusd: Budget = None
    racer_monthly_budget_microusd: Budget = None
    hard_cap_enabled: bool = False

    def values(self) -> dict[str, int | bool | None]:
        """The columns of `Limits` that it sets."""
        return self.model_dump(exclude={"reason"})


class OwnBudgetForm(SubmittedForm):
    """A racer by alias, and the racer's own budget; blank takes it away."""

    alias: str = Field(min_length=1, max_length=64)
    budget: Budget = None


class ThresholdForm(SubmittedForm):
    """A share of the budget, or an amount in dollars."""

    scope: AlertScope
    unit: Literal["percent", "dollars"]
    threshold: str = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _is_number(self) -> ThresholdForm:
        self.values()
        return self

    def values(self) -> dict[str, int]:
        """What `alert_thresholds.add` takes."""
        if self.unit == "dollars":
            return {"amount_microusd": _dollars(self.threshold)}
        value = decimal(self.threshold)
        if value != int(value):
            raise ValueError("Give a whole number of percent.")
        return {"percent": int(value)}


class AddressesForm(SubmittedForm):
    """Mail addresses, one a line or separated by commas."""

    emails: str = Field(default="", max_length=8000)

    def values(self) -> list[str]:
        return self.emails.replace(",", "\n").splitlines()


class WebHookForm(SubmittedForm):
    """The address that events are posted to."""

    webhook_url: str = Field(default="", max_length=4000)


def typed(microusd: int | None) -> str:
    """A stored amount as it is typed; blank for no budget."""
    return "" if microusd is None else f"{Decimal(microusd) / MICROUSD:.2f}"


def values_of(row: Any) -> dict[str, object]:
    """The limits as the fields of `BudgetsForm` show them."""
    return {
        "monthly_budget_microusd": typed(row.monthly_budget_microusd),
        "racer_monthly_budget_microusd": typed(row.racer_monthly_budget_microusd),
        "hard_cap_enabled": row.hard_cap_enabled,
    }
