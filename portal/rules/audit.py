"""Writing down what was done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

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
