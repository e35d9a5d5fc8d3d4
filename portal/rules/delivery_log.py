"""What was sent, what waits and what was given up: looked at, and sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import cast

from sqlalchemy import func
from sqlmodel import Session, col, select

from portal.rules import audit
from portal.rules.broken import Code, RuleBroken
from portal.tables import AlertSettings, DeliveryState, Mail, Racer, WebhookDelivery

PAGE_SIZE = 50
Rows = Sequence[Mail | WebhookDelivery]


class DeliveryKind(StrEnum):
    MAIL = "mail"
    WEB_HOOK = "web-hook"

    @property
    def table(self) -> type[Mail] | type[WebhookDelivery]:
        return Mail if self is DeliveryKind.MAIL else WebhookDelivery


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of deliveries, newest first, how many there are, and how many of the kind wait or were given up."""

    rows: Rows
    page: int
    total: int
    waiting: int
    failed: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def listed(session: Session, kind: DeliveryKind, *, state: DeliveryState | None = None, page: int = 1) -> LogPage:
    """The deliveries of a kind, of one state or of all."""
    table = kind.table
    counts = dict(session.exec(select(table.state, func.count()).group_by(table.state)).all())
    total = sum(counts.values()) if state is None else counts.get(state, 0)
    page = min(max(1, page), max(1, -(-total // PAGE_SIZE)))
    query = select(table) if state is None else select(table).where(table.state == state)
    rows = session.exec(query.order_by(col(table.id).desc()).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all()
    return LogPage(
        cast(Rows, rows), page, total, counts.get(DeliveryState.WAITING, 0), counts.get(DeliveryState.FAILED, 0)
    )


def again(session: Session, kind: DeliveryKind, delivery_id: str, *, by: Racer, now: datetime) -> bool:
    """Sends what was given up again, an event to the address that is set now. False: it waits or was sent already.

    Raises RuleBroken: missing, or conflict where there is no address for an event any more.
    """
    table = kind.table
    query = select(table).where(table.public_id == delivery_id).with_for_update()
    found = session.exec(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise RuleBroken(Code.MISSING, "There is no such delivery. What is older than 90 days is removed.")
    if found.state != DeliveryState.FAILED:
        return False
    _start_over(session, cast(Mail | WebhookDelivery, found), now)
    audit.record(session, "delivery.again", f"{kind}:{delivery_id}", by=by, now=now)
    return True


def all_again(session: Session, kind: DeliveryKind, *, by: Racer, now: datetime) -> int:
    """Sends everything of a kind again that was given up; returns how many. Raises RuleBroken as `again` does."""
    table = kind.table
    query = select(table).where(table.state == DeliveryState.FAILED).with_for_update()
    found = session.exec(query.execution_options(populate_existing=True)).all()
    for delivery in cast(Rows, found):
        _start_over(session, delivery, now)
    if found:
        audit.record(session, "delivery.again", f"{kind}:all", by=by, now=now, after={"deliveries": len(found)})
    return len(found)


def _start_over(session: Session, delivery: Mail | WebhookDelivery, now: datetime) -> None:
    if isinstance(delivery, WebhookDelivery) and delivery.race_hook_id is not None:
        delivery.status = None  # a race's address is its organizers'; it stays
    elif isinstance(delivery, WebhookDelivery):
        delivery.url = session.get_one(AlertSettings, 1).webhook_url
        delivery.status = None
        if not delivery.url:
            raise RuleBroken(Code.CONFLICT, "There is no web hook any more. Set its address first.")
    delivery.state, delivery.attempts, delivery.error = DeliveryState.WAITING, 0, ""
    delivery.next_at, delivery.ended_at = now, None
    session.flush()
