"""Writing down what was done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import insert
from sqlmodel import Session

from portal.tables import AuditEvent, Racer


def record(
    session: Session,
    action: str,
    subject: str,
    *,
    by: Racer | None,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Adds one line to the audit, in the caller's transaction.

    `action` is `noun.verb`, `subject` is `noun:public-id`; `by` is None for the operator's command line and the system.
    """
    session.add(
        AuditEvent(
            at=now,
            by_racer_id=by.id if by else None,
            action=action,
            subject=subject,
            before=before or {},
            after=after or {},
            reason=reason,
        )
    )


class Change(NamedTuple):
    """One thing that was changed: `noun:public-id`, and what was before and after."""

    subject: str
    before: dict[str, Any]
    after: dict[str, Any]


def record_all(
    session: Session,
    action: str,
    changes: Sequence[Change],
    *,
    by: Racer | None,
    now: datetime,
    reason: str = "",
    batch: str | None = None,
) -> None:
    """Adds a line for each of the things that were changed together, in one statement, in the caller's transaction."""
    if changes:
        same = {"at": now, "by_racer_id": by.id if by else None, "action": action, "reason": reason, "batch": batch}
        session.exec(insert(AuditEvent), params=[same | change._asdict() for change in changes])
