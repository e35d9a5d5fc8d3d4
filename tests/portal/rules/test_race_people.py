"""Who may see a private race: by link, code and list; who was removed; and how many the account may have."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from portal.database import read_session, write_session
from portal.rules import limits, race_lists, race_people, races, standings, submissions
from portal.rules.broken import Code, RuleBroken
from portal.tables import AuditEvent, Race, Racer, Role, Visibility
from tests.cast import NOON, make_racer
from tests.overlap import overlap
from tests.portal.races_cast import make_model, make_race, make_result

DAY = timedelta(days=1)
DETAILS = {
    "track": "paddock-oval",
    "direction": "clockwise",
    "opens_at": NOON - DAY,
    "closes_at": NOON + 7 * DAY,
    "visibility": Visibility.PRIVATE,
}


@pytest.fixture
def owner(session: Session) -> Racer:
    return make_racer(session, "olivia")


@pytest.fixture
def bob(session: Session) -> Racer:
    return make_racer(session, "bob")


@pytest.fixture
def race(session: Session, owner: Racer) -> Race:
    race = races.create(session, owner, now=NOON, name="Secret cup", **DETAILS)
    return race_people.renew(session, race, by=owner, now=NOON, days=3)


def sees(session: Session, race: Race, racer: Racer | None) -> bool:
    """Whether every way to look finds the race, or none."""
    found = {races.may_see(session, race, racer), race_lists.listed(session, racer, now=NOON).total == 1}
    assert len(found) == 1
    return found.pop()


def refused(code: Code, field: str | None = None) -> pytest.RaisesExc[RuleBroken]:
    return pytest.RaisesExc(RuleBroken, check=lambda e: e.code is code and (field is None or e.field == field))


def test_who_has_the_link_comes_in_and_can_enter(session: Session, race: Race, bob: Racer) -> None:
    assert not sees(session, race, bob)
    joined, is_new = race_people.join(session, bob, race.invite_code or "", now=NOON)
    assert (joined.id, is_new) == (race.id, True)
    assert sees(session, race, bob)
    assert not sees(session, race, None)
    assert submissions.enter(session, race, make_model(session, bob), by=bob, now=NOON).race_id == race.id
    assert race_people.join(session, bob, race.invite_code or "", now=NOON)[1] is False


@pytest.mark.parametrize("write", [str.lower, race_people.shown, lambda code: f" {code[:6]} {code[6:]} "])
def test_a_code_may_be_typed_in_any_way(session: Session, race: Race, bob: Racer, write: object) -> None:
    assert callable(write)
    assert race_people.find(session, bob, write(race.invite_code or ""), now=NOON).id == race.id


def test_letters_that_look_like_digits_are_taken_for_them(session: Session, race: Race, bob: Racer) -> None:
    race.invite_code = "0011" * 3
    session.flush()
    assert race_people.find(session, bob, "oOiL-OoIl-0o1l", now=NOON).id == race.id


def test_a_code_has_sixty_bits_and_no_letter_that_is_misread(session: Session, race: Race, owner: Racer) -> None:
    codes = {race_people.renew(session, race, by=owner, now=NOON, days=None).invite_code for _ in range(50)}
    assert len(codes) == 50
    assert {len(code or "") for code in codes} == {12}
    assert not set("".join(code or "" for code in codes)) & set("OILU")


def test_a_new_link_ends_the_old_one_and_members_stay(session: Session, race: Race, owner: Racer, bob: Racer) -> None:
    old = race.invite_code or ""
    race_people.join(session, bob, old, now=NOON)
    race_people.renew(session, race, by=owner, now=NOON, days=None)
    carol = make_racer(session, "carol")
    with refused(Code.MISSING):
        race_people.join(session, carol, old, now=NOON)
    assert sees(session, race, bob)
    assert race_people.revoke(session, race, by=owner, now=NOON)
    assert not race_people.revoke(session, race, by=owner, now=NOON)
    assert sees(session, race, bob)


def test_a_link_expires(session: Session, race: Race, bob: Racer) -> None:
    code = race.invite_code or ""
    assert race_people.find(session, bob, code, now=NOON + 3 * DAY - timedelta(seconds=1))
    with refused(Code.MISSING):
        race_people.join(session, bob, code, now=NOON + 3 * DAY)


def test_wrong_old_and_foreign_codes_are_refused_alike(session: Session, race: Race, owner: Racer, bob: Racer) -> None:
    old, said = race.invite_code or "", set()
    race_people.renew(session, race, by=owner, now=NOON, days=1)
    gone = races.create(session, owner, now=NOON, name="Gone", **DETAILS)
    gone_code = race_people.renew(session, gone, by=owner, now=NOON, days=1).invite_code or ""
    races.delete(session, gone, by=owner, now=NOON)
    for code in (old, gone_code, "0000-0000-0000", "", "%", "x" * 5000):
        with pytest.raises(RuleBroken) as refusal:
            race_people.find(session, bob, code, now=NOON)
        said.add((refusal.value.code, refusal.value.message))
    assert said == {(Code.MISSING, race_people.NO_SUCH_LINK)}


def test_the_list_lets_in_confirmed_addresses_domains_and_racers(session: Session, race: Race, owner: Racer) -> None:
    people = {
        "ann": ("ann@example.org", True),
        "ben": ("ben@club.example", True),
        "cat": ("cat@club.example", False),
        "dan": ("dan@notclub.example", True),
        "eve": ("", False),
    }
    for alias, (email, verified) in people.items():
        racer = make_racer(session, alias)
        racer.email, racer.email_verified = email, verified
    session.flush()
    lines = "Ann@Example.org, @club.example; eve\nnobody this.is@no@address ann@example.org"
    listed = race_people.add(session, race, lines, by=owner, now=NOON)
    assert listed.added == ["Ann@Example.org", "@club.example", "eve"]
    assert listed.wrong == ["nobody", "this.is@no@address"]
    assert listed.there == ["ann@example.org"]
    seen = {one.alias for one in session.exec(select(Racer)) if sees(session, race, one)}
    assert seen == {"olivia", "ann", "ben", "eve"}


def test_who_is_removed_is_out_however_they_came_in(session: Session, race: Race, owner: Racer, bob: Racer) -> None:
    bob.email, bob.email_verified = "bob@club.example", True
    race_people.add(session, race, "@club.example", by=owner, now=NOON)
    make_result(session, race, bob, 9_000, 9_000, 9_000)
    audience = race.audience
    assert race_people.person(session, race, bob.public_id).id == bob.id
    assert race_people.remove(session, race, bob, by=owner, now=NOON)
    assert not race_people.remove(session, race, bob, by=owner, now=NOON)
    assert race.audience == audience + 1
    assert not sees(session, race, bob)
    with refused(Code.MISSING):
        race_people.join(session, bob, race.invite_code or "", now=NOON)
    assert [row.racer.alias for row in standings.for_race(session, race).rows] == ["bob"], "results stay"
    people = race_people.of(session, race)
    assert ([one.racer.alias for one in people.removed], people.members) == (["bob"], [])
    assert race_people.bring_back(session, race, bob, by=owner, now=NOON)
    assert not race_people.bring_back(session, race, bob, by=owner, now=NOON)
    assert sees(session, race, bob)


def test_a_line_taken_off_shuts_out_who_came_by_it_alone(
    session: Session, race: Race, owner: Racer, bob: Racer
) -> None:
    bob.email, bob.email_verified = "bob@club.example", True
    race_people.add(session, race, "@club.example", by=owner, now=NOON)
    assert sees(session, race, bob)
    (guest,) = race_people.of(session, race).guests
    assert race_people.take_off(session, race, guest.public_id, by=owner, now=NOON) == "@club.example"
    assert race_people.take_off(session, race, guest.public_id, by=owner, now=NOON) is None
    assert not sees(session, race, bob)


def test_only_the_organizer_and_admins_decide(session: Session, race: Race, owner: Racer, bob: Racer) -> None:
    admin = make_racer(session, "root", role=Role.ADMIN)
    race_people.join(session, bob, race.invite_code or "", now=NOON)
    for act in (
        lambda: race_people.renew(session, race, by=bob, now=NOON, days=None),
        lambda: race_people.revoke(session, race, by=bob, now=NOON),
        lambda: race_people.add(session, race, "x@example.org", by=bob, now=NOON),
        lambda: race_people.take_off(session, race, "0", by=bob, now=NOON),
        lambda: race_people.remove(session, race, admin, by=bob, now=NOON),
        lambda: race_people.bring_back(session, race, admin, by=bob, now=NOON),
    ):
        with refused(Code.FORBIDDEN):
            act()
    with refused(Code.INVALID):
        race_people.remove(session, race, owner, by=admin, now=NOON)
    assert race_people.remove(session, race, bob, by=admin, now=NOON)


def test_a_public_race_has_no_people(session: Session, owner: Racer) -> None:
    race = make_race(session, owner, now=NOON)
    with refused(Code.INVALID):
        race_people.renew(session, race, by=owner, now=NOON, days=None)


@pytest.mark.parametrize(
    ("lines", "said"), [("  ,;\n", "at least one"), (" ".join("a" * n for n in range(1, 502)), "501")]
)
def test_nothing_and_too_much_are_told_so(session: Session, race: Race, owner: Racer, lines: str, said: str) -> None:
    with pytest.raises(RuleBroken, match=said):
        race_people.add(session, race, lines, by=owner, now=NOON)


def test_everything_is_in_the_audit_and_no_code_is(session: Session, race: Race, owner: Racer, bob: Racer) -> None:
    race_people.join(session, bob, race.invite_code or "", now=NOON)
    race_people.add(session, race, "@club.example", by=owner, now=NOON)
    race_people.take_off(session, race, race_people.of(session, race).guests[0].public_id, by=owner, now=NOON)
    race_people.remove(session, race, bob, by=owner, now=NOON)
    race_people.bring_back(session, race, bob, by=owner, now=NOON)
    code = race.invite_code or ""
    race_people.revoke(session, race, by=owner, now=NOON)
    events = session.exec(select(AuditEvent).where(AuditEvent.subject == f"race:{race.public_id}")).all()
    assert [event.action for event in events] == [
        "race.create",
        "race.invite.renew",
        "race.join",
        "race.people.add",
        "race.people.take_off",
        "race.people.remove",
        "race.people.bring_back",
        "race.invite.revoke",
    ]
    assert code not in str([(event.before, event.after) for event in events])


def test_the_51st_private_leaderboard_is_refused_with_the_reason(session: Session, owner: Racer) -> None:
    for number in range(50):
        races.create(session, owner, now=NOON, name=f"Cup-{number}", **DETAILS)
    assert races.private_left(session) == (50, 50)
    with pytest.raises(RuleBroken, match="50 private leaderboards, and 50 are in use") as refusal:
        races.create(session, owner, now=NOON, name="One-more", **DETAILS)
    assert (refusal.value.code, refusal.value.field) == (Code.CONFLICT, "visibility")
    public = make_race(session, owner, now=NOON)
    with refused(Code.CONFLICT, "visibility"):
        races.edit(session, public, by=owner, now=NOON, visibility=Visibility.PRIVATE)
    first = session.exec(select(Race).where(Race.name == "Cup-0")).one()
    races.delete(session, first, by=owner, now=NOON)
    races.edit(session, public, by=owner, now=NOON, visibility=Visibility.PRIVATE)
    assert races.private_left(session) == (50, 50)


def test_of_two_who_want_the_last_private_leaderboard_one_gets_it(engine: Engine) -> None:
    with write_session(engine) as session:
        owner = make_racer(session, "olivia")
        limits.change(session, by=None, now=NOON, private_leaderboards=1)

    def make(name: str) -> object:
        return lambda session: races.create(session, session.merge(owner), now=NOON, name=name, **DETAILS).name

    one, other = overlap(engine, make("One"), make("Other"))  # type: ignore[arg-type]
    assert one == "One"
    assert isinstance(other, RuleBroken)
    with read_session(engine) as session:
        assert races.private_left(session) == (1, 1)


def test_whether_it_is_private_is_fixed_once_somebody_entered(session: Session, race: Race, owner: Racer) -> None:
    audience = race.audience
    races.edit(session, race, by=owner, now=NOON, visibility=Visibility.PUBLIC)
    assert race.audience == audience + 1, "who watched on the old channel hears no more"
    races.edit(session, race, by=owner, now=NOON, visibility=Visibility.PRIVATE)
    make_result(session, race, owner, 9_000)
    with refused(Code.CONFLICT, "visibility"):
        races.edit(session, race, by=owner, now=NOON, visibility=Visibility.PUBLIC)
