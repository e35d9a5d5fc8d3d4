"""Deleting models: undone for a while, then for good; what races need stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from portal.rules import ledger, model_deletion, models, submissions, trainings
from portal.rules.broken import Code, RuleBroken
from portal.settings import Settings
from portal.tables import AuditEvent, Evaluation, JobState, Model, Racer, Role
from tests.cast import NOON, make_racer
from tests.portal.garage_cast import (
    end,
    finish_evaluation,
    finish_training,
    make_evaluation,
    make_model,
    make_training,
    ready_model,
)
from tests.portal.races_cast import make_race

LATER = NOON + model_deletion.GRACE


@pytest.fixture
def alice(session: Session) -> Racer:
    return make_racer(session, "alice")


@pytest.fixture
def ada(session: Session) -> Racer:
    return make_racer(session, "ada", role=Role.ADMIN)


def events(session: Session, model: Model) -> list[str]:
    query = select(AuditEvent).where(AuditEvent.subject == f"model:{model.public_id}").order_by(AuditEvent.id)  # type: ignore[arg-type]
    return [event.action for event in session.exec(query)]


def test_deleting_and_bringing_back_are_idempotent_and_audited(session: Session, alice: Racer, ada: Racer) -> None:
    model = make_model(session, alice)
    assert model_deletion.delete(session, model, by=ada, now=NOON, reason="course is over") is True
    assert model_deletion.delete(session, model, by=ada, now=LATER) is False
    assert model.deleted_at == NOON
    assert models.bring_back(session, model, by=ada, now=LATER) is True
    assert models.bring_back(session, model, by=ada, now=LATER) is False
    assert events(session, model) == ["model.delete", "model.restore"]
    deletion = session.exec(select(AuditEvent).where(AuditEvent.action == "model.delete")).one()
    assert (deletion.by_racer_id, deletion.reason) == (ada.id, "course is over")
    assert deletion.after == {"name": "First", "owner": "alice"}


def test_a_model_at_work_is_refused_and_stays(session: Session, alice: Racer, ada: Racer) -> None:
    model = make_model(session, alice)
    make_training(session, model, alice)
    with pytest.raises(RuleBroken, match="at work") as refused:
        model_deletion.delete(session, model, by=ada, now=NOON)
    assert refused.value.code is Code.CONFLICT
    assert model.deleted_at is None
    assert events(session, model) == []


def test_only_a_deleted_model_is_deleted_for_good_and_then_nothing_brings_it_back(
    session: Session, alice: Racer, ada: Racer
) -> None:
    model = make_model(session, alice)
    model.stored_bytes = 900
    with pytest.raises(RuleBroken, match="not deleted"):
        model_deletion.for_good(session, model, by=ada, now=NOON)
    model_deletion.delete(session, model, by=alice, now=NOON)
    assert model_deletion.for_good(session, model, by=ada, now=NOON) is True
    assert model_deletion.for_good(session, model, by=ada, now=LATER) is False
    assert (model.purged_at, model.stored_bytes) == (NOON, 0)
    assert models.deleted(session, alice, model.public_id) is None
    for attempt in (
        lambda: models.bring_back(session, model, by=ada, now=NOON),
        lambda: models.restore(session, model.public_id, by=alice, now=NOON),
    ):
        with pytest.raises(RuleBroken, match="for good"):
            attempt()


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_a_model_whose_race_evaluation_is_queued_or_running_keeps_its_weights(
    session: Session, settings: Settings, alice: Racer, ada: Racer, state: JobState
) -> None:
    model = ready_model(session, settings, alice)
    race = make_race(session, ada, now=NOON)
    submission = submissions.enter(session, race, model, by=alice, now=NOON)
    evaluation = session.get_one(Evaluation, submission.evaluation_id)
    evaluation.state = state
    model_deletion.delete(session, model, by=alice, now=NOON)  # leaves the garage at once; the race goes on
    assert model_deletion.due(session, LATER) == []
    with pytest.raises(RuleBroken, match="still needs the weights"):
        model_deletion.for_good(session, model, by=ada, now=LATER)
    assert model.purged_at is None
    assert trainings.weights_of(session, model) is not None
    end(session, evaluation)
    assert model_deletion.due(session, LATER) == [model]


def test_models_are_due_when_their_time_is_over_and_once(session: Session, alice: Racer) -> None:
    kept, early, late = (make_model(session, alice, name) for name in ("Kept", "Early", "Late"))
    model_deletion.delete(session, early, by=alice, now=NOON)
    model_deletion.delete(session, late, by=alice, now=NOON + timedelta(days=1))
    assert model_deletion.due(session, LATER - timedelta(seconds=1)) == []
    assert model_deletion.due(session, LATER) == [early]
    model_deletion.for_good(session, early, by=None, now=LATER)
    assert model_deletion.due(session, LATER + timedelta(days=1)) == [late]
    assert kept.deleted_at is None


def test_files_of_trainings_and_own_evaluations_go_and_those_of_races_stay(
    session: Session, settings: Settings, alice: Racer, ada: Racer
) -> None:
    model = make_model(session, alice)
    run = make_training(session, model, alice)
    finish_training(session, settings, run)
    own = make_evaluation(session, model, alice)
    raced = make_evaluation(session, model, alice, make_race(session, ada, now=NOON))
    for evaluation in (own, raced):
        finish_evaluation(session, settings, evaluation)
    assert model_deletion.with_files(session) == []
    model_deletion.delete(session, model, by=alice, now=NOON)
    assert model_deletion.with_files(session) == []
    model_deletion.for_good(session, model, by=ada, now=NOON)
    assert model_deletion.with_files(session) == [run, own]
    model_deletion.forget_files(session, [run, own])
    assert model_deletion.with_files(session) == []
    assert (run.artefact, own.artefact, raced.artefact is None) == (None, None, False)


def test_an_administrator_who_brings_a_model_back_reads_whose_maximum_is_reached(
    session: Session, alice: Racer, ada: Racer
) -> None:
    model = make_model(session, alice)
    model_deletion.delete(session, model, by=ada, now=NOON)
    make_model(session, alice)
    ledger.account_of(session, alice).maximum_models = 1
    with pytest.raises(RuleBroken, match=r"alice's maximum of models \(1\)"):
        models.bring_back(session, model, by=ada, now=NOON)
    ledger.account_of(session, alice).maximum_models = 2
    models.bring_back(session, model, by=ada, now=NOON)
    assert model.name == "First 2"
