"""Sponsorship: pause, resume, end, sponsor; each once, each audited, and what each lets a racer do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlmodel import Session, select

from portal.rules import limits, sponsorship
from portal.rules.broken import RuleBroken
from portal.tables import AuditEvent, Racer, Role, Sponsorship
from tests.cast import NOON, make_racer

ACTIVE, PAUSED, ENDED = Sponsorship.ACTIVE, Sponsorship.PAUSED, Sponsorship.ENDED


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (sponsorship.pause, ACTIVE, PAUSED),
        (sponsorship.resume, PAUSED, ACTIVE),
        (sponsorship.end, ACTIVE, ENDED),
        (sponsorship.end, PAUSED, ENDED),
        (sponsorship.sponsor, ENDED, ACTIVE),
    ],
)
def test_each_change_happens_once_and_is_audited(
    session: Session, change: Callable[..., bool], before: Sponsorship, after: Sponsorship
) -> None:
    admin = make_racer(session, "admin", role=Role.ADMIN)
    racer = make_racer(session, "alice", sponsorship=before)
    assert change(session, racer, by=admin, now=NOON, reason="because")
    assert not change(session, racer, by=admin, now=NOON, reason="because")
    assert racer.sponsorship == after
    event = session.exec(select(AuditEvent)).one()
    assert (event.by_racer_id, event.reason) == (admin.id, "because")
    assert (event.before, event.after) == ({"sponsorship": before}, {"sponsorship": after})


@pytest.mark.parametrize("change", [sponsorship.pause, sponsorship.resume])
def test_an_ended_sponsorship_is_neither_paused_nor_resumed(session: Session, change: Callable[..., bool]) -> None:
    racer = make_racer(session, sponsorship=ENDED)
    with pytest.raises(RuleBroken, match="sponsor them again"):
        change(session, racer, by=None, now=NOON)
    assert racer.sponsorship == ENDED


def test_it_skips_racers_already_paused(session: Session) -> None:
    racer = make_racer(session, sponsorship=PAUSED)
    assert not sponsorship.pause(session, racer, by=None, now=NOON)
    assert session.exec(select(AuditEvent)).all() == []


@pytest.mark.parametrize(
    ("state", "may_work", "may_race"), [(ACTIVE, True, True), (PAUSED, False, True), (ENDED, False, False)]
)
def test_what_a_racer_may_do(session: Session, state: Sponsorship, may_work: bool, may_race: bool) -> None:
    racer = make_racer(session, sponsorship=state)
    assert (sponsorship.refusal(session, racer) is None) == may_work
    assert (sponsorship.race_refusal(session, racer) is None) == may_race


def test_no_sponsored_racer_works_while_multi_user_mode_is_off(session: Session) -> None:
    racer: Racer = make_racer(session)
    limits.change(session, by=None, now=NOON, multi_user_enabled=False)
    assert sponsorship.is_shut_out(session, racer)
    assert sponsorship.refusal(session, racer) == sponsorship.SWITCHED_OFF
    assert sponsorship.race_refusal(session, racer) == sponsorship.SWITCHED_OFF


def test_the_portal_is_the_administrators_own_while_multi_user_mode_is_off(session: Session) -> None:
    racer: Racer = make_racer(session, role=Role.ADMIN)
    limits.change(session, by=None, now=NOON, multi_user_enabled=False)
    assert not sponsorship.is_shut_out(session, racer)
    assert sponsorship.refusal(session, racer) is None
