"""Mails and web hooks that leave the house: written in the transaction of what they tell of, delivered after it.

A delivery is tried with growing pauses until it is sent or given up; the process that delivers is `jobs.deliveries`. It
claims a delivery before it sends it and writes down what became of it afterwards: at least once, and twice only where
it was lost in between, or took longer than the lease.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import func
from sqlmodel import Session, col, delete, select, update

from portal.tables import DeliveryState, Invitation, Mail, WebhookDelivery

PAUSES = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
"""How long to wait after the first, second … try that did not work; after the last one it is given up."""
LEASE = timedelta(minutes=5)
"""For so long a claimed delivery is nobody else's; then whoever claimed it is taken for lost."""
KEPT = timedelta(days=90)
"""How long what was sent or given up stays in the log."""
LONGEST_ERROR = 500

Delivery = TypeVar("Delivery", Mail, WebhookDelivery)


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


def is_due(session: Session, table: type[Delivery], *, now: datetime) -> bool:
    """Whether there is anything to claim: a look that takes no lock."""
    query = select(table.id).where(table.state == DeliveryState.WAITING, col(table.next_at) <= now)
    return session.exec(query.limit(1)).first() is not None


def claim(session: Session, table: type[Delivery], *, now: datetime, limit: int) -> list[Delivery]:
    """Takes what is to be tried now, the longest waiting first; commit before sending it.

    The try is counted here, so that one that takes its process with it is not repeated for ever. It is due again when
    the lease ends; who sends it says before that what became of it.
    """
    query = select(table).where(table.state == DeliveryState.WAITING, col(table.next_at) <= now)
    query = query.order_by(col(table.next_at), col(table.id)).limit(limit)
    taken = []
    for delivery in session.exec(query.with_for_update(skip_locked=True)).all():
        if delivery.attempts > len(PAUSES):
            _end(delivery, DeliveryState.FAILED, now=now, error="The process that delivered it was lost every time.")
            continue
        delivery.attempts += 1
        delivery.next_at = now + LEASE
        taken.append(delivery)
    session.flush()
    return taken


def sent(session: Session, delivery: Delivery, *, now: datetime, status: int | None = None) -> bool:
    """Notes that a claimed delivery arrived, even where somebody else has claimed it since. False: noted before.

    A mail's text goes: it may hold a link that lets somebody in. Who got what when stays in the log.
    """
    found = _find(session, delivery)
    if found is None or found.state == DeliveryState.SENT:
        return False
    _end(found, DeliveryState.SENT, now=now)
    if isinstance(found, Mail):
        found.text = found.html = ""
    else:
        found.status = status
    session.flush()
    return True


def failed(
    session: Session,
    delivery: Delivery,
    error: str,
    *,
    now: datetime,
    status: int | None = None,
    for_good: bool = False,
) -> bool:
    """Notes that a claimed delivery did not arrive: tried again later, or given up after the last pause or `for_good`.

    False: the claim was lost in between, and nothing was written.
    """
    found = _find(session, delivery)
    if found is None or found.state != DeliveryState.WAITING or found.attempts != delivery.attempts:
        return False
    if isinstance(found, WebhookDelivery):
        found.status = status
    if for_good or found.attempts > len(PAUSES):
        _end(found, DeliveryState.FAILED, now=now, error=error)
    else:
        found.error = error[:LONGEST_ERROR]
        found.next_at = now + PAUSES[found.attempts - 1]
    session.flush()
    return True


def give_back(session: Session, delivery: Delivery, *, now: datetime) -> bool:
    """Gives a claimed delivery back that was not tried: it is due at once. False: the claim was lost in between."""
    found = _find(session, delivery)
    if found is None or found.state != DeliveryState.WAITING or found.attempts != delivery.attempts:
        return False
    found.attempts -= 1
    found.next_at = now
    session.flush()
    return True


def forget(session: Session, *, now: datetime, limit: int = 500) -> int:
    """Deletes what ended long ago, at most so many of each kind at once; returns how many."""
    gone = 0
    for table in (Mail, WebhookDelivery):
        old = select(table.id).where(col(table.ended_at) < now - KEPT).order_by(col(table.ended_at)).limit(limit)
        ids = session.exec(old).all()
        if table is Mail and ids:
            session.exec(update(Invitation).where(col(Invitation.mail_id).in_(ids)).values(mail_id=None))
        gone += session.exec(delete(table).where(col(table.id).in_(ids))).rowcount
    return gone


def waiting(session: Session) -> int:
    """How many deliveries are neither sent nor given up."""
    return sum(
        session.exec(select(func.count()).select_from(table).where(table.state == DeliveryState.WAITING)).one()
        for table in (Mail, WebhookDelivery)
    )


def _find(session: Session, delivery: Delivery) -> Delivery | None:
    """The delivery as it is now, held until the transaction ends; None where it was deleted."""
    table = type(delivery)
    query = select(table).where(table.id == delivery.id).with_for_update()
    return session.exec(query.execution_options(populate_existing=True)).first()


def _end(delivery: Mail | WebhookDelivery, state: DeliveryState, *, now: datetime, error: str = "") -> None:
    delivery.state, delivery.ended_at, delivery.error = state, now, error[:LONGEST_ERROR]
