"""Who may make, see and change a race, and what stays as it is once somebody has entered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from portal.rules import evaluations, ledger, queueing, race_lists, races, sponsorship, standings, submissions
from portal.rules.broken import Code, RuleBroken
from portal.rules.races import RaceState
from portal.tables import AuditEvent, Evaluation, JobKind, JobState, Role, Visibility
from tests.cast import NOON, make_racer
from tests.portal.races_cast import make_model, make_race, make_result

pytestmark = pytest.mark.both_databases

SOON = NOON + timedelta(hours=1)


def actions(session: Session) -> list[str]:
    return [event.action for event in session.exec(select(AuditEvent).order_by(AuditEvent.id))]  # type: ignore[arg-type]


def test_a_race_is_upcoming_then_open_then_closed(session: Session) -> None:
    race = make_race(session, make_racer(session), now=NOON, opens_at=SOON)
    assert races.state(race, NOON) is RaceState.UPCOMING
    assert races.state(race, race.opens_at) is RaceState.OPEN
    assert races.state(race, race.closes_at - timedelta(seconds=1)) is RaceState.OPEN
    assert races.state(race, race.closes_at) is RaceState.CLOSED


def test_every_race_has_a_public_seed_of_its_own(session: Session) -> None:
    owner = make_racer(session)
    details = {"track": "paddock-oval", "direction": "clockwise", "opens_at": NOON, "closes_at": SOON}
    seeds = {races.create(session, owner, now=NOON, name=name, **details).seed for name in "abc"}
    assert len(seeds) == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"closes_at": SOON, "opens_at": SOON}, "closes"),
        ({"closes_at": NOON - timedelta(hours=1), "opens_at": NOON - timedelta(hours=2)}, "closes"),
        ({"laps": 0, "minimum_laps": 0}, "laps"),
        ({"laps": 2, "minimum_laps": 3}, "minimum_laps"),
        ({"off_track_penalty_ms": -1}, "off_track_penalty_s"),
        ({"collision_penalty_ms": 60_001}, "collision_penalty_s"),
        ({"maximum_resets": -1}, "maximum_resets"),
        ({"maximum_submissions": 0}, "maximum_submissions"),
    ],
)
def test_it_refuses_a_race_that_makes_no_sense(session: Session, changes: dict[str, object], field: str) -> None:
    owner = make_racer(session)
    details = {"name": "x", "track": "t", "direction": "clockwise", "opens_at": NOON, "closes_at": SOON}
    with pytest.raises(RuleBroken) as broken:
        races.create(session, owner, now=NOON, **(details | changes))
    assert (broken.value.code, broken.value.field) == (Code.INVALID, field)


def test_the_organizer_and_an_admin_change_it_nobody_else(session: Session) -> None:
    owner, admin, stranger = (
        make_racer(session),
        make_racer(session, "root", role=Role.ADMIN),
        make_racer(session, "bob"),
    )
    race = make_race(session, owner, now=NOON)
    for by in (owner, admin):
        races.edit(session, race, by=by, now=NOON, name=f"by {by.alias}")
    for change in (races.edit, races.close, races.delete):
        with pytest.raises(RuleBroken) as broken:
            change(session, race, by=stranger, now=NOON)
        assert broken.value.code is Code.FORBIDDEN
    assert race.name == "by root"


def test_what_changes_results_is_fixed_once_somebody_has_entered(session: Session) -> None:
    owner = make_racer(session)
    race = make_race(session, owner, now=NOON)
    races.edit(session, race, by=owner, now=NOON, laps=5)
    make_result(session, race, owner, state=JobState.QUEUED)
    boxes = {"race_type": "object-avoidance", "count": 2}
    for change in ({"track": "kidney"}, {"laps": 4}, {"seed": 8}, {"off_track_penalty_ms": 0}, {"objects": boxes}):
        with pytest.raises(RuleBroken, match="driven again") as broken:
            races.edit(session, race, by=owner, now=NOON, **change)
        assert broken.value.code is Code.CONFLICT
    later = race.closes_at + timedelta(days=1)
    races.edit(session, race, by=owner, now=NOON, name="New name", closes_at=later, laps=5)
    assert (race.name, race.closes_at, race.laps) == ("New name", later, 5)


def test_an_edit_that_changes_nothing_is_not_audited(session: Session) -> None:
    owner = make_racer(session)
    race = make_race(session, owner, now=NOON)
    races.edit(session, race, by=owner, now=NOON, name=race.name)
    assert actions(session) == ["race.create"]


def test_closing_ends_an_open_race_now_and_once(session: Session) -> None:
    owner = make_racer(session)
    race = make_race(session, owner, now=NOON)
    assert races.close(session, race, by=owner, now=SOON)
    assert races.state(race, SOON) is RaceState.CLOSED
    assert not races.close(session, race, by=owner, now=SOON)
    assert actions(session) == ["race.create", "race.close"]


def test_a_race_can_be_closed_in_the_moment_it_opens(session: Session) -> None:
    owner = make_racer(session)
    race = make_race(session, owner, now=NOON, opens_at=NOON)
    assert races.close(session, race, by=owner, now=NOON)


def test_an_upcoming_race_cannot_be_closed(session: Session) -> None:
    owner = make_racer(session)
    race = make_race(session, owner, now=NOON, opens_at=SOON)
    with pytest.raises(RuleBroken) as broken:
        races.close(session, race, by=owner, now=NOON)
    assert broken.value.code is Code.CONFLICT


def test_a_deleted_race_is_missing_for_everybody(session: Session) -> None:
    owner, admin = make_racer(session), make_racer(session, "root", role=Role.ADMIN)
    race = make_race(session, owner, now=NOON)
    races.delete(session, race, by=owner, now=NOON)
    for eyes in (None, owner, admin):
        with pytest.raises(RuleBroken) as broken:
            races.get_visible(session, eyes, race.public_id)
        assert broken.value.code is Code.MISSING
    assert races.find(session, race.public_id) is None
    assert race_lists.listed(session, owner, now=NOON).total == 0


def test_a_private_race_exists_for_its_owner_and_admins_only(session: Session) -> None:
    owner, admin, stranger = (
        make_racer(session),
        make_racer(session, "root", role=Role.ADMIN),
        make_racer(session, "bob"),
    )
    race = make_race(session, owner, now=NOON, visibility=Visibility.PRIVATE)
    make_result(session, race, owner, 9_000, 9_000, 9_000)
    for eyes in (owner, admin):
        assert races.get_visible(session, eyes, race.public_id) is not None
        assert race_lists.listed(session, eyes, now=NOON).total == 1
        assert len(standings.history(session, owner, viewer=eyes)) == 1
    for eyes in (None, stranger):
        with pytest.raises(RuleBroken) as broken:
            races.get_visible(session, eyes, race.public_id)
        assert broken.value.code is Code.MISSING
        assert race_lists.listed(session, eyes, now=NOON).total == 0
        assert standings.history(session, owner, viewer=eyes) == []
    assert standings.best_laps(session, owner) == []


def test_the_list_has_open_races_first_then_upcoming_then_closed(session: Session) -> None:
    owner = make_racer(session)
    day = timedelta(days=1)
    for name, opens_at, closes_at in (
        ("old", NOON - 9 * day, NOON - 8 * day),
        ("later", NOON + 5 * day, NOON + 9 * day),
        ("open long", NOON - day, NOON + 9 * day),
        ("newly closed", NOON - 3 * day, NOON - day),
        ("next", NOON + day, NOON + 9 * day),
        ("open short", NOON - day, NOON + day),
    ):
        make_race(session, owner, now=NOON, name=name, opens_at=opens_at, closes_at=closes_at)
    names = [listed.race.name for listed in race_lists.listed(session, None, now=NOON).races]
    assert names == ["open short", "open long", "next", "later", "newly closed", "old"]
    closed = race_lists.listed(session, None, now=NOON, wanted=RaceState.CLOSED)
    assert [listed.race.name for listed in closed.races] == ["newly closed", "old"]


def test_the_list_is_searched_by_name_and_track_and_comes_in_pages(session: Session) -> None:
    owner = make_racer(session)
    for number in range(race_lists.PAGE_SIZE + 1):
        make_race(session, owner, now=NOON, name=f"Cup {number}", track="kidney" if number == 3 else "paddock-oval")
    assert [one.race.name for one in race_lists.listed(session, None, now=NOON, q="KIDNEY").races] == ["Cup 3"]
    assert race_lists.listed(session, None, now=NOON, q="100%").total == 0
    last = race_lists.listed(session, None, now=NOON, page=99)
    assert (last.page, last.pages, len(last.races)) == (2, 2, 1)


@pytest.mark.parametrize(("change", "words"), [("pause", "paused"), ("end", "ended")])
def test_who_is_not_paid_for_makes_and_extends_no_race_but_changes_the_rest(
    session: Session, change: str, words: str
) -> None:
    owner = make_racer(session)
    race = make_race(session, owner, now=NOON, maximum_submissions=5)
    {"pause": sponsorship.pause, "end": sponsorship.end}[change](session, owner, by=None, now=NOON)
    with pytest.raises(RuleBroken, match=words) as made:
        make_race(session, owner, now=NOON)
    assert made.value.code is Code.FORBIDDEN
    more = (
        {"opens_at": race.opens_at - timedelta(hours=1)},
        {"closes_at": race.closes_at + timedelta(days=1)},
        {"maximum_submissions": 6},
    )
    for changes in more:
        with pytest.raises(RuleBroken, match=words) as extended:
            races.edit(session, race, by=owner, now=NOON, **changes)
        assert extended.value.code is Code.FORBIDDEN
    races.edit(session, race, by=owner, now=NOON, name="Smaller", maximum_submissions=4, closes_at=SOON)
    with pytest.raises(RuleBroken, match=words):
        races.edit(session, race, by=owner, now=SOON, closes_at=SOON + timedelta(hours=1))
    assert (race.name, race.maximum_submissions, race.closes_at) == ("Smaller", 4, SOON)


def test_deleting_a_race_stops_what_waits_for_nothing_and_what_drives_for_what_it_used(session: Session) -> None:
    owner = make_racer(session)
    race, other, model = (
        make_race(session, owner, now=NOON),
        make_race(session, owner, now=NOON),
        make_model(session, owner),
    )
    drives, waits, stays = (
        session.get_one(Evaluation, submissions.enter(session, one, model, by=owner, now=NOON).evaluation_id)
        for one in (race, race, other)
    )
    token = queueing.claim(session, JobKind.EVALUATION, drives.id or 0, worker="w", now=NOON)
    assert token
    races.delete(session, race, by=owner, now=NOON)
    assert (drives.state, drives.stop_requested_at) == (JobState.RUNNING, NOON)
    assert (waits.state, stays.state, stays.stop_requested_at) == (JobState.STOPPED, JobState.QUEUED, None)
    account = ledger.race_account(session, race)
    assert account.reserved_ms == evaluations.RESERVED_MS, "only what drives still holds something"
    later = NOON + timedelta(seconds=5)
    queueing.finish(session, JobKind.EVALUATION, drives.id or 0, token, state=JobState.STOPPED, now=later)
    assert (account.reserved_ms, account.used_ms) == (0, 5_000)
    assert ledger.race_account(session, other).reserved_ms == evaluations.RESERVED_MS
