"""What administrators answer to requests: one or several at once, each once, and undone where nothing was used yet.

Of two administrators who decide at the same moment one wins, and the other is told whose decision stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select, update

from portal.rules import audit, ledger, requests
from portal.rules.broken import Code, RuleBroken
from portal.tables import HOUR_MS, Account, Model, Racer, RacerRequest, RequestKind, RequestState

LONGEST_ANSWER = 1000
LONGEST_NOTE = 200
"""Of a racer's reason in the statement and the audit of what it led to; the request keeps it whole."""
MOST = {kind: 10 * most for kind, most in requests.MOST.items()}
"""What can be granted at once; more is a slip of the hand."""


@dataclass(slots=True)
class Outcome:
    """Which requests were changed, and which not and why."""

    changed: list[RacerRequest] = field(default_factory=list)
    refused: list[tuple[RacerRequest, str]] = field(default_factory=list)


def approve_all(session: Session, amounts: Mapping[str, int], *, by: Racer, now: datetime, answer: str = "") -> Outcome:
    """Approves requests, by public id with what each is given. One that was decided before does not hold up the others.

    Raises RuleBroken (invalid, with the field) where an amount is wrong: nothing is decided then.
    """

    def change(request: RacerRequest) -> None:
        approve(session, request, amounts[request.public_id], by=by, now=now, answer=answer)

    return _each(chosen(session, list(amounts)), change)


def decline_all(session: Session, public_ids: Sequence[str], *, by: Racer, now: datetime, answer: str) -> Outcome:
    """Declines requests with one answer. Raises RuleBroken (invalid) without an answer."""
    return _each(chosen(session, public_ids), lambda request: decline(session, request, by=by, now=now, answer=answer))


def undo_all(session: Session, public_ids: Sequence[str], *, by: Racer, now: datetime) -> Outcome:
    """Opens decided requests again where that is still possible."""
    return _each(chosen(session, public_ids), lambda request: undo(session, request, by=by, now=now))


def _each(found: Sequence[RacerRequest], change: Callable[[RacerRequest], None]) -> Outcome:
    outcome = Outcome()
    for request in found:
        try:
            change(request)
            outcome.changed.append(request)
        except RuleBroken as refusal:
            if refusal.code is not Code.CONFLICT:
                raise
            outcome.refused.append((request, refusal.message))
    return outcome


def approve(
    session: Session, request: RacerRequest, amount: int, *, by: Racer, now: datetime, answer: str = ""
) -> None:
    """Approves an open request and gives `amount` more, which may differ from what was asked for; 0 for a workshop.

    Raises RuleBroken: conflict (decided or withdrawn before, and by whom), invalid (amount).
    """
    kind = RequestKind(request.kind)
    if kind in MOST and not 0 < amount <= MOST[kind]:
        most = f"{MOST[kind] // HOUR_MS} hours" if kind == RequestKind.HOURS else f"{MOST[kind]} models"
        message = f"Give more than nothing and at most {most}, or decline."
        raise RuleBroken(Code.INVALID, message, f"amount-{request.public_id}")
    racer = racer_of(session, request)
    account = ledger.hold(session, ledger.open_account(session, racer, now=now))
    before = {RequestKind.HOURS: account.quota_ms or 0, RequestKind.MODELS: account.maximum_models}.get(kind)
    granted = amount if before is not None else None
    details = request.details if before is None else {"before": before}
    _decide(session, request, RequestState.APPROVED, by=by, now=now, answer=answer, granted=granted, details=details)
    reason = f"request: {request.reason[:LONGEST_NOTE]}"
    if kind == RequestKind.HOURS:
        ledger.raise_quota(session, racer, amount, by=by, now=now, reason=reason)
    elif kind == RequestKind.MODELS:
        _set_maximum_models(session, racer, account, account.maximum_models + amount, by=by, now=now, reason=reason)


def decline(session: Session, request: RacerRequest, *, by: Racer, now: datetime, answer: str) -> None:
    """Declines an open request with an answer. Raises RuleBroken: conflict (decided before), invalid (no answer)."""
    _check_answer(answer)
    ledger.hold(session, ledger.open_account(session, racer_of(session, request), now=now))
    _decide(session, request, RequestState.DECLINED, by=by, now=now, answer=answer)


def _check_answer(answer: str) -> None:
    if not answer.strip():
        raise RuleBroken(Code.INVALID, "Say why: the racer reads it.", "answer")


def _decide(
    session: Session,
    request: RacerRequest,
    state: RequestState,
    *,
    by: Racer,
    now: datetime,
    answer: str,
    **values: Any,
) -> None:
    decided = {"state": state, "answer": answer, "decided_at": now, "decided_by_id": by.id, "seen_at": None}
    if not requests.move(session, request, RequestState.OPEN, **decided, **values):
        raise RuleBroken(Code.CONFLICT, _already(session, request))
    verb = {RequestState.APPROVED: "approve", RequestState.DECLINED: "decline"}[state]
    audit.record(
        session,
        f"request.{verb}",
        requests.subject(request),
        by=by,
        now=now,
        before={"state": RequestState.OPEN},
        after={"state": state}
        | _amount(request, "asked", request.amount)
        | _amount(request, "granted", request.granted),
        reason=answer,
    )


def _already(session: Session, request: RacerRequest) -> str:
    if request.state == RequestState.WITHDRAWN:
        return "The racer withdrew it in the meantime."
    decider = session.get(Racer, request.decided_by_id) if request.decided_by_id else None
    name = (decider.alias or decider.name or "somebody") if decider else "somebody"
    return f"{name} {request.state} it already. That decision stands; undo it to decide again."


def _amount(request: RacerRequest, name: str, amount: int | None) -> dict[str, int]:
    """An amount under a name with its unit, as the audit keeps it."""
    unit = {RequestKind.HOURS: f"{name}_ms", RequestKind.MODELS: f"{name}_models"}.get(RequestKind(request.kind))
    return {unit: amount} if unit and amount is not None else {}


def undo(session: Session, request: RacerRequest, *, by: Racer, now: datetime) -> None:
    """Opens a decided request again and takes back what was given. One that is open stays so.

    Raises RuleBroken (conflict) with the reason where that cannot be done any more.
    """
    racer = racer_of(session, request)
    account = ledger.hold(session, ledger.open_account(session, racer, now=now))
    session.refresh(request)
    if request.is_open:
        return
    models = models_of(session, [request.racer_id]).get(request.racer_id, 0)
    asked_again = requests.open_of(session, racer, RequestKind(request.kind)) is not None
    refusal = why_no_undo(request, account, models=models, asked_again=asked_again)
    if refusal:
        raise RuleBroken(Code.CONFLICT, refusal)
    state, granted = RequestState(request.state), request.granted
    details = {name: value for name, value in request.details.items() if name != "before"}
    cleared = {"decided_at": None, "decided_by_id": None, "granted": None, "answer": "", "seen_at": None}
    requests.move(session, request, state, state=RequestState.OPEN, details=details, **cleared)
    audit.record(
        session,
        "request.undo",
        requests.subject(request),
        by=by,
        now=now,
        before={"state": state} | _amount(request, "granted", granted),
        after={"state": RequestState.OPEN},
    )
    if granted and request.kind == RequestKind.HOURS:
        ledger.raise_quota(session, racer, -granted, by=by, now=now, reason="request: decision undone")
    elif granted and request.kind == RequestKind.MODELS:
        most = account.maximum_models - granted
        _set_maximum_models(session, racer, account, most, by=by, now=now, reason="request: decision undone")


def why_no_undo(request: RacerRequest, account: Account, *, models: int, asked_again: bool) -> str:
    """Why a decision can no longer be undone, as a sentence; empty where it can."""
    if request.state == RequestState.WITHDRAWN:
        return "The racer withdrew it; there is no decision to undo."
    if asked_again:
        return "The racer has asked again since. Decide that request instead."
    if request.state == RequestState.DECLINED or request.granted is None:
        return ""
    before = int(request.details.get("before", 0))
    hours = request.kind == RequestKind.HOURS
    is_now, used = (
        (account.quota_ms or 0, account.used_ms + account.reserved_ms) if hours else (account.maximum_models, models)
    )
    if is_now != before + request.granted:
        return "The quota was changed since. Set it on the racers' page instead."
    if used > before:
        return "Part of what was given is used or held already. Lower the quota instead: it stops nothing that runs."
    return ""


def _set_maximum_models(
    session: Session, racer: Racer, account: Account, most: int, *, by: Racer, now: datetime, reason: str
) -> None:
    before = account.maximum_models
    session.exec(update(Account).where(col(Account.id) == account.id).values(maximum_models=most))
    audit.record(
        session,
        "quota.set",
        f"racer:{racer.public_id}",
        by=by,
        now=now,
        before={"maximum_models": before},
        after={"maximum_models": most},
        reason=reason,
    )


def chosen(session: Session, public_ids: Sequence[str]) -> list[RacerRequest]:
    """The requests with these public ids, in the order in which accounts are locked.

    Raises RuleBroken (invalid) for none at all, (missing) where one is not there.
    """
    wanted = set(public_ids)
    if not wanted:
        raise RuleBroken(Code.INVALID, "Nothing is selected. Go back and tick the requests first.")
    query = select(RacerRequest).join(Account, col(Account.racer_id) == col(RacerRequest.racer_id), isouter=True)
    query = query.where(col(RacerRequest.public_id).in_(wanted))
    found = list(session.exec(query.order_by(col(Account.id), col(RacerRequest.id))))
    if len(found) != len(wanted):
        raise RuleBroken(Code.MISSING, "One of the selected requests is not there. Go back and select again.")
    return found


def racer_of(session: Session, request: RacerRequest) -> Racer:
    """Who asked."""
    return session.get_one(Racer, request.racer_id)


def models_of(session: Session, racer_ids: Sequence[int]) -> dict[int, int]:
    """How many models each of these racers has; nobody without any is in it."""
    query = (
        select(Model.racer_id, func.count())
        .where(col(Model.racer_id).in_(racer_ids), col(Model.deleted_at).is_(None))
        .group_by(col(Model.racer_id))
    )
    return dict(session.exec(query).all())
