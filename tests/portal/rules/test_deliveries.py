"""Deliveries: tried with growing pauses, until sent or given up."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session

from portal.rules import deliveries
from portal.tables import DeliveryState, Mail, WebhookDelivery
from tests.cast import NOON


def test_a_mail_is_due_at_once_and_not_after_it_was_sent(session: Session) -> None:
    mail = deliveries.mail(session, "a@example.org", "Hello\r\nBcc: all@example.org", "text", now=NOON)
    assert mail.subject == "Hello Bcc: all@example.org"
    assert deliveries.due(session, Mail, now=NOON) == [mail]
    deliveries.sent(mail, now=NOON)
    session.flush()
    assert deliveries.due(session, Mail, now=NOON + timedelta(days=1)) == []
    assert (mail.state, mail.attempts) == (DeliveryState.SENT, 1)


def test_it_is_tried_again_after_growing_pauses_and_then_given_up(session: Session) -> None:
    hook = deliveries.webhook(session, "https://hooks.example/x", "spending.alert", {"a": 1}, now=NOON)
    now = NOON
    for pause in deliveries.PAUSES:
        deliveries.failed(hook, "503", now=now)
        session.flush()
        assert deliveries.due(session, WebhookDelivery, now=now + pause - timedelta(seconds=1)) == []
        now += pause
        assert deliveries.due(session, WebhookDelivery, now=now) == [hook]
    deliveries.failed(hook, "x" * 9999, now=now)
    assert (hook.state, len(hook.error)) == (DeliveryState.FAILED, deliveries.LONGEST_ERROR)


def test_what_can_never_work_is_given_up_at_once(session: Session) -> None:
    mail = deliveries.mail(session, "nobody", "s", "t", now=NOON)
    deliveries.failed(mail, "no such address", now=NOON, for_good=True)
    assert mail.state == DeliveryState.FAILED
