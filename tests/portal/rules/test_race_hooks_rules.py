"""What the web hooks of a race tell: open, ranked, lead, frozen, closed; and what they keep to themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from portal.rules import freezing, race_hooks, reruns
from portal.rules.broken import Code, RuleBroken
from portal.tables import Evaluation, JobState, Race, Racer, Submission, WebhookDelivery
from tests.cast import NOON, make_racer
from tests.portal.races_cast import make_race, make_result

URL = "https://hook.example/race"


def told(session: Session) -> list[tuple[str, dict[str, object]]]:
    rows = session.exec(select(WebhookDelivery).order_by(col(WebhookDelivery.id)))
    return [(row.event, row.body) for row in rows]


def finished(session: Session, race: Race, racer: Racer, *times_ms: int) -> Submission:
    submission = make_result(session, race, racer, *times_ms, at=NOON)
    race_hooks.result_came(session, session.get_one(Evaluation, submission.evaluation_id), now=NOON)
    return submission


@pytest.fixture
def race(session: Session) -> Race:
    owner = make_racer(session, "olivia")
    race = make_race(session, owner, now=NOON, minimum_laps=1)
    race_hooks.add(session, race, URL, by=owner, now=NOON)
    return race


def test_a_result_tells_its_place_and_whether_the_lead_has_changed(session: Session, race: Race) -> None:
    alice, bob = make_racer(session), make_racer(session, "bob")
    finished(session, race, alice, 9_000)
    finished(session, race, bob, 9_500)
    finished(session, race, bob, 8_000)
    finished(session, race, bob, 8_500)
    events = told(session)
    assert [event for event, _ in events] == [
        "race.ranked",
        "race.lead",
        "race.ranked",
        "race.ranked",
        "race.lead",
        "race.ranked",
    ]
    assert (events[1][1]["racer"], events[1][1]["before"]) == ("alice", None)
    assert (events[2][1]["place"], events[2][1]["counts"]) == (2, True)
    assert (events[4][1]["racer"], events[4][1]["before"], events[4][1]["result_ms"]) == ("bob", "alice", 8_000)
    assert (events[5][1]["counts"], events[5][1]["race"]) == (False, race.public_id)


def test_frozen_standings_and_reruns_tell_nothing_of_a_result(session: Session, race: Race) -> None:
    owner, alice = session.get_one(Racer, race.owner_id), make_racer(session)
    done = finished(session, race, alice, 9_000)
    before = len(told(session))
    again = reruns.request(session, race, done.public_id, by=owner, now=NOON)
    again.state, again.ended_at = JobState.COMPLETED, NOON
    assert race_hooks.result_came(session, again, now=NOON) == 0
    freezing.plan(session, race, by=owner, now=NOON - timedelta(seconds=30), minutes=None)
    finished(session, race, alice, 8_000)
    assert len(told(session)) == before
    assert race_hooks.by_clock(session, now=NOON) == 1
    assert told(session)[-1][0] == "race.frozen"
    assert race_hooks.by_clock(session, now=NOON) == 0


def test_closing_is_told_once_with_the_standings(session: Session, race: Race) -> None:
    finished(session, race, make_racer(session), 9_000)
    assert race_hooks.by_clock(session, now=NOON) == 0
    over = race.closes_at
    assert race_hooks.by_clock(session, now=over) == 1
    assert race_hooks.by_clock(session, now=over) == 0
    event, body = told(session)[-1]
    assert (event, body["standings"]) == ("race.closed", [{"place": 1, "racer": "alice", "result_ms": 9_000}])


def test_only_organizers_add_addresses_and_only_whole_ones(session: Session, race: Race) -> None:
    owner, bob = session.get_one(Racer, race.owner_id), make_racer(session, "bob")
    for url, by, code in (
        (URL, bob, Code.FORBIDDEN),
        ("", owner, Code.INVALID),
        ("ftp://hook.example", owner, Code.INVALID),
        ("https://user:word@hook.example", owner, Code.INVALID),
    ):
        with pytest.raises(RuleBroken) as broken:
            race_hooks.add(session, race, url, by=by, now=NOON)
        assert broken.value.code is code
    for _ in range(race_hooks.MOST - 1):
        race_hooks.add(session, race, URL, by=owner, now=NOON)
    assert len({hook.secret for hook in race_hooks.of(session, race)}) == race_hooks.MOST
    with pytest.raises(RuleBroken, match="at most"):
        race_hooks.add(session, race, URL, by=owner, now=NOON)
