"""Who spent what in a month: racers and races, searched, sorted, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, or_, select

from portal.rules import budgets
from portal.rules.usage import Amounts, amounts_of
from portal.tables import Account, Race, Racer, UsageMonth

PAGE_SIZE = 50
TOP = 10
BY_SPENDING = "-spent"
RACER_NAME: Any = func.coalesce(col(Racer.alias_key), func.lower(col(Racer.name)))
RACE_NAME: Any = func.lower(col(Race.name))
SORTS: dict[str, Any] = {
    "spent": budgets.SPENT,
    "training": col(UsageMonth.training_microusd),
    "evaluation": col(UsageMonth.evaluation_microusd),
    "storage": col(UsageMonth.storage_microusd),
    "hours": col(UsageMonth.training_ms) + col(UsageMonth.evaluation_ms),
    "jobs": col(UsageMonth.trainings) + col(UsageMonth.evaluations),
    "stored": col(UsageMonth.byte_days),
}
"""What the tables can be sorted by, besides the name; a minus in front turns the order round."""


@dataclass(frozen=True, slots=True)
class Spender:
    """A racer, or a race with its owner, and what the account used in a month."""

    racer: Racer
    race: Race | None
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class SpenderPage:
    """One page of the table, and how many rows the search found."""

    rows: list[Spender]
    page: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))

    @property
    def most_microusd(self) -> int:
        """What the first spender of the page spent most: the length of a whole bar."""
        return max((row.amounts.spent_microusd for row in self.rows), default=0)


def racers(
    session: Session,
    month: date,
    *,
    search: str = "",
    sort: str = BY_SPENDING,
    page: int = 1,
    size: int | None = PAGE_SIZE,
) -> SpenderPage:
    """Racers who used anything in a month, whatever their sponsorship is now. `size` None is all of them."""
    query = (
        select(UsageMonth, Racer)
        .join(Account, col(Account.id) == col(UsageMonth.account_id))
        .join(Racer, col(Racer.id) == col(Account.racer_id))
        .where(UsageMonth.starts_on == month)
    )
    if search:
        columns = (Racer.alias, Racer.name, Racer.email)
        query = query.where(or_(*(col(column).icontains(search, autoescape=True) for column in columns)))
    rows, number, total = _paged(session, query, RACER_NAME, sort, page, size)
    return SpenderPage([Spender(racer, None, amounts_of(sums)) for sums, racer in rows], number, total)


def races(
    session: Session,
    month: date,
    *,
    search: str = "",
    sort: str = BY_SPENDING,
    page: int = 1,
    size: int | None = PAGE_SIZE,
) -> SpenderPage:
    """Races that cost anything in a month, deleted ones too, each with its owner. `size` None is all of them."""
    query = (
        select(UsageMonth, Racer, Race)
        .join(Account, col(Account.id) == col(UsageMonth.account_id))
        .join(Race, col(Race.id) == col(Account.race_id))
        .join(Racer, col(Racer.id) == col(Race.owner_id))
        .where(UsageMonth.starts_on == month)
    )
    if search:
        query = query.where(or_(*(col(one).icontains(search, autoescape=True) for one in (Race.name, Racer.alias))))
    rows, number, total = _paged(session, query, RACE_NAME, sort, page, size)
    return SpenderPage([Spender(owner, race, amounts_of(sums)) for sums, owner, race in rows], number, total)


def _paged(
    session: Session, query: Any, name: Any, sort: str, page: int, size: int | None
) -> tuple[Sequence[Any], int, int]:
    """The rows of one page, its number, and how many rows there are; a page too far is the last."""
    counted = query.with_only_columns(col(UsageMonth.account_id)).subquery()
    total = session.exec(select(func.count()).select_from(counted)).one()
    page = min(max(1, page), max(1, -(-total // (size or max(1, total)))))
    order = {"name": name, **SORTS}.get(sort.removeprefix("-"), budgets.SPENT)
    direction = order.desc() if sort.startswith("-") else order.asc()
    ordered = query.order_by(direction.nulls_last(), name, col(UsageMonth.account_id))
    return session.exec(ordered.offset((page - 1) * (size or 0)).limit(size)).all(), page, total
