"""Invitations: who gets one, and that each is taken once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session, select

from portal.database import write_session
from portal.rules import deliveries, invitation_list, invitation_templates, invitations, limits
from portal.rules.broken import Code, RuleBroken
from portal.rules.invitations import InvitationState, InvitedRow, Invitee
from portal.rules.letters import Letter
from portal.rules.row_results import Result
from portal.tables import AuditEvent, DeliveryState, Invitation, InvitationTemplate, Mail, Racer, Role
from tests.cast import NOON, make_racer

WEEK = timedelta(days=7)


def compose(invitation: Invitation) -> Letter:
    return Letter(f"For {invitation.email}", f"link of {invitation.public_id}", "<p>link</p>")


@pytest.fixture
def ada(session: Session) -> Racer:
    return make_racer(session, "ada", role=Role.ADMIN)


def invite(session: Session, by: Racer, *emails: str, **more: Any) -> list[InvitedRow]:
    people = [Invitee(str(number), email) for number, email in enumerate(emails, 1)]
    given = {"land_on": "/garage", "life": WEEK, "by": by, "now": NOON, **more}
    return invitations.invite(session, people, **given)


def one(session: Session, by: Racer, email: str = "zoe@example.org", **more: Any) -> Invitation:
    (row,) = invite(session, by, email, **more)
    assert row.invitation is not None
    return row.invitation


def actions(session: Session) -> list[str]:
    return [event.action for event in session.exec(select(AuditEvent).order_by(AuditEvent.id))]  # type: ignore[arg-type]


def test_each_row_says_what_came_of_it(session: Session, ada: Racer) -> None:
    make_racer(session, "Bob")
    one(session, ada, "old@example.org")
    rows = invite(session, ada, "Zoe@Example.org", "zoe@example.org", "BOB@example.org", "old@example.org", "no", "")
    assert [row.result for row in rows] == [
        Result.CREATED,
        Result.SKIPPED,
        Result.SKIPPED,
        Result.SKIPPED,
        Result.FAILED,
        Result.FAILED,
    ]
    assert [row.reason for row in rows[1:]] == [
        "Row 1 has this address already.",
        "This is a racer already: Bob.",
        "There is an open invitation for this address already.",
        "This is no e-mail address; one looks like name@example.org.",
        "There is no e-mail address.",
    ]
    made = rows[0].invitation
    assert made is not None
    assert (made.email, made.expires_at, made.mail_id) == ("zoe@example.org", NOON + WEEK, None)


def test_somebody_whose_invitation_is_over_is_invited_anew(session: Session, ada: Racer) -> None:
    invitations.revoke(session, one(session, ada), by=ada, now=NOON)
    assert invite(session, ada, "zoe@example.org")[0].result is Result.CREATED
    assert invite(session, ada, "zoe@example.org", now=NOON + WEEK)[0].result is Result.CREATED


def test_five_hundred_are_invited_with_a_constant_number_of_questions(
    engine: Engine, session: Session, ada: Racer
) -> None:
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    invite(session, ada, *(f"r{number}@example.org" for number in range(500)))
    assert sum(statement.startswith("SELECT") for statement in asked) == 3
    assert len(session.exec(select(Invitation.id)).all()) == 500
    with pytest.raises(RuleBroken, match="501 people; at most 500"):
        invite(session, ada, *(f"q{number}@example.org" for number in range(501)))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "races",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "/\nevil",
        "/welcome/abc",
        "/sign-in?next=/x",
        "/sign-out",
        "/idp/logout",
        "/x" * 300,
    ],
)
def test_an_invitation_leads_nowhere_but_into_the_portal(session: Session, ada: Racer, path: str) -> None:
    with pytest.raises(RuleBroken) as refusal:
        one(session, ada, land_on=path)
    assert (refusal.value.code, refusal.value.field) == (Code.INVALID, "path")


@pytest.mark.parametrize("life", [timedelta(0), timedelta(days=-1), timedelta(days=366)])
def test_a_link_has_an_end_within_a_year(session: Session, ada: Racer, life: timedelta) -> None:
    with pytest.raises(RuleBroken) as refusal:
        one(session, ada, life=life)
    assert refusal.value.field == "days"


def test_a_name_with_invisible_characters_fails_in_its_row(session: Session, ada: Racer) -> None:
    people = [Invitee("1", "a@example.org", "Ada\u202egro"), Invitee("2", "b@example.org", "x" * 201)]
    rows = invitations.invite(session, people, land_on="/", life=WEEK, by=ada, now=NOON)
    assert [row.result for row in rows] == [Result.FAILED, Result.FAILED]


def test_it_is_accepted_once_and_the_same_racer_is_let_through_again(session: Session, ada: Racer) -> None:
    invitation, zoe, eve = one(session, ada), make_racer(session, "zoe"), make_racer(session, "eve")
    assert invitations.accept(session, invitation, zoe, now=NOON) is True
    assert invitations.accept(session, invitation, zoe, now=NOON + 2 * WEEK) is False
    with pytest.raises(RuleBroken, match="good for one person") as refusal:
        invitations.accept(session, invitation, eve, now=NOON)
    assert refusal.value.code is Code.CONFLICT
    assert (invitation.accepted_by_id, invitation.accepted_at) == (zoe.id, NOON)
    assert actions(session).count("invitation.accept") == 1


def test_somebody_who_is_in_already_leaves_anothers_invitation_open(session: Session, ada: Racer) -> None:
    invitation, zoe = one(session, ada), make_racer(session, "zoe")
    assert invitations.accept(session, invitation, make_racer(session, "eve"), now=NOON) is False
    assert invitations.accept(session, invitation, ada, now=NOON) is False
    assert (invitation.accepted_by_id, invitation.accepted_at) == (None, None)
    assert "invitation.accept" not in actions(session)
    zoe.email, zoe.email_verified = "ZOE@Example.org", False
    assert invitations.accept(session, invitation, zoe, now=NOON) is True


def test_a_newcomer_with_another_address_accepts(session: Session, ada: Racer) -> None:
    invitation, newcomer = one(session, ada), make_racer(session, None)
    assert invitations.accept(session, invitation, newcomer, now=NOON) is True
    assert invitation.accepted_by_id == newcomer.id


def test_two_who_accept_at_once_from_two_connections_get_one_invitation(engine: Engine) -> None:
    with write_session(engine) as session:
        invitation = one(session, make_racer(session, "ada", role=Role.ADMIN))
        people = [make_racer(session, f"racer{number}") for number in range(6)]
        for racer in people:
            racer.email = "zoe@example.org"  # one address with several identities: all of them are meant
    won: list[str | None] = []
    start = threading.Barrier(len(people))

    def accept(racer: Racer) -> None:
        start.wait()
        try:
            with write_session(engine) as session:
                invitations.accept(session, invitation, racer, now=NOON)
            won.append(racer.alias)
        except RuleBroken as refusal:
            assert "good for one person" in refusal.message  # noqa: PT017  in a thread

    threads = [threading.Thread(target=accept, args=(racer,)) for racer in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_one_that_is_over_is_not_accepted(session: Session, ada: Racer) -> None:
    zoe = make_racer(session, "zoe")
    late, revoked = one(session, ada, "a@example.org"), one(session, ada, "b@example.org")
    invitations.revoke(session, revoked, by=ada, now=NOON)
    with pytest.raises(RuleBroken, match="time is over"):
        invitations.accept(session, late, zoe, now=NOON + WEEK)
    with pytest.raises(RuleBroken, match="taken back"):
        invitations.accept(session, revoked, zoe, now=NOON)
    assert late.accepted_by_id is None


def test_while_multi_user_mode_is_off_nobody_accepts_and_the_invitation_stays(session: Session, ada: Racer) -> None:
    invitation, zoe = one(session, ada), make_racer(session, "zoe")
    limits.change(session, by=ada, now=NOON, multi_user_enabled=False)
    with pytest.raises(RuleBroken, match="stays good"):
        invitations.accept(session, invitation, zoe, now=NOON)
    limits.change(session, by=ada, now=NOON, multi_user_enabled=True)
    assert invitations.accept(session, invitation, zoe, now=NOON) is True


def test_revoking_is_idempotent_holds_the_mail_back_and_can_be_undone(session: Session, ada: Racer) -> None:
    invitation = one(session, ada, compose=compose)
    assert invitations.revoke(session, invitation, by=ada, now=NOON) is True
    assert invitations.revoke(session, invitation, by=ada, now=NOON) is False
    mail = session.get_one(Mail, invitation.mail_id)
    assert (mail.state, mail.error) == (DeliveryState.FAILED, "The invitation was revoked.")
    assert not deliveries.is_due(session, Mail, now=NOON)
    assert invitations.restore(session, invitation, by=ada, now=NOON) is True
    assert invitations.restore(session, invitation, by=ada, now=NOON) is False
    assert invitations.state(invitation, NOON) is InvitationState.OPEN
    assert actions(session) == ["invitation.create", "invitation.revoke", "invitation.restore"]


def test_an_accepted_one_is_neither_revoked_nor_sent(session: Session, ada: Racer) -> None:
    invitation = one(session, ada)
    invitations.accept(session, invitation, make_racer(session, "zoe"), now=NOON)
    for change in (invitations.revoke, invitations.send):
        with pytest.raises(RuleBroken) as refusal:
            change(session, invitation, by=ada, now=NOON)
        assert refusal.value.code is Code.CONFLICT


def test_one_is_not_restored_beside_a_newer_one(session: Session, ada: Racer) -> None:
    invitation = one(session, ada)
    invitations.revoke(session, invitation, by=ada, now=NOON)
    one(session, ada)
    with pytest.raises(RuleBroken, match="another open invitation"):
        invitations.restore(session, invitation, by=ada, now=NOON)


def test_a_mail_is_written_for_each_and_sent_again_only_when_the_last_one_is_through(
    session: Session, ada: Racer
) -> None:
    invitation = one(session, ada, compose=compose)
    first = session.get_one(Mail, invitation.mail_id)
    assert (first.recipient, first.subject, first.state) == ("zoe@example.org", "For zoe@example.org", "waiting")
    assert "<p>link</p>" in first.html
    assert invitations.send(session, invitation, by=ada, now=NOON, compose=compose) is False
    deliveries.sent(session, first, now=NOON)
    later = NOON + timedelta(days=20)  # it has expired meanwhile
    assert invitations.send(session, invitation, by=ada, now=later, compose=compose) is True
    assert invitation.mail_id != first.id
    assert invitation.expires_at == later + invitations.DEFAULT_LIFE
    assert invitations.state(invitation, later) is InvitationState.OPEN


def test_sending_an_expired_one_replaces_its_mail_that_still_waits(session: Session, ada: Racer) -> None:
    invitation = one(session, ada, compose=compose)
    assert invitations.send(session, invitation, by=ada, now=NOON + WEEK, compose=compose) is True
    assert len(deliveries.claim(session, Mail, now=NOON + WEEK, limit=9)) == 1


def test_without_a_mail_server_it_is_only_good_for_longer(session: Session, ada: Racer) -> None:
    invitation = one(session, ada)
    assert invitations.send(session, invitation, by=ada, now=NOON) is True
    assert invitation.expires_at == NOON + invitations.DEFAULT_LIFE
    assert invitations.send(session, invitation, by=ada, now=NOON) is False
    assert session.exec(select(Mail)).all() == []


def test_the_list_is_searched_filtered_counted_and_paged(session: Session, ada: Racer) -> None:
    made = [one(session, ada, f"r{number}@example.org") for number in range(53)]
    invitations.revoke(session, made[0], by=ada, now=NOON)
    zoe = make_racer(session, "zoe")
    zoe.email = made[1].email
    invitations.accept(session, made[1], zoe, now=NOON)
    made[2].expires_at = NOON
    page = invitation_list.listed(session, now=NOON, page=2)
    assert (len(page.rows), page.total, page.pages) == (3, 53, 2)
    assert page.counts == {"open": 50, "accepted": 1, "expired": 1, "revoked": 1}
    (accepted,) = invitation_list.listed(session, wanted=InvitationState.ACCEPTED, now=NOON).rows
    assert accepted.accepted_by is not None
    assert (accepted.invitation.email, accepted.accepted_by.alias, accepted.by.alias) == (
        "r1@example.org",
        "zoe",
        "ada",
    )
    assert [row.invitation.email for row in invitation_list.listed(session, search="R52@", now=NOON).rows] == [
        "r52@example.org"
    ]
    assert invitation_list.listed(session, search="%", now=NOON).total == 0
    assert invitation_list.listed(session, page=99, now=NOON).page == 2
    assert len(invitation_list.every(session, wanted=InvitationState.OPEN, now=NOON)) == 50


def test_the_own_wording_is_kept_and_given_up_with_what_was_before_in_the_audit(session: Session, ada: Racer) -> None:
    assert invitation_templates.current(session) is None
    assert invitation_templates.save(session, "Come", "Here: {link}", by=ada, now=NOON) is True
    assert invitation_templates.save(session, " Come ", "Here: {link}\r\n", by=ada, now=NOON) is False
    assert invitation_templates.save(session, "Come", "There: {link}", by=ada, now=NOON) is True
    assert len(session.exec(select(InvitationTemplate)).all()) == 1
    assert invitation_templates.reset(session, by=ada, now=NOON) is True
    assert invitation_templates.reset(session, by=ada, now=NOON) is False
    assert invitation_templates.current(session) is None
    events = session.exec(select(AuditEvent)).all()
    assert [event.action.split(".")[1] for event in events] == ["change", "change", "reset"]
    assert events[2].before == {"subject": "Come", "body": "There: {link}"}
