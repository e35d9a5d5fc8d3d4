"""Racers as the administrator looks at them: searched, sorted, a page at a time, with what they use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, or_, select

from portal.rules import ledger
from portal.rules.broken import Code, RuleBroken
from portal.rules.ledger import Balance
from portal.tables import Account, Racer

PAGE_SIZE = 50
SORTS: dict[str, Any] = {
    "alias": col(Racer.alias_key),
    "name": func.lower(col(Racer.name)),
    "email": func.lower(col(Racer.email)),
    "sponsorship": col(Racer.sponsorship),
    "used": func.coalesce(col(Account.used_ms), 0),
    "quota": func.coalesce(col(Account.quota_ms), 0),
    "seen": col(Racer.last_seen_at),
}
"""What the table can be sorted by; a minus in front turns the order round."""


@dataclass(frozen=True, slots=True)
class ListedRacer:
    """A racer and the sums of the account."""

    racer: Racer
    balance: Balance


@dataclass(frozen=True, slots=True)
class RacerPage:
    """One page of the table, and how many racers the search found."""

    rows: list[ListedRacer]
    page: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def listed(session: Session, *, search: str = "", sort: str = "alias", page: int = 1) -> RacerPage:
    """Racers whose alias, name or e-mail contains `search`. An unknown sort is by alias; who has none comes last."""
    query = select(Racer, Account).join(Account, col(Account.racer_id) == col(Racer.id), isouter=True)
    if search:
        columns = (Racer.alias, Racer.name, Racer.email)
        query = query.where(or_(*(col(column).icontains(search, autoescape=True) for column in columns)))
    total = session.exec(select(func.count()).select_from(query.subquery())).one()
    order = SORTS.get(sort.removeprefix("-"), SORTS["alias"])
    direction = order.desc() if sort.startswith("-") else order.asc()
    last = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), last)
    rows = session.exec(
        query.order_by(direction.nulls_last(), col(Racer.id)).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    ).all()
    return RacerPage([ListedRacer(racer, _balance(account)) for racer, account in rows], page, total)


def chosen(session: Session, public_ids: Sequence[str]) -> list[Racer]:
    """The racers with these public ids, in the order of their aliases.

    Raises RuleBroken (invalid) for none at all, (missing) where one is not there.
    """
    wanted = set(public_ids)
    if not wanted:
        raise RuleBroken(Code.INVALID, "Nobody is selected. Go back and tick the racers first.")
    query = select(Racer).where(col(Racer.public_id).in_(wanted)).order_by(col(Racer.alias_key), col(Racer.id))
    found = list(session.exec(query))
    if len(found) != len(wanted):
        raise RuleBroken(Code.MISSING, "One of the selected racers is not there any more. Go back and select again.")
    return found


def _balance(account: Account | None) -> Balance:
    return ledger.balance_of(account) if account is not None else Balance(0, 0, 0, 0)
