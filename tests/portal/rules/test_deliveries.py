"""Deliveries: claimed by one, tried with growing pauses, until sent or given up."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, select

from portal.rules import deliveries
from portal.tables import DeliveryState, Invitation, Mail, WebhookDelivery
from tests.cast import NOON, make_racer

SECOND = timedelta(seconds=1)


def claim_one(session: Session, table: type[deliveries.Delivery], seconds: float = 0) -> deliveries.Delivery | None:
    found = deliveries.claim(session, table, now=NOON + seconds * SECOND, limit=1)
    for delivery in found:
        session.expunge(delivery)  # as it is for another process, which holds what it read
    return found[0] if found else None


def test_a_subject_is_one_line_so_that_no_header_is_smuggled_in(session: Session) -> None:
    mail = deliveries.mail(session, "a@example.org", "Hello\r\nBcc: all@example.org", "text", now=NOON)
    assert mail.subject == "Hello Bcc: all@example.org"


def test_a_mail_is_due_at_once_claimed_by_one_and_not_due_after_it_was_sent(session: Session) -> None:
    deliveries.mail(session, "a@example.org", "Hello", "text", "<p>text</p>", now=NOON)
    assert deliveries.is_due(session, Mail, now=NOON)
    mail = claim_one(session, Mail)
    assert mail is not None
    assert not deliveries.is_due(session, Mail, now=NOON)
    assert claim_one(session, Mail) is None
    assert deliveries.sent(session, mail, now=NOON)
    assert not deliveries.sent(session, mail, now=NOON)
    assert not deliveries.is_due(session, Mail, now=NOON + timedelta(days=1))
    (stored,) = session.exec(select(Mail))
    assert (stored.state, stored.attempts, stored.text, stored.html) == (DeliveryState.SENT, 1, "", "")


def test_the_longest_waiting_come_first_and_no_more_than_asked_for(session: Session) -> None:
    for second in (2, 0, 1):
        deliveries.mail(session, f"{second}@example.org", "s", "t", now=NOON + second * SECOND)
    taken = deliveries.claim(session, Mail, now=NOON + 9 * SECOND, limit=2)
    assert [mail.recipient for mail in taken] == ["0@example.org", "1@example.org"]


def test_it_is_tried_again_after_growing_pauses_and_then_given_up(session: Session) -> None:
    deliveries.webhook(session, "https://hooks.example/x", "spending.alert", {"a": 1}, now=NOON)
    seconds = 0.0
    for pause in deliveries.PAUSES:
        hook = claim_one(session, WebhookDelivery, seconds)
        assert hook is not None
        deliveries.failed(session, hook, "503", now=NOON + seconds * SECOND, status=503)
        assert claim_one(session, WebhookDelivery, seconds + pause.total_seconds() - 1) is None
        seconds += pause.total_seconds()
    hook = claim_one(session, WebhookDelivery, seconds)
    assert hook is not None
    deliveries.failed(session, hook, "x" * 9999, now=NOON + seconds * SECOND)
    (stored,) = session.exec(select(WebhookDelivery))
    assert (stored.state, stored.attempts, len(stored.error)) == ("failed", 6, deliveries.LONGEST_ERROR)


def test_what_can_never_work_is_given_up_at_once(session: Session) -> None:
    deliveries.mail(session, "nobody", "s", "t", now=NOON)
    mail = claim_one(session, Mail)
    assert mail is not None
    deliveries.failed(session, mail, "no such address", now=NOON, for_good=True)
    (stored,) = session.exec(select(Mail))
    assert (stored.state, stored.text) == (DeliveryState.FAILED, "t")


def test_who_is_lost_between_claim_and_sending_is_relieved_when_the_lease_ends(session: Session) -> None:
    deliveries.mail(session, "a@example.org", "s", "t", now=NOON)
    lost = claim_one(session, Mail)
    lease = deliveries.LEASE.total_seconds()
    assert claim_one(session, Mail, lease - 1) is None
    other = claim_one(session, Mail, lease)
    assert lost is not None
    assert other is not None
    late = NOON + deliveries.LEASE
    assert not deliveries.failed(session, lost, "late", now=late)
    assert not deliveries.give_back(session, lost, now=late)
    assert deliveries.sent(session, lost, now=late)  # it was sent: whoever claimed it since has nothing to do
    assert not deliveries.failed(session, other, "refused", now=late)
    (stored,) = session.exec(select(Mail))
    assert (stored.state, stored.attempts, stored.error) == (DeliveryState.SENT, 2, "")


def test_what_takes_its_process_with_it_every_time_is_given_up(session: Session) -> None:
    deliveries.mail(session, "a@example.org", "s", "t", now=NOON)
    tries, seconds = 0, 0.0
    while claim_one(session, Mail, seconds) is not None:
        tries, seconds = tries + 1, seconds + deliveries.LEASE.total_seconds()
    (stored,) = session.exec(select(Mail))
    assert (tries, stored.state) == (len(deliveries.PAUSES) + 1, DeliveryState.FAILED)
    assert "lost every time" in stored.error


def test_what_was_not_tried_is_given_back_and_costs_no_try(session: Session) -> None:
    deliveries.mail(session, "a@example.org", "s", "t", now=NOON)
    mail = claim_one(session, Mail)
    assert mail is not None
    assert deliveries.give_back(session, mail, now=NOON)
    again = claim_one(session, Mail)
    assert again is not None
    assert again.attempts == 1


def test_what_ended_is_forgotten_after_ninety_days_and_what_waits_never(session: Session) -> None:
    ada = make_racer(session, "ada")
    mails = [deliveries.mail(session, f"{number}@example.org", "s", "t", now=NOON) for number in range(3)]
    deliveries.webhook(session, "https://hooks.example/x", "a.b", {}, now=NOON)
    session.add(
        Invitation(
            email="0@example.org", invited_by_id=ada.id or 0, created_at=NOON, expires_at=NOON, mail_id=mails[0].id
        )
    )
    for mail, days in zip(deliveries.claim(session, Mail, now=NOON, limit=2), (0, 1), strict=True):
        deliveries.sent(session, mail, now=NOON + timedelta(days=days))
    assert deliveries.forget(session, now=NOON + deliveries.KEPT) == 0
    assert deliveries.forget(session, now=NOON + deliveries.KEPT + SECOND) == 1
    assert sorted(session.exec(select(Mail.recipient))) == ["1@example.org", "2@example.org"]
    assert session.exec(select(Invitation.mail_id)).one() is None
    assert deliveries.waiting(session) == 2
