"""The thresholds of spending: shares of a budget and amounts, for the whole instance and for each racer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from portal.rules import alerts, audit, limits
from portal.rules.broken import Code, RuleBroken
from portal.rules.budgets import MOST_MICROUSD
from portal.tables import AlertScope, AlertThreshold, Racer

MOST_PERCENT = 1000
MOST_THRESHOLDS = 20
"""For each scope: every one of them may make an alert for every racer and month."""


def of_scope(session: Session, scope: AlertScope) -> list[AlertThreshold]:
    """The thresholds of a scope: shares first, then amounts, the lowest first."""
    found = session.exec(select(AlertThreshold).where(AlertThreshold.scope == scope)).all()
    return sorted(found, key=lambda one: (one.percent is None, one.percent or one.amount_microusd or 0))


def add(
    session: Session,
    scope: AlertScope,
    *,
    percent: int | None = None,
    amount_microusd: int | None = None,
    by: Racer | None,
    now: datetime,
) -> AlertThreshold:
    """Adds a share or an amount. Raises RuleBroken: invalid for neither, both, or out of range; conflict where it is
    there already or there are too many."""
    _check(percent, amount_microusd)
    limits.hold(session)  # who counts thresholds counts alone
    same = (AlertThreshold.percent == percent, AlertThreshold.amount_microusd == amount_microusd)
    if session.exec(select(AlertThreshold).where(AlertThreshold.scope == scope, *same)).first() is not None:
        raise RuleBroken(Code.CONFLICT, "This threshold is there already.", "threshold")
    count = select(func.count()).select_from(AlertThreshold).where(AlertThreshold.scope == scope)
    if session.exec(count).one() >= MOST_THRESHOLDS:
        raise RuleBroken(Code.CONFLICT, f"There are {MOST_THRESHOLDS} thresholds. Remove one first.", "threshold")
    threshold = AlertThreshold(scope=scope, percent=percent, amount_microusd=amount_microusd, created_at=now)
    session.add(threshold)
    session.flush()
    _note(session, "threshold.add", threshold, by=by, now=now)
    return threshold


def _check(percent: int | None, amount_microusd: int | None) -> None:
    if (percent is None) == (amount_microusd is None):
        raise RuleBroken(Code.INVALID, "Give a share of the budget or an amount.", "threshold")
    if percent is not None and not 1 <= percent <= MOST_PERCENT:
        raise RuleBroken(Code.INVALID, f"A share is from 1 to {MOST_PERCENT} percent.", "threshold")
    if amount_microusd is not None and not 0 < amount_microusd <= MOST_MICROUSD:
        raise RuleBroken(Code.INVALID, "An amount is more than nothing, and a billion dollars at most.", "threshold")


def remove(session: Session, threshold_id: str, *, by: Racer | None, now: datetime) -> AlertThreshold:
    """Removes a threshold; alerts that it made stay. Returns what it was. Raises RuleBroken (missing)."""
    found = session.exec(select(AlertThreshold).where(col(AlertThreshold.public_id) == threshold_id)).first()
    if found is None:
        raise RuleBroken(Code.MISSING, "There is no such threshold. It may have been removed before.")
    session.delete(found)
    session.flush()
    _note(session, "threshold.remove", found, by=by, now=now)
    return found


def _note(session: Session, action: str, threshold: AlertThreshold, *, by: Racer | None, now: datetime) -> None:
    values = {"scope": threshold.scope, "threshold": alerts.key_of(threshold)}
    before, after = (values, None) if action.endswith("remove") else (None, values)
    audit.record(session, action, f"threshold:{threshold.public_id}", by=by, now=now, before=before, after=after)
