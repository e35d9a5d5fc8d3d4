"""People and their profiles: the rules."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from portal.rules import browser_sessions, limits, racers
from portal.rules.broken import Code, RuleBroken
from portal.rules.racers import Identity
from portal.tables import Account, AuditEvent, BrowserSession, Racer
from tests.cast import NOON, make_racer

pytestmark = pytest.mark.both_databases

ADMINS = ("race-directors",)


def person(subject: str = "s-1", *, groups: tuple[str, ...] = (), email: str = "a@example.org") -> Identity:
    return Identity("https://sso.example", subject, name="Alice", email=email, groups=groups)


def sign_in(session: Session, identity: Identity) -> Racer:
    return racers.sign_in(session, identity, admin_groups=ADMINS, now=NOON)


def profile(session: Session, racer: Racer, alias: str) -> Racer:
    return racers.save_profile(session, racer, alias=alias, country="", avatar_body="red", avatar_trim="blue", now=NOON)


def test_identity_is_issuer_and_subject_never_the_email(session: Session) -> None:
    one = sign_in(session, person("s-1"))
    assert sign_in(session, person("s-1", email="other@example.org")).id == one.id
    assert sign_in(session, person("s-2")).id != one.id
    elsewhere = Identity("https://another.example", "s-1", email="a@example.org")
    assert sign_in(session, elsewhere).id != one.id


def test_only_the_first_sign_in_opens_an_account(session: Session) -> None:
    racer = sign_in(session, person())
    sign_in(session, person())
    assert len(session.exec(select(Account).where(Account.racer_id == racer.id)).all()) == 1
    joins = session.exec(select(AuditEvent).where(AuditEvent.action == "racer.join")).all()
    assert [event.by_racer_id for event in joins] == [racer.id]


def test_the_role_follows_the_groups_at_every_sign_in(session: Session) -> None:
    assert not sign_in(session, person()).is_admin
    assert sign_in(session, person(groups=("race-directors", "x"))).is_admin
    assert not sign_in(session, person(groups=("Race-Directors",))).is_admin
    changes = session.exec(select(AuditEvent.after).where(AuditEvent.action == "racer.role")).all()
    assert changes == [{"role": "admin"}, {"role": "racer"}]


def test_the_operators_grant_outlives_the_groups(session: Session) -> None:
    racer = profile(session, sign_in(session, person()), "alice")
    racers.grant_admin(session, "ALICE", granted=True, now=NOON)
    assert sign_in(session, person()).is_admin
    browser_sessions.begin(session, racer, now=NOON, life_s=60)
    racers.grant_admin(session, "alice", granted=False, now=NOON)
    assert not racer.is_admin
    assert session.exec(select(BrowserSession)).all() == []
    assert not sign_in(session, person()).is_admin


def test_a_grant_names_an_alias_or_one_persons_email(session: Session) -> None:
    one = sign_in(session, person("s-1", email="One@example.org"))
    assert racers.grant_admin(session, "one@example.org", granted=True, now=NOON).id == one.id
    sign_in(session, person("s-2", email="one@example.org"))
    with pytest.raises(RuleBroken, match="Several people") as several:
        racers.grant_admin(session, "one@example.org", granted=True, now=NOON)
    assert several.value.code is Code.CONFLICT
    for nobody in ("zoe", "", "zoe@example.org"):
        with pytest.raises(RuleBroken, match="Let them sign in once"):
            racers.grant_admin(session, nobody, granted=True, now=NOON)


def test_granting_twice_is_one_event(session: Session) -> None:
    profile(session, sign_in(session, person()), "alice")
    for _ in range(2):
        racers.grant_admin(session, "alice", granted=True, now=NOON)
    assert len(session.exec(select(AuditEvent).where(AuditEvent.action == "racer.role")).all()) == 1


def test_nobody_new_joins_while_multi_user_mode_is_off_but_an_administrator(session: Session) -> None:
    known = sign_in(session, person("known"))
    limits.change(session, by=None, now=NOON, multi_user_enabled=False)
    with pytest.raises(RuleBroken, match="switched off") as refusal:
        sign_in(session, person("new"))
    assert refusal.value.code is Code.FORBIDDEN
    assert sign_in(session, person("known")).id == known.id
    assert sign_in(session, person("boss", groups=ADMINS)).is_admin


def test_an_alias_belongs_to_one_racer_in_any_case(session: Session) -> None:
    make_racer(session, "Alice")
    bob = make_racer(session, "bob")
    with pytest.raises(RuleBroken) as refusal:
        profile(session, bob, "aLICE")
    assert (refusal.value.code, refusal.value.field) == (Code.CONFLICT, "alias")


def test_a_taken_alias_leaves_the_transaction_usable(session: Session) -> None:
    make_racer(session, "alice")
    bob = make_racer(session, "bob")
    with pytest.raises(RuleBroken):
        profile(session, bob, "alice")
    assert profile(session, bob, "bobby").alias == "bobby"


def test_a_racer_may_change_the_case_of_the_own_alias(session: Session) -> None:
    racer = make_racer(session, "alice")
    assert profile(session, racer, "ALICE").alias == "ALICE"
    assert racers.find_by_alias(session, "Alice").id == racer.id  # type: ignore[union-attr]


def test_saving_the_same_profile_is_no_event(session: Session) -> None:
    racer = make_racer(session, "alice")
    for _ in range(2):
        profile(session, racer, "alice")
    assert len(session.exec(select(AuditEvent).where(AuditEvent.action == "racer.profile")).all()) == 1


def test_open_sessions_are_those_that_still_open_something(session: Session) -> None:
    racer = make_racer(session, "alice")
    browser_sessions.begin(session, racer, now=NOON - timedelta(days=9), life_s=3600)
    browser_sessions.begin(session, racer, now=NOON - timedelta(hours=2), life_s=36_000)
    mine = browser_sessions.begin(session, racer, now=NOON, life_s=3600)
    session.flush()
    found = browser_sessions.open_of(session, racer, now=NOON, idle_s=3600)
    assert [row.secret_hash for row in found] == [browser_sessions.hash_of(mine)]
    browser_sessions.forget_over(session, racer, now=NOON)
    assert browser_sessions.end_others(session, racer, mine) == 1
    assert session.exec(select(BrowserSession.secret_hash)).all() == [browser_sessions.hash_of(mine)]


@pytest.mark.parametrize("alias", ["system", "Admin", "ADMINISTRATOR", "paddock", "root", "anonymous", "Deleted"])
def test_a_reserved_alias_is_for_administrators_and_who_has_it_already(session: Session, alias: str) -> None:
    racer = sign_in(session, person())
    with pytest.raises(RuleBroken) as refusal:
        profile(session, racer, alias)
    assert (refusal.value.code, refusal.value.field) == (Code.INVALID, "alias")
    assert refusal.value.message == "Choose another alias; this one is reserved."
    assert profile(session, racer, f"{alias}-1").alias == f"{alias}-1"
    admin = sign_in(session, person("s-2", groups=ADMINS))
    assert profile(session, admin, alias).alias == alias
    demoted = sign_in(session, person("s-2"))
    assert not demoted.is_admin
    assert profile(session, demoted, alias.swapcase()).alias == alias.swapcase()
