"""Racers as the administrator looks at them: searched, filtered, sorted, a page at a time, with what they use.

A racer is somebody who made a profile. While multi-user mode is off, nobody is in the list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func
from sqlmodel import Session, col, or_, select

from portal.rules import ledger, limits
from portal.rules.broken import Code, RuleBroken
from portal.rules.ledger import Balance
from portal.rules.slices import slices
from portal.tables import Account, Model, Racer, Sponsorship

PAGE_SIZE = 50
MODELS: Any = (
    select(
        col(Model.racer_id).label("racer_id"),
        func.count().label("models"),
        func.coalesce(func.sum(Model.stored_bytes), 0).label("stored_bytes"),
    )
    .where(col(Model.deleted_at).is_(None))
    .group_by(col(Model.racer_id))
)
"""How many models each racer has and what they take; read from the index `ix_model_in_garage` alone."""
OF_ALL = MODELS.subquery("of_models")
SORTS: dict[str, Any] = {
    "alias": col(Racer.alias_key),
    "name": func.lower(col(Racer.name)),
    "email": func.lower(col(Racer.email)),
    "sponsorship": col(Racer.sponsorship),
    "used": func.coalesce(col(Account.used_ms), 0),
    "held": func.coalesce(col(Account.reserved_ms), 0),
    "quota": func.coalesce(col(Account.quota_ms), 0),
    "models": func.coalesce(OF_ALL.c.models, 0),
    "storage": func.coalesce(OF_ALL.c.stored_bytes, 0),
    "spent": func.coalesce(col(Account.spent_microusd), 0),
    "seen": col(Racer.last_seen_at),
}
"""What the table can be sorted by; a minus in front turns the order round."""


class State(StrEnum):
    """Which racers the list shows."""

    ALL = "all"
    ACTIVE = Sponsorship.ACTIVE.value
    PAUSED = Sponsorship.PAUSED.value
    ENDED = Sponsorship.ENDED.value


@dataclass(frozen=True, slots=True)
class Filter:
    """Racers whose alias, name or e-mail contains `search`, in one state or in any."""

    search: str = ""
    state: State = State.ALL


@dataclass(frozen=True, slots=True)
class ListedRacer:
    """A racer with the sums of the account, and the models in the garage."""

    racer: Racer
    balance: Balance
    models: int
    maximum_models: int
    models_at_once: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class RacerPage:
    """One page of the table, and how many racers the search found in each state."""

    rows: list[ListedRacer]
    page: int
    counts: dict[State, int]
    state: State = State.ALL
    is_off: bool = False
    """True while multi-user mode is off."""

    @property
    def total(self) -> int:
        return self.counts[self.state]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def listed(session: Session, wanted: Filter | None = None, *, sort: str = "alias", page: int = 1) -> RacerPage:
    """One page. An unknown sort is by alias; a page too far is the last. Four queries, however many racers."""
    wanted = wanted or Filter()
    if not limits.current(session).multi_user_enabled:
        return RacerPage([], 1, dict.fromkeys(State, 0), wanted.state, is_off=True)
    counts = _counts(session, wanted.search)
    last = max(1, -(-counts[wanted.state] // PAGE_SIZE))
    page = min(max(1, page), last)
    query = _sorted(wanted, sort).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    rows = [(racer, account) for racer, account in session.execute(query)]
    return RacerPage(_with_models(session, rows), page, counts, wanted.state)


def exported(session: Session, wanted: Filter, *, sort: str = "alias") -> Iterator[ListedRacer]:
    """Every racer that matches, in the order of the table. Nobody while multi-user mode is off."""
    if not limits.current(session).multi_user_enabled:
        return
    rows = [(racer, account) for racer, account in session.execute(_sorted(wanted, sort))]
    for part in slices(rows):
        yield from _with_models(session, part)


def matching(session: Session, wanted: Filter) -> list[Racer]:
    """Every racer that matches, by alias. Raises RuleBroken (invalid) where nobody does."""
    found = list(session.exec(select(Racer).where(*_conditions(wanted)).order_by(col(Racer.alias_key))))
    if not found:
        raise RuleBroken(Code.INVALID, "Nobody matches any more. Go back and look at the list again.")
    return found


def chosen(session: Session, public_ids: Sequence[str]) -> list[Racer]:
    """The racers with these public ids, by alias.

    Raises RuleBroken (invalid) for none at all, (missing) where one is not there or has no profile.
    """
    wanted = sorted(set(public_ids))
    if not wanted:
        raise RuleBroken(Code.INVALID, "Nobody is selected. Go back and tick the racers first.")
    found: list[Racer] = []
    for part in slices(wanted):
        query = select(Racer).where(col(Racer.public_id).in_(part), col(Racer.alias).is_not(None))
        found += session.exec(query)
    if len(found) != len(wanted):
        raise RuleBroken(Code.MISSING, "One of the selected racers is not there any more. Go back and select again.")
    return sorted(found, key=lambda racer: racer.alias_key or "")


def fingerprint(people: Sequence[Racer]) -> str:
    """The same for the same racers only: what was confirmed for some is not done to others."""
    ids = "".join(sorted(racer.public_id for racer in people))
    return hashlib.sha256(ids.encode()).hexdigest()[:16]


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [col(Racer.alias).is_not(None)]
    if wanted.search:
        columns = (Racer.alias, Racer.name, Racer.email)
        conditions.append(or_(*(col(column).icontains(wanted.search, autoescape=True) for column in columns)))
    if wanted.state is not State.ALL:
        conditions.append(col(Racer.sponsorship) == wanted.state.value)
    return conditions


def _counts(session: Session, search: str) -> dict[State, int]:
    state = col(Racer.sponsorship)
    query = select(state, func.count()).where(*_conditions(Filter(search))).group_by(state)
    found = {State(name): count for name, count in session.exec(query)}
    return {one: found.get(one, 0) for one in State} | {State.ALL: sum(found.values())}


def _sorted(wanted: Filter, sort: str) -> Select[Any]:
    key = sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "alias"
    query: Any = select(Racer, Account).join(Account, col(Account.racer_id) == col(Racer.id), isouter=True)
    if key in ("models", "storage"):  # all are added up only where the order depends on it
        query = query.join(OF_ALL, OF_ALL.c.racer_id == col(Racer.id), isouter=True)
    order = SORTS[key].desc() if sort.startswith("-") else SORTS[key].asc()
    ordered: Select[Any] = query.where(*_conditions(wanted)).order_by(order.nulls_last(), col(Racer.id))
    return ordered


def _with_models(session: Session, rows: Sequence[tuple[Racer, Account | None]]) -> list[ListedRacer]:
    ids = [racer.id or 0 for racer, _ in rows]
    found = session.execute(MODELS.where(col(Model.racer_id).in_(ids)))
    of_models = {racer_id: (count, int(stored)) for racer_id, count, stored in found}
    return [_row(racer, account, *of_models.get(racer.id or 0, (0, 0))) for racer, account in rows]


def _row(racer: Racer, account: Account | None, models: int, stored_bytes: int) -> ListedRacer:
    if account is None:
        return ListedRacer(racer, Balance(0, 0, 0, 0), models, 0, 0, stored_bytes)
    balance = ledger.balance_of(account)
    return ListedRacer(racer, balance, models, account.maximum_models, account.models_at_once, stored_bytes)
