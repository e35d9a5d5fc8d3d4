"""What a race asks of those who enter: boxes and bots on the track, cars that may, how often a day; re-scoring."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session

from portal.rules import race_objects, race_rescoring, races, standings, submissions
from portal.rules.broken import Code, RuleBroken
from portal.tables import AuditEvent, Evaluation, Race, Racer, Submission
from sim.car import Car
from sim.objects import Bots, Boxes
from tests.cast import NOON, make_racer
from tests.portal.races_cast import make_model, make_race, make_result


def enter(session: Session, race: Race, racer: Racer, now: datetime = NOON) -> Submission:
    submission = submissions.enter(session, race, make_model(session, racer), by=racer, now=now)
    session.get_one(Evaluation, submission.evaluation_id).state = "completed"
    session.flush()
    return submission


def test_what_is_on_the_track_reaches_the_evaluation_of_every_submission(session: Session) -> None:
    alice = make_racer(session)
    for objects in (Boxes(places=((0.2, 1), (0.6, -1))), Bots(6, 1.5, (1.0, 2.0), random=True), None):
        race = make_race(session, alice, now=NOON, objects=race_objects.stored(objects))
        evaluation = session.get_one(Evaluation, enter(session, race, alice).evaluation_id)
        assert race_objects.of(race) == race_objects.of(evaluation) == objects


def test_objects_that_no_race_can_have_are_refused(session: Session) -> None:
    wrong = ({"race_type": "head-to-bot", "count": 7}, {"race_type": "tag"}, {"race_type": "time-trial", "count": 2})
    for objects in wrong:
        with pytest.raises(RuleBroken) as broken:
            make_race(session, make_racer(session, f"r{objects['race_type'][:3]}"), now=NOON, objects=objects)
        assert (broken.value.code, broken.value.field) == (Code.INVALID, "race_type")


def test_a_car_with_another_sensor_or_action_space_is_listed_with_the_reason_and_cannot_enter(session: Session) -> None:
    alice = make_racer(session)
    vector = make_model(session, alice, name="vector")
    vector.car_metadata = Car.default().to_metadata()
    lidar = make_model(session, alice, name="lidar")
    lidar.car_metadata = {**vector.car_metadata, "sensor": ["LIDAR"]}
    flowing = make_model(session, alice, name="flowing")
    ranges = {"steering_angle": {"low": -30.0, "high": 30.0}, "speed": {"low": 0.5, "high": 2.0}}
    flowing.car_metadata = {**lidar.car_metadata, "action_space": ranges, "action_space_type": "continuous"}
    session.flush()
    race = make_race(session, alice, now=NOON, sensors=["LIDAR"], action_spaces=["discrete"])
    found = {model.name: reason for model, reason in submissions.eligible_models(session, race, alice)}
    assert found["lidar"] is None
    assert found["vector"] == "Its car carries Track vector; this race allows LIDAR alone."
    assert found["flowing"] == "Its car has a continuous action space; this race allows a discrete one."
    for model in (vector, flowing):
        with pytest.raises(RuleBroken) as broken:
            submissions.enter(session, race, model, by=alice, now=NOON)
        assert (broken.value.code, broken.value.field) == (Code.CONFLICT, "model")
    submissions.enter(session, race, lidar, by=alice, now=NOON)


def test_sensors_and_action_spaces_that_do_not_exist_are_refused(session: Session) -> None:
    alice = make_racer(session)
    for field, value in (("sensors", ["RADAR"]), ("action_spaces", ["quantum"])):
        with pytest.raises(RuleBroken) as broken:
            make_race(session, alice, now=NOON, **{field: value})
        assert (broken.value.code, broken.value.field) == (Code.INVALID, field)


def test_a_days_submissions_are_counted_by_the_calendar_of_the_race(session: Session) -> None:
    """Midnight in Auckland is noon in UTC in the southern winter."""
    alice = make_racer(session)
    race = make_race(session, alice, now=NOON, opens_at=NOON - timedelta(days=1), maximum_per_day=2)
    race.time_zone = "Pacific/Auckland"
    session.flush()
    before, at = NOON - timedelta(seconds=1), datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
    enter(session, race, alice, before - timedelta(hours=3))
    enter(session, race, alice, before)
    assert submissions.left_today(session, race, alice, now=before) == 0
    with pytest.raises(RuleBroken, match=r"2 times today.*midnight in Pacific/Auckland") as broken:
        enter(session, race, alice, before)
    assert broken.value.code is Code.CONFLICT
    assert submissions.why_closed(session, race, alice, now=before) == broken.value.message
    assert submissions.left_today(session, race, alice, now=at) == 2
    enter(session, race, alice, at)


def test_what_is_left_of_a_day_is_never_more_than_what_is_left_in_all(session: Session) -> None:
    alice = make_racer(session)
    race = make_race(session, alice, now=NOON, maximum_submissions=3, maximum_per_day=2)
    enter(session, race, alice)
    enter(session, race, alice)
    assert submissions.left_today(session, race, alice, now=NOON + timedelta(days=1)) == 1


def test_more_a_day_than_in_all_and_an_unknown_time_zone_are_refused(session: Session) -> None:
    alice = make_racer(session)
    for field, changes in (
        ("maximum_per_day", {"maximum_submissions": 2, "maximum_per_day": 3}),
        ("maximum_per_day", {"maximum_per_day": 0}),
        ("time_zone", {"time_zone": "Mars/Olympus"}),
        ("seed", {"seed": 2**31}),
    ):
        with pytest.raises(RuleBroken) as broken:
            races.create(
                session,
                alice,
                now=NOON,
                name="x",
                track="t",
                direction="clockwise",
                opens_at=NOON,
                closes_at=NOON + timedelta(hours=1),
                **changes,  # type: ignore[arg-type]
            )
        assert (broken.value.code, broken.value.field) == (Code.INVALID, field)


def test_another_way_to_score_is_shown_first_and_then_holds_for_every_submission(session: Session) -> None:
    alice, bob, carol = make_racer(session), make_racer(session, "bob"), make_racer(session, "carol")
    race = make_race(session, alice, now=NOON, minimum_laps=2)
    make_result(session, race, alice, 9_000, 9_000, 9_000)
    make_result(session, race, bob, 8_000, 20_000, 20_000)
    make_result(session, race, carol, 7_000, None, 9_000)
    assert [row.racer.alias for row in standings.for_race(session, race).rows] == ["alice", "bob"]
    found = race_rescoring.preview(session, race, {"ranking": "best", "minimum_laps": 1})
    assert (found.submissions, found.moved, found.gained, found.lost) == (3, 1, [carol], [])
    assert (found.leader_before, found.leader_after) == (alice, carol)
    assert standings.for_race(session, race).rows[0].racer is alice
    version = race.version
    races.edit(session, race, by=alice, now=NOON, ranking="best", minimum_laps=1)
    assert [row.racer.alias for row in standings.for_race(session, race).rows] == ["carol", "bob", "alice"]
    assert race.version == version + 1
    line = session.get_one(AuditEvent, 2)
    assert (line.action, line.before["ranking"], line.after["ranking"]) == ("race.edit", "total", "best")


def test_more_minimum_laps_take_racers_out_and_the_preview_names_them(session: Session) -> None:
    alice, bob = make_racer(session), make_racer(session, "bob")
    race = make_race(session, alice, now=NOON, minimum_laps=1)
    make_result(session, race, alice, 9_000, None, None)
    make_result(session, race, bob, 9_500, 9_500, 9_500)
    found = race_rescoring.preview(session, race, {"minimum_laps": 3})
    assert (found.lost, found.leader_before, found.leader_after) == ([alice], bob, bob)
    assert not race_rescoring.is_rescored(race, {"name": "New", "minimum_laps": 1})
    assert race_rescoring.is_rescored(race, {"minimum_laps": 3})
