"""The tree of clones, and what a clone's training begins with."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from portal.database import write_session
from portal.rules import lineage, models, trainings
from portal.rules.broken import Code, RuleBroken
from portal.rules.lineage import Branch
from portal.tables import Model, Racer
from sim.hyperparameters import Hyperparameters
from tests.cast import NOON, make_racer
from tests.portal.garage_cast import driving_model, make_model


def clone(session: Session, parent: Model, by: Racer, name: str, *, stack_size: int = 1) -> Model:
    return models.clone(
        session,
        parent,
        by=by,
        name=name,
        car=None,
        track="kidney",
        direction="clockwise",
        reward_code="def reward_function(params):\n    return 1.0\n",
        hyperparameters=Hyperparameters(stack_size=stack_size),
        training_limit_ms=60_000,
        now=NOON,
    )


def told(branch: Branch) -> dict[str, object]:
    return {branch.model.name: [told(child) for child in branch.children]}


def test_every_model_of_a_tree_shows_the_whole_of_it(engine: Engine) -> None:
    with write_session(engine) as session:
        alice = make_racer(session, "alice")
        first = make_model(session, alice, "First")
        one, two = (clone(session, first, alice, name) for name in ("One", "Two"))
        leaf = clone(session, one, alice, "Leaf")
        whole = {"First": [{"One": [{"Leaf": []}]}, {"Two": []}]}
        assert [told(lineage.tree(session, model)) for model in (first, one, two, leaf)] == [whole] * 4
        alone = make_model(session, alice, "Alone")
        assert told(lineage.tree(session, alone)) == {"Alone": []}


def test_a_deleted_model_stays_in_the_tree_without_a_page(engine: Engine) -> None:
    with write_session(engine) as session:
        alice = make_racer(session, "alice")
        first = make_model(session, alice, "First")
        one = clone(session, first, alice, "One")
        models.delete(session, first.public_id, by=alice, now=NOON)
        tree = lineage.tree(session, one)
        assert (told(tree), tree.is_own, tree.children[0].is_own) == ({"First": [{"One": []}]}, False, True)


def test_a_model_of_another_racer_is_in_nobody_elses_tree(engine: Engine) -> None:
    with write_session(engine) as session:
        alice, bob = make_racer(session, "alice"), make_racer(session, "bob")
        first = make_model(session, alice, "First")
        copy = make_model(session, bob, "Copy")
        copy.cloned_from_id = first.id
        session.flush()
        assert told(lineage.tree(session, copy)) == {"Copy": []}
        assert told(lineage.tree(session, first)) == {"First": []}


def test_a_clones_training_begins_with_the_weights_that_its_parent_has(engine: Engine, tmp_path: Path) -> None:
    with write_session(engine) as session:
        alice = make_racer(session, "alice")
        parent = driving_model(session, tmp_path, alice, "Swift")
        weights = trainings.weights_of(session, parent)
        assert weights is not None
        weights.fingerprint = "ab" * 32
        child = clone(session, parent, alice, "Child")
        asked = trainings.request(session, child, by=alice, now=NOON).configuration
        assert asked["parent"] == {"model": "Swift", "training": weights.public_id, "weights": "ab" * 32}


def test_a_clone_of_a_model_without_weights_begins_from_the_start(engine: Engine) -> None:
    with write_session(engine) as session:
        alice = make_racer(session, "alice")
        child = clone(session, make_model(session, alice, "First"), alice, "Child")
        assert "parent" not in trainings.request(session, child, by=alice, now=NOON).configuration


def test_a_clone_sees_as_many_pictures_as_its_parent(engine: Engine) -> None:
    with write_session(engine) as session:
        alice = make_racer(session, "alice")
        first = make_model(session, alice, "First")
        with pytest.raises(RuleBroken) as refused:
            clone(session, first, alice, "Child", stack_size=3)
    assert (refused.value.code, refused.value.field) == (Code.INVALID, "hp-stack_size")
