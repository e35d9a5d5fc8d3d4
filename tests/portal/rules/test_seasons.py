"""Seasons: points by place over several races, worked by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from portal.rules import races, seasons
from portal.rules.broken import Code, RuleBroken
from portal.rules.seasons import SeasonDetails
from portal.tables import JobState, Race, Racer, Season, Visibility
from tests.cast import NOON, make_racer
from tests.portal.races_cast import make_race, make_result

DAY = timedelta(days=1)
AFTER = NOON + 30 * DAY


@pytest.fixture
def cast(session: Session) -> dict[str, Racer]:
    return {name: make_racer(session, name) for name in ("olivia", "alice", "bob", "carol")}


def over(session: Session, owner: Racer, day: int, *order: Racer, **changes: Any) -> Race:
    """A race of one lap that these racers finished in this order, on a day."""
    opens = NOON + day * DAY
    details: dict[str, Any] = {"opens_at": opens, "closes_at": opens + DAY, "laps": 1, "minimum_laps": 1, **changes}
    race = make_race(session, owner, now=opens, name=f"Race-{day}", **details)
    for place, racer in enumerate(order):
        make_result(session, race, racer, 9_000 + 100 * place, at=opens + timedelta(minutes=place))
    return race


def make_season(session: Session, owner: Racer, *chosen: Race, points: tuple[int, ...] = (10, 6, 4)) -> Season:
    details = SeasonDetails("Spring season", "", points, [race.public_id for race in chosen])
    return seasons.create(session, owner, details, now=NOON)


def table(session: Session, season: Season, viewer: Racer | None = None) -> list[tuple[int, str | None, int]]:
    rows = seasons.table(session, season, viewer=viewer, now=AFTER).rows
    return [(row.place, row.racer.alias, row.points) for row in rows]


def test_points_add_up_over_the_races(session: Session, cast: dict[str, Racer]) -> None:
    olivia, alice, bob, carol = cast.values()
    season = make_season(
        session, olivia, over(session, olivia, 0, alice, bob, carol), over(session, olivia, 2, bob, carol)
    )
    assert table(session, season) == [(1, "bob", 16), (2, "alice", 10), (3, "carol", 10)]


def test_equal_points_go_to_who_has_more_first_places_and_full_equals_share(
    session: Session, cast: dict[str, Racer]
) -> None:
    olivia, alice, bob, carol = cast.values()
    first, second = over(session, olivia, 0, alice, bob), over(session, olivia, 2, carol, bob)
    assert table(session, make_season(session, olivia, first, second, points=(12, 6))) == [
        (1, "alice", 12),
        (1, "carol", 12),
        (3, "bob", 12),
    ]


def test_places_beyond_the_points_get_none_but_are_listed(session: Session, cast: dict[str, Racer]) -> None:
    olivia, alice, bob, carol = cast.values()
    season = make_season(session, olivia, over(session, olivia, 0, alice, bob, carol), points=(5,))
    assert table(session, season) == [(1, "alice", 5), (2, "bob", 0), (3, "carol", 0)]


def test_a_race_gives_points_when_it_is_final(session: Session, cast: dict[str, Racer]) -> None:
    olivia, alice = cast["olivia"], cast["alice"]
    still_open = over(session, olivia, 0, alice, closes_at=AFTER + DAY)
    driving = over(session, olivia, 2, alice)
    make_result(session, driving, alice, state=JobState.RUNNING)
    season = make_season(session, olivia, still_open, driving)
    found = seasons.table(session, season, viewer=None, now=AFTER)
    assert found.rows == []
    assert found.open == {
        still_open.id: "The race has not closed yet.",
        driving.id: "Submissions still wait or drive.",
    }


def test_a_private_race_gives_points_only_to_the_eyes_that_see_it(session: Session, cast: dict[str, Racer]) -> None:
    olivia, alice, bob, _ = cast.values()
    public = over(session, olivia, 0, alice)
    private = over(session, olivia, 2, bob, visibility=Visibility.PRIVATE)
    season = make_season(session, olivia, public, private)
    assert table(session, season, olivia) == [(1, "alice", 10), (1, "bob", 10)]
    assert table(session, season) == [(1, "alice", 10)]
    assert [race.id for race in seasons.table(session, season, viewer=alice, now=AFTER).races] == [public.id]


def test_a_season_of_private_races_does_not_exist_for_others(session: Session, cast: dict[str, Racer]) -> None:
    olivia, alice = cast["olivia"], cast["alice"]
    season = make_season(session, olivia, over(session, olivia, 0, visibility=Visibility.PRIVATE))
    assert seasons.get_visible(session, olivia, season.public_id).id == season.id
    for viewer in (None, alice):
        with pytest.raises(RuleBroken) as broken:
            seasons.get_visible(session, viewer, season.public_id)
        assert broken.value.code is Code.MISSING
        assert seasons.listed(session, viewer) == []


def test_nobody_puts_another_organizers_private_race_into_a_season(session: Session, cast: dict[str, Racer]) -> None:
    olivia, alice = cast["olivia"], cast["alice"]
    private = over(session, olivia, 0, visibility=Visibility.PRIVATE)
    with pytest.raises(RuleBroken, match="not there any more") as broken:
        make_season(session, alice, private)
    assert (broken.value.code, broken.value.field) == (Code.INVALID, "races")


def test_an_edit_keeps_races_that_the_editor_does_not_see(session: Session, cast: dict[str, Racer]) -> None:
    olivia, alice, bob, _ = cast.values()
    first, second = over(session, olivia, 0, alice), over(session, olivia, 2, bob)
    season = make_season(session, olivia, first, second)
    second.deleted_at = NOON
    session.flush()
    seasons.edit(session, season, SeasonDetails("Summer", "x", (7,), [first.public_id]), by=olivia, now=NOON)
    second.deleted_at = None
    session.flush()
    assert table(session, season) == [(1, "alice", 7), (1, "bob", 7)]


@pytest.mark.parametrize(("points", "said"), [((), "1 to 100"), ((1, 2), "better place"), ((10_001,), "0 to 10000")])
def test_points_that_make_no_sense_are_refused(
    session: Session, cast: dict[str, Racer], points: tuple[int, ...], said: str
) -> None:
    with pytest.raises(RuleBroken, match=said) as broken:
        make_season(session, cast["olivia"], points=points)
    assert broken.value.field == "points"


def test_only_the_organizer_changes_and_deletes(session: Session, cast: dict[str, Racer]) -> None:
    olivia, alice = cast["olivia"], cast["alice"]
    race = over(session, olivia, 0, alice)
    season = make_season(session, olivia, race)
    with pytest.raises(RuleBroken) as broken:
        seasons.remove(session, season, by=alice, now=NOON)
    assert broken.value.code is Code.FORBIDDEN
    seasons.remove(session, season, by=olivia, now=NOON)
    assert seasons.listed(session, None) == []
    assert races.get_visible(session, None, race.public_id).id == race.id
