"""Cars: who may do what, the shared limit, soft deletion and its undoing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import Session

from portal.rules import cars, limits, sponsorship
from portal.rules.broken import Code, RuleBroken
from sim.action_space import ContinuousActionSpace
from sim.car import Car
from sim.sensors import MIDDLE_CNN, STEREO_CAMERAS
from tests.cast import NOON, make_racer
from tests.portal.garage_cast import make_car

pytestmark = pytest.mark.both_databases


def test_a_car_is_kept_in_the_schema_of_model_metadata(session: Session) -> None:
    car = replace(Car.default(), action_space=ContinuousActionSpace(-20, 20, 0.75, 3))
    row = make_car(session, make_racer(session), car=car)
    assert row.metadata_json["action_space"] == {
        "steering_angle": {"low": -20, "high": 20},
        "speed": {"low": 0.75, "high": 3},
    }
    assert Car.from_metadata(row.metadata_json) == car


def test_another_racers_car_does_not_exist(session: Session) -> None:
    alice, bob = make_racer(session, "alice"), make_racer(session, "bob")
    row = make_car(session, alice)
    for attempt in (
        lambda: cars.get_own(session, bob, row.public_id),
        lambda: cars.delete(session, row.public_id, by=bob, now=NOON),
        lambda: cars.duplicate(session, row.public_id, by=bob, now=NOON),
        lambda: cars.restore(session, row.public_id, by=bob),
        lambda: cars.edit(session, row.public_id, by=bob, name="Mine", colour="red", car=Car.default()),
    ):
        with pytest.raises(RuleBroken) as refused:
            attempt()
        assert refused.value.code is Code.MISSING
    assert row.deleted_at is None
    assert row.name == "Bolt"


def test_the_limit_counts_everybodys_cars_and_no_deleted_ones(session: Session) -> None:
    alice, bob = make_racer(session, "alice"), make_racer(session, "bob")
    limits.change(session, by=None, now=NOON, cars=2)
    first = make_car(session, alice, "One")
    make_car(session, bob, "Two")
    with pytest.raises(RuleBroken, match="2 cars") as refused:
        make_car(session, alice, "Three")
    assert refused.value.code is Code.CONFLICT
    cars.delete(session, first.public_id, by=alice, now=NOON)
    make_car(session, bob, "Three")
    with pytest.raises(RuleBroken, match="2 cars"):
        cars.restore(session, first.public_id, by=alice)


def test_deleting_is_undone_by_restoring(session: Session) -> None:
    alice = make_racer(session)
    row = make_car(session, alice)
    cars.delete(session, row.public_id, by=alice, now=NOON)
    assert cars.of_racer(session, alice) == []
    assert cars.deleted(session, alice, row.public_id) == row
    cars.restore(session, row.public_id, by=alice)
    assert cars.of_racer(session, alice) == [row]
    assert cars.restore(session, row.public_id, by=alice).name == "Bolt"


def test_a_restored_car_takes_a_free_name_where_its_own_is_taken(session: Session) -> None:
    alice = make_racer(session)
    row = make_car(session, alice)
    cars.delete(session, row.public_id, by=alice, now=NOON)
    make_car(session, alice, "bolt")
    assert cars.restore(session, row.public_id, by=alice).name == "Bolt 2"


def test_a_copy_gets_the_next_free_name_and_the_same_actions(session: Session) -> None:
    alice = make_racer(session)
    row = make_car(session, alice)
    copies = [cars.duplicate(session, row.public_id, by=alice, now=NOON) for _ in range(2)]
    assert [copy.name for copy in copies] == ["Bolt 2", "Bolt 3"]
    assert all(copy.metadata_json == row.metadata_json for copy in copies)


def test_two_cars_of_one_racer_have_different_names(session: Session) -> None:
    alice, bob = make_racer(session, "alice"), make_racer(session, "bob")
    make_car(session, alice)
    make_car(session, bob)
    with pytest.raises(RuleBroken) as refused:
        make_car(session, alice, " BOLT ")
    assert (refused.value.code, refused.value.field) == (Code.INVALID, "name")


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\u202eb", "a\x00b"])
def test_names_that_cannot_be_are_refused(session: Session, name: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        make_car(session, make_racer(session), name)
    assert refused.value.field == "name"


def test_a_car_that_cannot_be_trained_is_refused_with_its_field(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.car.MOST_PARAMETERS", 50_000_000)
    car = replace(Car.default(), sensors=(STEREO_CAMERAS,), neural_network=MIDDLE_CNN.name)
    with pytest.raises(RuleBroken) as refused:
        make_car(session, make_racer(session), car=car)
    assert (refused.value.code, refused.value.field) == (Code.INVALID, "neural_network")


def test_an_unknown_colour_is_refused(session: Session) -> None:
    with pytest.raises(RuleBroken) as refused:
        cars.create(session, make_racer(session), name="Bolt", colour="mauve", car=Car.default(), now=NOON)
    assert refused.value.field == "colour"


def test_a_paused_racer_makes_and_copies_no_car(session: Session) -> None:
    alice = make_racer(session)
    row = make_car(session, alice)
    sponsorship.pause(session, alice, by=None, now=NOON)
    for attempt in (
        lambda: cars.create(session, alice, name="Second", colour="red", car=Car.default(), now=NOON),
        lambda: cars.duplicate(session, row.public_id, by=alice, now=NOON),
    ):
        with pytest.raises(RuleBroken) as refused:
            attempt()
        assert refused.value.code == Code.FORBIDDEN
    assert cars.get_own(session, alice, row.public_id).name == row.name
