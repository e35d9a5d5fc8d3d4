"""Mails and web hooks that leave the house: written in the transaction of what they tell of, delivered after it.

A delivery is tried with growing pauses until it is sent or given up; the process that delivers is `jobs.deliveries`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlmodel import Session, col, select

from portal.tables import DeliveryState, Mail, WebhookDelivery

PAUSES = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
"""How long to wait after the first, second … try that did not work; after the last one it is given up."""
LONGEST_ERROR = 500


def mail(session: Session, recipient: str, subject: str, text: str, html: str = "", *, now: datetime) -> Mail:
    """Writes a mail down to be sent. The subject becomes one line: a header cannot be smuggled in."""
    row = Mail(
        recipient=recipient,
        subject=" ".join(subject.split()),
        text=text,
        html=html,
        created_at=now,
        next_at=now,
    )
    session.add(row)
    session.flush()
    return row


def webhook(session: Session, url: str, event: str, body: dict[str, Any], *, now: datetime) -> WebhookDelivery:
    """Writes an event down to be posted to an address. `event` is `noun.verb`."""
    row = WebhookDelivery(url=url, event=event, body=body, created_at=now, next_at=now)
    session.add(row)
    session.flush()
    return row


def due(
    session: Session, table: type[Mail] | type[WebhookDelivery], *, now: datetime, limit: int = 50
) -> Sequence[Mail | WebhookDelivery]:
    """What is to be tried now, the longest waiting first; held, so that two processes never send the same."""
    query = select(table).where(table.state == DeliveryState.WAITING, col(table.next_at) <= now)
    query = query.order_by(col(table.next_at), col(table.id)).limit(limit)
    return cast(Sequence[Mail | WebhookDelivery], session.exec(query.with_for_update(skip_locked=True)).all())


def sent(delivery: Mail | WebhookDelivery, *, now: datetime) -> None:
    """Notes that a try worked."""
    delivery.attempts += 1
    delivery.state, delivery.ended_at, delivery.error = DeliveryState.SENT, now, ""


def failed(delivery: Mail | WebhookDelivery, error: str, *, now: datetime, for_good: bool = False) -> None:
    """Notes that a try did not work: it is tried again later, or given up after the last pause or `for_good`."""
    delivery.attempts += 1
    delivery.error = error[:LONGEST_ERROR]
    if for_good or delivery.attempts > len(PAUSES):
        delivery.state, delivery.ended_at = DeliveryState.FAILED, now
    else:
        delivery.next_at = now + PAUSES[delivery.attempts - 1]
