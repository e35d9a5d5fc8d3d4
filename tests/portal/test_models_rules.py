"""Models: limits, lineage, state, soft deletion and its undoing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import Session

from portal.rules import ledger, models, reward_functions, sponsorship, trainings
from portal.rules.broken import Code, RuleBroken
from portal.rules.models import ModelState
from portal.settings import Settings
from portal.tables import Car as CarRow
from portal.tables import JobState, Model, Racer
from sim.action_space import Action, ContinuousActionSpace, DiscreteActionSpace
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.sensors import LIDAR
from tests.cast import NOON, make_racer
from tests.portal.garage_cast import (
    end,
    finish_evaluation,
    make_car,
    make_evaluation,
    make_model,
    make_training,
    ready_model,
)

pytestmark = pytest.mark.both_databases


def clone(session: Session, parent: Model, racer: Racer, car: CarRow | None = None) -> Model:
    return models.clone(
        session,
        parent,
        by=racer,
        name=models.name_for_copy(session, parent),
        car=car,
        track="kidney",
        direction="clockwise",
        reward_code="def reward_function(params):\n    return 2.0\n",
        hyperparameters=Hyperparameters(lr=0.0001),
        training_limit_ms=120_000,
        now=NOON,
    )


def test_a_new_model_has_the_first_version_of_its_reward_function(session: Session) -> None:
    model = make_model(session, make_racer(session), code="def reward_function(params):\r\n    return 1.0")
    only = reward_functions.versions(session, model)
    assert [(row.version, row.code) for row in only] == [(1, "def reward_function(params):\n    return 1.0\n")]


def test_a_model_trains_in_the_world_that_it_was_made_for(session: Session) -> None:
    alice = make_racer(session)
    usual = make_model(session, alice, "Usual")
    assert usual.scene == {}
    assert make_training(session, usual, alice).configuration.keys() == {
        "track",
        "direction",
        "car",
        "hyperparameters",
    }
    settings = {
        "by": alice,
        "car": None,
        "track": "kidney",
        "direction": "clockwise",
        "reward_code": "def reward_function(params):\n    return 2.0\n",
        "hyperparameters": Hyperparameters(),
        "training_limit_ms": 120_000,
        "now": NOON,
    }
    scene = {"look": "night", "randomisation": "sim-to-real", "starts": "hard-places", "best_by": "race"}
    night = models.clone(session, usual, name="Night", **scene, **settings)
    assert night.scene == scene
    asked = trainings.configuration_of(night)
    assert {field: asked[field] for field in scene} == scene
    for field in scene:
        with pytest.raises(RuleBroken, match="Choose from") as refused:
            models.clone(session, usual, name="Moon", **{field: "moon"}, **settings)
        assert (refused.value.code, refused.value.field) == (Code.INVALID, field)


def test_the_racers_number_of_models_is_a_limit(session: Session) -> None:
    alice = make_racer(session)
    ledger.account_of(session, alice).maximum_models = 2
    first = make_model(session, alice, "One")
    make_model(session, alice, "Two")
    for attempt in (lambda: make_model(session, alice, "Three"), lambda: clone(session, first, alice)):
        with pytest.raises(RuleBroken, match="2 models") as refused:
            attempt()
        assert refused.value.code is Code.CONFLICT
    models.delete(session, first.public_id, by=alice, now=NOON)
    make_model(session, alice, "Three")
    with pytest.raises(RuleBroken, match="2 models"):
        models.restore(session, first.public_id, by=alice, now=NOON)


def test_another_racers_model_does_not_exist(session: Session) -> None:
    alice, bob = make_racer(session, "alice"), make_racer(session, "bob")
    model = make_model(session, alice)
    for attempt in (
        lambda: models.get_own(session, bob, model.public_id),
        lambda: models.delete(session, model.public_id, by=bob, now=NOON),
        lambda: models.restore(session, model.public_id, by=bob, now=NOON),
        lambda: models.rename(session, model.public_id, by=bob, name="Mine", description=""),
        lambda: models.set_limit(session, model, by=bob, training_limit_ms=120_000),
        lambda: clone(session, model, bob),
        lambda: reward_functions.save(session, model, code="x = 1", by=bob, now=NOON),
    ):
        with pytest.raises(RuleBroken) as refused:
            attempt()
        assert refused.value.code is Code.MISSING


@pytest.mark.parametrize("limit_ms", [0, 59_999, 1440 * 60_000 + 1])
def test_a_stop_time_out_of_range_is_refused(session: Session, limit_ms: int) -> None:
    alice = make_racer(session)
    model = make_model(session, alice)
    with pytest.raises(RuleBroken) as refused:
        models.set_limit(session, model, by=alice, training_limit_ms=limit_ms)
    assert (refused.value.code, refused.value.field) == (Code.INVALID, "minutes")


def test_a_clone_remembers_its_parent_and_keeps_its_car(session: Session) -> None:
    alice = make_racer(session)
    parent = make_model(session, alice)
    child = clone(session, parent, alice)
    assert child.name == "First 2"
    assert child.car_metadata == parent.car_metadata
    assert models.parent_of(session, child) == parent
    assert (child.track, child.direction, child.hyperparameters["lr"]) == ("kidney", "clockwise", 0.0001)


def test_a_clone_may_have_other_values_of_as_many_actions(session: Session) -> None:
    alice = make_racer(session)
    parent = make_model(session, alice)
    faster = DiscreteActionSpace(
        tuple(Action(action.steering_deg, action.speed_mps * 2) for action in DiscreteActionSpace.default().actions)
    )
    row = make_car(session, alice, car=replace(Car.default(), action_space=faster))
    assert clone(session, parent, alice, row).car_metadata == row.metadata_json


@pytest.mark.parametrize(
    "other",
    [
        replace(Car.default(), action_space=ContinuousActionSpace()),
        replace(Car.default(), action_space=DiscreteActionSpace.grid(3, 30, 2, 1)),
        replace(Car.default(), sensors=(LIDAR,)),
    ],
    ids=["kind of actions", "number of actions", "sensors"],
)
def test_a_clone_keeps_action_type_number_of_actions_and_sensors(session: Session, other: Car) -> None:
    alice = make_racer(session)
    parent = make_model(session, alice)
    with pytest.raises(RuleBroken) as refused:
        clone(session, parent, alice, make_car(session, alice, car=other))
    assert (refused.value.code, refused.value.field) == (Code.INVALID, "car")


def test_a_model_at_work_is_not_deleted(session: Session) -> None:
    alice = make_racer(session)
    model = make_model(session, alice)
    run = make_training(session, model, alice)
    with pytest.raises(RuleBroken) as refused:
        models.delete(session, model.public_id, by=alice, now=NOON)
    assert refused.value.code is Code.CONFLICT
    trainings.stop(session, run, by=alice, now=NOON)
    models.delete(session, model.public_id, by=alice, now=NOON)
    assert models.of_racer(session, alice) == []


def test_deleting_is_undone_by_restoring(session: Session) -> None:
    alice = make_racer(session)
    model = make_model(session, alice)
    models.delete(session, model.public_id, by=alice, now=NOON)
    assert models.deleted(session, alice, model.public_id) == model
    with pytest.raises(RuleBroken):
        models.get_own(session, alice, model.public_id)
    models.restore(session, model.public_id, by=alice, now=NOON)
    assert models.get_own(session, alice, model.public_id) == model


def test_its_state_follows_its_newest_training(session: Session) -> None:
    alice = make_racer(session)
    model = make_model(session, alice)

    def state() -> tuple[ModelState, int, bool]:
        found = models.state_of(session, model)
        return found.state, found.place, found.has_weights

    assert state() == (ModelState.NEW, 0, False)
    run = make_training(session, model, alice)
    assert state() == (ModelState.QUEUED, 1, False)
    run.state = JobState.RUNNING
    session.flush()
    assert state() == (ModelState.TRAINING, 0, False)
    run.stop_requested_at = NOON
    session.flush()
    assert state() == (ModelState.STOPPING, 0, False)
    end(session, run, JobState.FAILED)
    assert state() == (ModelState.FAILED, 0, False)
    run.artefact = "training-x/1"
    end(session, run, JobState.STOPPED)
    assert state() == (ModelState.READY, 0, True)


def test_a_ready_model_says_that_it_is_being_evaluated(session: Session, settings: Settings) -> None:
    alice = make_racer(session)
    model = ready_model(session, settings, alice)
    evaluation = make_evaluation(session, model, alice)
    assert models.state_of(session, model).state is ModelState.EVALUATING
    finish_evaluation(session, settings, evaluation)
    assert models.state_of(session, model).state is ModelState.READY
    assert models.best_lap_ms(session, model) == 19_500


def test_a_paused_racer_makes_and_clones_no_model(session: Session) -> None:
    alice = make_racer(session)
    parent = make_model(session, alice)
    sponsorship.pause(session, alice, by=None, now=NOON)
    with pytest.raises(RuleBroken) as refused:
        make_model(session, alice, "Second")
    assert refused.value.code == Code.FORBIDDEN
    assert models.of_racer(session, alice) == [parent]
