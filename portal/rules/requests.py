"""What racers ask the administrators for: asked, changed while it is open, withdrawn, and read when it was decided.

Every change is one conditional update of an open request, so that a racer who withdraws and an administrator who
decides at the same moment never both win. Whoever locks, locks the racer's account first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session, col, select, update

from portal.rules import audit, ledger, sponsorship
from portal.rules.broken import Code, RuleBroken
from portal.tables import HOUR_MS, Racer, RacerRequest, RequestKind, RequestState

MOST = {RequestKind.HOURS: 1000 * HOUR_MS, RequestKind.MODELS: 1000}
"""What may be asked for at once, in the unit of `amount`."""
LONGEST_REASON = 1000
SHOWN = 100
"""A racer's newest requests."""


class Asked(NamedTuple):
    """A request and whether it is new; else the open one of its kind was changed."""

    request: RacerRequest
    is_new: bool


def ask(
    session: Session,
    kind: RequestKind,
    amount: int,
    *,
    by: Racer,
    reason: str,
    now: datetime,
    details: dict[str, Any] | None = None,
) -> Asked:
    """Asks for more hours (`amount` in milliseconds), more models, or a workshop (amount 0, with details).

    There is one open request of a kind: asking again changes it. A paused racer may ask. Raises RuleBroken: forbidden
    (shut out while multi-user mode is off), invalid (amount or reason, with the field).
    """
    if sponsorship.is_shut_out(session, by):
        raise RuleBroken(Code.FORBIDDEN, sponsorship.SWITCHED_OFF)
    _check(kind, amount, reason)
    ledger.hold(session, ledger.open_account(session, by, now=now))
    found = open_of(session, by, kind)
    if found is not None:
        return Asked(_change(session, found, amount, by=by, reason=reason, now=now, details=details), False)
    request = RacerRequest(
        racer_id=by.id or 0, kind=kind, amount=amount, reason=reason, details=details or {}, created_at=now
    )
    session.add(request)
    session.flush()
    audit.record(session, "request.open", subject(request), by=by, now=now, after=_asked(request), reason=reason)
    return Asked(request, True)


def _check(kind: RequestKind, amount: int, reason: str) -> None:
    if kind in MOST and not 0 < amount <= MOST[kind]:
        most = f"{MOST[kind] // HOUR_MS} hours" if kind == RequestKind.HOURS else f"{MOST[kind]} models"
        raise RuleBroken(Code.INVALID, f"Ask for more than nothing and at most {most}.", "amount")
    if not reason.strip():
        raise RuleBroken(Code.INVALID, "Say what you need it for: the administrator decides by it.", "reason")
    if len(reason) > LONGEST_REASON:
        raise RuleBroken(Code.INVALID, f"At most {LONGEST_REASON} characters, please.", "reason")


def _change(
    session: Session,
    request: RacerRequest,
    amount: int,
    *,
    by: Racer,
    reason: str,
    now: datetime,
    details: dict[str, Any] | None,
) -> RacerRequest:
    before = _asked(request) | {"reason": request.reason}
    request.amount, request.reason, request.details = amount, reason, details or {}
    after = _asked(request) | {"reason": reason}
    if after != before:
        session.flush()
        audit.record(session, "request.edit", subject(request), by=by, now=now, before=before, after=after)
    return request


def withdraw(session: Session, public_id: str, *, by: Racer, now: datetime) -> RacerRequest:
    """Takes the racer's own open request back; withdrawn before, it stays so. Raises RuleBroken: missing, conflict."""
    request = get_own(session, by, public_id)
    if request.state == RequestState.WITHDRAWN:
        return request
    if not move(session, request, RequestState.OPEN, state=RequestState.WITHDRAWN):
        raise RuleBroken(Code.CONFLICT, "This request was decided in the meantime. See the answer on your requests.")
    audit.record(session, "request.withdraw", subject(request), by=by, now=now, before=_asked(request))
    return request


def restore(session: Session, public_id: str, *, by: Racer, now: datetime) -> RacerRequest:
    """Opens a request that the racer withdrew; an open one stays so. Raises RuleBroken: missing, conflict."""
    request = get_own(session, by, public_id)
    if request.is_open:
        return request
    ledger.hold(session, ledger.open_account(session, by, now=now))
    if open_of(session, by, RequestKind(request.kind)) is not None:
        raise RuleBroken(Code.CONFLICT, "You have asked again since. Change that request instead.")
    if not move(session, request, RequestState.WITHDRAWN, state=RequestState.OPEN):
        raise RuleBroken(Code.CONFLICT, "This request was decided. Ask again where you need more.")
    audit.record(session, "request.restore", subject(request), by=by, now=now, after=_asked(request))
    return request


def put_away(session: Session, public_id: str, *, by: Racer, now: datetime) -> RacerRequest:
    """Notes that the racer has read the decision; its notice goes. Read before, the first time stays."""
    request = get_own(session, by, public_id)
    if request.decided_at is not None and request.seen_at is None:
        request.seen_at = now
        session.flush()
    return request


def unread(session: Session, racer: Racer) -> list[RacerRequest]:
    """The racer's requests that were decided and whose decision was not put away, newest first."""
    query = select(RacerRequest).where(
        RacerRequest.racer_id == racer.id,
        col(RacerRequest.decided_at).is_not(None),
        col(RacerRequest.seen_at).is_(None),
    )
    return list(session.exec(query.order_by(col(RacerRequest.decided_at).desc(), col(RacerRequest.id).desc())))


def of_racer(session: Session, racer: Racer) -> list[RacerRequest]:
    """The racer's newest requests, the open ones first."""
    query = select(RacerRequest).where(RacerRequest.racer_id == racer.id)
    first = col(RacerRequest.state) != RequestState.OPEN
    return list(session.exec(query.order_by(first, col(RacerRequest.id).desc()).limit(SHOWN)))


def open_of(session: Session, racer: Racer, kind: RequestKind) -> RacerRequest | None:
    """The racer's open request of a kind."""
    query = select(RacerRequest).where(
        RacerRequest.racer_id == racer.id, RacerRequest.kind == kind, RacerRequest.state == RequestState.OPEN
    )
    return session.exec(query.execution_options(populate_existing=True)).first()


def get_own(session: Session, racer: Racer, public_id: str) -> RacerRequest:
    """The racer's request. Raises RuleBroken (missing) for anybody else's."""
    query = select(RacerRequest).where(RacerRequest.public_id == public_id, RacerRequest.racer_id == racer.id)
    request = session.exec(query.execution_options(populate_existing=True)).first()
    if request is None:
        raise RuleBroken(Code.MISSING, "There is no such request.")
    return request


def move(session: Session, request: RacerRequest, before: RequestState, **values: Any) -> bool:
    """Changes a request that is in a state, and reads it again. False: it is not in that state any more."""
    moved = session.exec(
        update(RacerRequest)
        .where(col(RacerRequest.id) == request.id, col(RacerRequest.state) == before)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    session.refresh(request)
    return bool(moved.rowcount)


def subject(request: RacerRequest) -> str:
    """The request as the audit names it."""
    return f"request:{request.public_id}"


def _asked(request: RacerRequest) -> dict[str, Any]:
    """What is asked for, as the audit keeps it."""
    unit = {RequestKind.HOURS: "asked_ms", RequestKind.MODELS: "asked_models"}
    amount = {unit[RequestKind(request.kind)]: request.amount} if request.kind in unit else dict(request.details)
    return {"kind": request.kind} | amount
