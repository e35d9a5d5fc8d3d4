"""Requests as the administrators look at them: the open ones first, searched, filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from portal.rules import ledger
from portal.rules.ledger import Balance
from portal.rules.request_decisions import models_of, why_no_undo
from portal.tables import Account, Racer, RacerRequest, RequestKind, RequestState

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class ListedRequest:
    """A request, who asked, what the racer has, who decided, and why the decision can no longer be undone."""

    request: RacerRequest
    racer: Racer
    balance: Balance
    models: int
    maximum_models: int
    decided_by: Racer | None
    no_undo: str


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One page of requests, and how many the filter found."""

    rows: list[ListedRequest]
    page: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def listed(
    session: Session,
    *,
    search: str = "",
    kind: RequestKind | None = None,
    state: RequestState | None = None,
    page: int = 1,
) -> RequestPage:
    """Requests whose racer or reason contains `search`: the open ones first, the longest waiting on top."""
    query = select(RacerRequest, Racer).join(Racer, col(RacerRequest.racer_id) == col(Racer.id))
    if search:
        columns = (Racer.alias, Racer.name, Racer.email, RacerRequest.reason)
        query = query.where(or_(*(col(column).icontains(search, autoescape=True) for column in columns)))
    if kind:
        query = query.where(RacerRequest.kind == kind)
    if state:
        query = query.where(RacerRequest.state == state)
    total = session.exec(select(func.count()).select_from(query.subquery())).one()
    page = min(max(1, page), max(1, -(-total // PAGE_SIZE)))
    is_open = col(RacerRequest.state) == RequestState.OPEN
    query = query.order_by(
        case((is_open, 0), else_=1),
        case((is_open, col(RacerRequest.created_at))),
        func.coalesce(col(RacerRequest.decided_at), col(RacerRequest.created_at)).desc(),
        col(RacerRequest.id).desc(),
    )
    found = session.exec(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all()
    return RequestPage(_with_balances(session, [request for request, _ in found]), page, total)


def shown(session: Session, requests: Sequence[RacerRequest]) -> list[ListedRequest]:
    """These requests with what each racer has, in their order."""
    return _with_balances(session, requests)


def _with_balances(session: Session, requests: Sequence[RacerRequest]) -> list[ListedRequest]:
    """Three queries, however many requests."""
    decider = aliased(Racer)
    people = (
        select(RacerRequest.id, Racer, Account, decider)
        .join(Racer, col(RacerRequest.racer_id) == col(Racer.id))
        .join(Account, col(Account.racer_id) == col(Racer.id), isouter=True)
        .join(decider, col(RacerRequest.decided_by_id) == col(decider.id), isouter=True)
        .where(col(RacerRequest.id).in_([request.id for request in requests]))
    )
    found = {request_id: (racer, account, by) for request_id, racer, account, by in session.exec(people)}
    racer_ids = [request.racer_id for request in requests]
    models = models_of(session, racer_ids)
    waiting = set(
        session.exec(
            select(RacerRequest.racer_id, RacerRequest.kind).where(
                col(RacerRequest.racer_id).in_(racer_ids), RacerRequest.state == RequestState.OPEN
            )
        ).all()
    )
    rows = []
    for request in requests:
        racer, account, by = found[request.id]
        account = account or Account(racer_id=racer.id, quota_ms=0)
        again = (request.racer_id, request.kind) in waiting
        count = models.get(request.racer_id, 0)
        no_undo = "" if request.is_open else why_no_undo(request, account, models=count, asked_again=again)
        balance = ledger.balance_of(account)
        rows.append(ListedRequest(request, racer, balance, count, account.maximum_models, by, no_undo))
    return rows


def count_open(session: Session) -> int:
    """How many requests wait for an answer."""
    query = select(func.count()).select_from(RacerRequest).where(RacerRequest.state == RequestState.OPEN)
    return session.exec(query).one()
