"""What the whole instance may use, what a new racer gets, and what an hour is estimated to cost."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, false
from sqlmodel import Field, SQLModel

HOUR_MS = 3_600_000


class Limits(SQLModel, table=True):
    """The one row of limits, shared by all sponsored racers; the defaults are the retired console's."""

    __table_args__ = (CheckConstraint("id = 1", name="only_one_row"),)

    id: int = Field(default=1, primary_key=True)
    multi_user_enabled: bool = True
    trainings_at_once: int = 100
    evaluations_at_once: int = 100
    cars: int = 1000
    private_leaderboards: int = 50
    new_racer_quota_ms: int = Field(default=5 * HOUR_MS, sa_type=BigInteger)
    new_racer_models_at_once: int = 2
    new_racer_maximum_models: int = 50
    training_hour_microusd: int = Field(default=3_500_000, sa_type=BigInteger)
    evaluation_hour_microusd: int = Field(default=3_500_000, sa_type=BigInteger)
    storage_gb_month_microusd: int = Field(default=23_000, sa_type=BigInteger)
    monthly_budget_microusd: int | None = Field(default=None, sa_type=BigInteger)
    """What the whole instance is meant to spend in a month; None is no budget."""
    racer_monthly_budget_microusd: int | None = Field(default=None, sa_type=BigInteger)
    """The same for each racer whose account has no budget of its own."""
    hard_cap_enabled: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """True refuses new work that would go beyond a budget; else budgets only alert."""
    storage_charged_on: date | None = None
    """The last day, in UTC, whose storage was charged to all accounts: the days since are to be charged."""
