"""The limits that all sponsored racers share, and the switch of multi-user mode."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from portal.rules import audit
from portal.rules.broken import Code, RuleBroken
from portal.tables import Limits, Racer

CHANGEABLE = frozenset(Limits.model_fields) - {"id", "storage_charged_on"}
OPTIONAL = frozenset({"monthly_budget_microusd", "racer_monthly_budget_microusd"})
"""Those that may be None: there is no budget then."""


def current(session: Session) -> Limits:
    """The one row of limits."""
    return session.get_one(Limits, 1)


def hold(session: Session) -> Limits:
    """The limits, held until the transaction ends: whoever counts running jobs against them counts alone.

    On SQLite a write transaction is alone already; elsewhere the row is locked, and what was read before is read again.
    """
    row = select(Limits).where(Limits.id == 1).with_for_update()
    return session.exec(row.execution_options(populate_existing=True)).one()


def change(
    session: Session,
    *,
    by: Racer | None,
    now: datetime,
    reason: str = "",
    action: str = "limits.change",
    **values: int | bool | None,
) -> bool:
    """Sets limits, prices or the multi-user switch. False where all were so already.

    Raises RuleBroken (invalid, with the field) for a negative value, an unknown name, or None where a value is needed.
    """
    limits = hold(session)
    for name, value in values.items():
        if name not in CHANGEABLE:
            raise RuleBroken(Code.INVALID, f"{name} is not a limit; known: {', '.join(sorted(CHANGEABLE))}.", name)
        if value is None and name not in OPTIONAL:
            raise RuleBroken(Code.INVALID, "Please fill this in.", name)
        if value is not None and value < 0:
            raise RuleBroken(Code.INVALID, "A limit is zero or more.", name)
    before: dict[str, Any] = {name: getattr(limits, name) for name in values if getattr(limits, name) != values[name]}
    if not before:
        return False
    for name in before:
        setattr(limits, name, values[name])
    after = {name: values[name] for name in before}
    audit.record(session, action, "limits:1", by=by, now=now, before=before, after=after, reason=reason)
    return True
