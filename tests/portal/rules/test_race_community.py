"""Co-organizers, announcements and teams: who may, what follows, and how it is undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlmodel import Session

from portal.rules import race_announcements, race_organizers, race_teams, races, standings
from portal.rules.broken import Code, RuleBroken
from portal.tables import Race, Racer, Visibility
from tests.cast import NOON, make_racer
from tests.portal.races_cast import make_race, make_result


@pytest.fixture
def people(session: Session) -> dict[str, Racer]:
    return {alias: make_racer(session, alias) for alias in ("olivia", "alice", "bob", "carol", "dave")}


@pytest.fixture
def race(session: Session, people: dict[str, Racer]) -> Race:
    return make_race(session, people["olivia"], now=NOON, teams="sum", team_size=2, minimum_laps=1)


def code_of(act: Callable[[], object]) -> Code:
    with pytest.raises(RuleBroken) as broken:
        act()
    return broken.value.code


def test_a_co_organizer_may_do_what_the_owner_may_but_name_others_and_delete(
    session: Session, race: Race, people: dict[str, Racer]
) -> None:
    olivia, bob, carol = people["olivia"], people["bob"], people["carol"]
    assert not races.may_change(race, bob)
    race_organizers.add(session, race, " Bob ", by=olivia, now=NOON)
    assert race_organizers.of(session, race) == [bob]
    assert races.may_change(race, bob)
    races.edit(session, race, by=bob, now=NOON, name="Bob's cup")
    assert code_of(lambda: race_organizers.add(session, race, "carol", by=bob, now=NOON)) is Code.FORBIDDEN
    assert code_of(lambda: races.delete(session, race, by=bob, now=NOON)) is Code.FORBIDDEN
    assert (
        code_of(lambda: race_organizers.take_off(session, race, olivia.public_id, by=bob, now=NOON)) is Code.FORBIDDEN
    )
    assert code_of(lambda: races.edit(session, race, by=carol, now=NOON, name="x")) is Code.FORBIDDEN
    race_organizers.add(session, race, "bob", by=olivia, now=NOON)
    assert race_organizers.take_off(session, race, bob.public_id, by=bob, now=NOON) is bob
    assert code_of(lambda: races.edit(session, race, by=bob, now=NOON, name="y")) is Code.FORBIDDEN
    assert race_organizers.take_off(session, race, bob.public_id, by=olivia, now=NOON) is None


def test_a_co_organizer_sees_a_private_race_for_as_long(session: Session, people: dict[str, Racer]) -> None:
    race = make_race(session, people["olivia"], now=NOON, visibility=Visibility.PRIVATE)
    assert not races.may_see(session, race, people["bob"])
    race_organizers.add(session, race, "bob", by=people["olivia"], now=NOON)
    assert races.may_see(session, race, people["bob"])
    audience = race.audience
    race_organizers.take_off(session, race, people["bob"].public_id, by=people["olivia"], now=NOON)
    assert not races.may_see(session, race, people["bob"])
    assert race.audience == audience + 1


def test_nobody_and_the_owner_cannot_be_named(session: Session, race: Race, people: dict[str, Racer]) -> None:
    for alias in ("nobody", "olivia", ""):
        assert (
            code_of(lambda a=alias: race_organizers.add(session, race, a, by=people["olivia"], now=NOON))
            is Code.INVALID
        )


def test_announcements_are_the_organizers_and_are_taken_back_and_restored(
    session: Session, race: Race, people: dict[str, Racer]
) -> None:
    olivia = people["olivia"]
    first = race_announcements.announce(session, race, " The bridge is\r\nclosed. ", by=olivia, now=NOON)
    second = race_announcements.announce(session, race, "Open again.", by=olivia, now=NOON)
    assert [one.announcement.text for one in race_announcements.of(session, race)] == [
        "Open again.",
        "The bridge is\nclosed.",
    ]
    assert race_announcements.take_back(session, race, second.public_id, by=olivia, now=NOON)
    assert not race_announcements.take_back(session, race, second.public_id, by=olivia, now=NOON)
    assert [one.announcement for one in race_announcements.of(session, race)] == [first]
    assert race_announcements.bring_back(session, race, second.public_id, by=olivia, now=NOON)
    assert len(race_announcements.of(session, race)) == 2
    assert (
        code_of(lambda: race_announcements.announce(session, race, "x", by=people["bob"], now=NOON)) is Code.FORBIDDEN
    )
    for text in ("  ", "x" * 1001):
        assert (
            code_of(lambda t=text: race_announcements.announce(session, race, t, by=olivia, now=NOON)) is Code.INVALID
        )


def test_racers_make_join_and_leave_teams_by_code(session: Session, race: Race, people: dict[str, Racer]) -> None:
    alice, bob, carol = people["alice"], people["bob"], people["carol"]
    team = race_teams.make(session, race, " Night   owls ", by=alice, now=NOON)
    assert (team.name, len(team.code)) == ("Night owls", 8)
    version = race.version
    typed = f"{team.code[:4]} - {team.code[4:].lower()}"
    assert race_teams.join(session, race, typed, by=bob, now=NOON) is team
    assert race.version == version + 1
    mine = race_teams.mine(session, race, bob)
    assert mine is not None
    assert mine.members == [alice, bob]
    assert code_of(lambda: race_teams.make(session, race, "Another", by=bob, now=NOON)) is Code.CONFLICT
    assert code_of(lambda: race_teams.make(session, race, "NIGHT OWLS", by=carol, now=NOON)) is Code.INVALID
    assert code_of(lambda: race_teams.join(session, race, "00000000", by=carol, now=NOON)) is Code.INVALID
    assert race_teams.leave(session, race, by=bob, now=NOON) is team
    assert race_teams.leave(session, race, by=bob, now=NOON) is None
    assert race_teams.mine(session, race, bob) is None


def test_teams_stay_when_the_race_is_over_and_are_there_only_where_it_has_them(
    session: Session, race: Race, people: dict[str, Racer]
) -> None:
    alice, bob = people["alice"], people["bob"]
    team = race_teams.make(session, race, "Owls", by=alice, now=NOON)
    over = race.closes_at + timedelta(seconds=1)
    assert code_of(lambda: race_teams.leave(session, race, by=alice, now=over)) is Code.CONFLICT
    assert code_of(lambda: race_teams.join(session, race, team.code, by=bob, now=over)) is Code.CONFLICT
    alone = make_race(session, people["olivia"], now=NOON)
    assert code_of(lambda: race_teams.make(session, alone, "Owls", by=bob, now=NOON)) is Code.CONFLICT
    assert code_of(lambda: race_teams.join(session, alone, team.code, by=bob, now=NOON)) is Code.CONFLICT


def test_a_code_of_one_race_opens_no_team_of_another(session: Session, race: Race, people: dict[str, Racer]) -> None:
    team = race_teams.make(session, race, "Owls", by=people["alice"], now=NOON)
    other = make_race(session, people["olivia"], now=NOON, teams="best")
    assert code_of(lambda: race_teams.join(session, other, team.code, by=people["bob"], now=NOON)) is Code.INVALID


def test_the_board_ranks_teams_by_the_sum_of_their_best(session: Session, race: Race, people: dict[str, Racer]) -> None:
    alice, bob, carol, dave = (people[alias] for alias in ("alice", "bob", "carol", "dave"))
    owls = race_teams.make(session, race, "Owls", by=alice, now=NOON)
    race_teams.join(session, race, owls.code, by=bob, now=NOON)
    larks = race_teams.make(session, race, "Larks", by=carol, now=NOON)
    make_result(session, race, alice, 9_000, 9_000, 9_000)
    make_result(session, race, carol, 8_000, 8_000, 8_000)
    board = standings.for_race(session, race)
    assert [(row.team.name, row.standing.place) for row in board.teams] == [("Larks", None), ("Owls", None)]
    make_result(session, race, bob, 10_000, 10_000, 10_000)
    race_teams.join(session, race, larks.code, by=dave, now=NOON)
    make_result(session, race, dave, 12_000, 12_000, 12_000)
    board = standings.for_race(session, race)
    assert [(row.team.name, row.standing.place, row.standing.result_ms) for row in board.teams] == [
        ("Owls", 1, 57_000),
        ("Larks", 2, 60_000),
    ]
    assert board.names_of(board.teams[0]) == ["alice", "bob"]
    races.edit(session, race, by=people["olivia"], now=NOON, teams="best")
    board = standings.for_race(session, race)
    assert [(row.team.name, row.standing.result_ms) for row in board.teams] == [("Larks", 24_000), ("Owls", 27_000)]
    races.edit(session, race, by=people["olivia"], now=NOON, teams="none")
    assert standings.for_race(session, race).teams == []


def test_a_team_size_that_makes_no_sense_is_refused(session: Session, race: Race, people: dict[str, Racer]) -> None:
    for changes in ({"team_size": 1}, {"team_size": 21}, {"teams": "relay"}):
        assert code_of(partial(races.edit, session, race, by=people["olivia"], now=NOON, **changes)) is Code.INVALID
        session.expire(race)  # what was refused is rolled back
