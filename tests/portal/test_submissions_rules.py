"""Entering a race: who, when, how often and with what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from portal.rules import ledger, models, races, sponsorship, submissions, trainings
from portal.rules.broken import Code, RuleBroken
from portal.tables import (
    Account,
    Evaluation,
    JobState,
    OutboxEntry,
    Reservation,
    Role,
    Sponsorship,
    TrainingRun,
    Visibility,
)
from tests.cast import NOON, make_racer
from tests.portal.races_cast import make_model, make_race, make_training

pytestmark = pytest.mark.both_databases


def test_entering_queues_an_evaluation_by_the_races_rules_and_seed(session: Session) -> None:
    alice = make_racer(session)
    race = make_race(session, alice, now=NOON, laps=5, off_track_penalty_ms=2500, collision_penalty_ms=0)
    model = make_model(session, alice)
    submission = submissions.enter(session, race, model, by=alice, now=NOON)
    evaluation = session.get_one(Evaluation, submission.evaluation_id)
    assert (evaluation.state, evaluation.seed, evaluation.race_id) == ("queued", race.seed, race.id)
    assert (evaluation.track, evaluation.direction) == (race.track, race.direction)
    assert evaluation.rules == {
        "laps": 5,
        "continuous": True,
        "maximum_resets": 10_000,
        "off_track_penalty_s": 2.5,
        "collision_penalty_s": 0.0,
    }
    assert session.exec(select(OutboxEntry).where(OutboxEntry.job_id == evaluation.id)).one().job_kind == "evaluation"


def test_the_weights_are_those_of_the_moment_whatever_is_trained_later(session: Session) -> None:
    alice = make_racer(session)
    race, model = make_race(session, alice, now=NOON), make_model(session, alice)
    weights = trainings.weights_of(session, model)
    assert weights is not None
    submission = submissions.enter(session, race, model, by=alice, now=NOON)
    make_training(session, model, JobState.COMPLETED, artefact="training-c/1-d")
    assert session.get_one(Evaluation, submission.evaluation_id).training_run_id == weights.id


def test_the_race_pays_not_the_racer(session: Session) -> None:
    alice = make_racer(session)
    race, model = make_race(session, alice, now=NOON), make_model(session, alice)
    submission = submissions.enter(session, race, model, by=alice, now=NOON)
    reservation = session.exec(select(Reservation).where(Reservation.job_id == submission.evaluation_id)).one()
    assert session.get_one(Account, reservation.account_id).race_id == race.id
    assert ledger.balance(session, alice).reserved_ms == 0


def test_a_paused_racer_may_enter_one_whose_sponsorship_ended_may_not(session: Session) -> None:
    admin, bob = (
        make_racer(session, "root", role=Role.ADMIN),
        make_racer(session, "bob", sponsorship=Sponsorship.PAUSED),
    )
    race, model = make_race(session, admin, now=NOON), make_model(session, bob)
    submissions.enter(session, race, model, by=bob, now=NOON)
    sponsorship.end(session, bob, by=admin, now=NOON)
    with pytest.raises(RuleBroken) as broken:
        submissions.enter(session, race, model, by=bob, now=NOON)
    assert broken.value.code is Code.FORBIDDEN
    assert submissions.why_closed(session, race, bob, now=NOON) == broken.value.message


def test_only_an_open_race_can_be_entered(session: Session) -> None:
    alice = make_racer(session)
    race, model = make_race(session, alice, now=NOON, opens_at=NOON), make_model(session, alice)
    for moment, words in ((NOON - timedelta(seconds=1), "not opened"), (race.closes_at, "closed")):
        with pytest.raises(RuleBroken, match=words) as broken:
            submissions.enter(session, race, model, by=alice, now=moment)
        assert broken.value.code is Code.CONFLICT
    submissions.enter(session, race, model, by=alice, now=NOON)


def test_a_race_that_was_deleted_or_is_private_cannot_be_entered(session: Session) -> None:
    alice, bob = make_racer(session), make_racer(session, "bob")
    private = make_race(session, alice, now=NOON, visibility=Visibility.PRIVATE)
    gone = make_race(session, alice, now=NOON)
    races.delete(session, gone, by=alice, now=NOON)
    for race in (private, gone):
        with pytest.raises(RuleBroken) as broken:
            submissions.enter(session, race, make_model(session, bob), by=bob, now=NOON)
        assert broken.value.code is Code.MISSING


def test_nobody_enters_somebody_elses_model(session: Session) -> None:
    alice, bob = make_racer(session), make_racer(session, "bob")
    with pytest.raises(RuleBroken) as broken:
        submissions.enter(session, make_race(session, alice, now=NOON), make_model(session, alice), by=bob, now=NOON)
    assert broken.value.code is Code.MISSING


def test_the_maximum_counts_results_not_failures_of_the_house(session: Session) -> None:
    alice = make_racer(session)
    race, model = make_race(session, alice, now=NOON, maximum_submissions=2), make_model(session, alice)
    first = submissions.enter(session, race, model, by=alice, now=NOON)
    submissions.enter(session, race, model, by=alice, now=NOON)
    assert submissions.left(session, race, alice) == 0
    with pytest.raises(RuleBroken, match="maximum") as broken:
        submissions.enter(session, race, model, by=alice, now=NOON)
    assert broken.value.code is Code.CONFLICT
    session.get_one(Evaluation, first.evaluation_id).state = JobState.FAILED
    session.flush()
    submissions.enter(session, race, model, by=alice, now=NOON)


def test_models_that_are_not_ready_say_why(session: Session) -> None:
    alice = make_racer(session)
    race = make_race(session, alice, now=NOON)
    ready = make_model(session, alice, name="ready")
    untrained = make_model(session, alice, name="untrained", trained=False)
    failed = make_model(session, alice, name="failed", trained=False)
    make_training(session, failed, JobState.FAILED)
    training = make_model(session, alice, name="training")
    make_training(session, training, JobState.RUNNING)
    deleted = make_model(session, alice, name="deleted")
    models.delete(session, deleted.public_id, by=alice, now=NOON)
    make_model(session, make_racer(session, "bob"), name="of bob")
    found = submissions.eligible_models(session, race, alice)
    assert found[0] == (ready, None)
    reasons = {model.name: reason or "" for model, reason in found}
    assert set(reasons) == {"ready", "untrained", "failed", "training"}
    assert "no weights" in reasons["untrained"]
    assert "failed" in reasons["failed"]
    assert "in training" in reasons["training"]
    for model in (untrained, failed, training):
        with pytest.raises(RuleBroken) as broken:
            submissions.enter(session, race, model, by=alice, now=NOON)
        assert (broken.value.code, broken.value.field) == (Code.CONFLICT, "model")
    with pytest.raises(RuleBroken) as missing:
        submissions.enter(session, race, deleted, by=alice, now=NOON)
    assert missing.value.code is Code.MISSING


def test_the_same_model_may_be_entered_again_with_the_same_weights_rules_and_seed(session: Session) -> None:
    alice = make_racer(session)
    race, model = make_race(session, alice, now=NOON), make_model(session, alice)
    runs = [
        session.get_one(Evaluation, submissions.enter(session, race, model, by=alice, now=NOON).evaluation_id)
        for _ in range(2)
    ]
    same = [(run.training_run_id, run.track, run.direction, run.rules, run.seed) for run in runs]
    assert same[0] == same[1]
    assert session.get_one(TrainingRun, runs[0].training_run_id).model_id == model.id


def test_my_submissions_say_where_they_are(session: Session) -> None:
    alice, bob = make_racer(session), make_racer(session, "bob")
    race, model = make_race(session, alice, now=NOON), make_model(session, alice)
    submissions.enter(session, race, make_model(session, bob), by=bob, now=NOON)
    queued = submissions.enter(session, race, model, by=alice, now=NOON)
    (mine,) = submissions.of_racer(session, race, alice)
    assert (mine.submission, mine.state, mine.place, mine.outcome) == (queued, JobState.QUEUED, 2, "")
    evaluation = mine.evaluation
    evaluation.state, evaluation.message = JobState.FAILED, "The worker was lost 3 times."
    session.flush()
    assert submissions.get(session, race, queued.public_id).outcome == "The worker was lost 3 times."
    evaluation.state = JobState.COMPLETED
    session.flush()
    assert submissions.get(session, race, queued.public_id).outcome.startswith("It completed 0 of the 3 laps")


def test_a_submission_is_found_in_its_own_race_only(session: Session) -> None:
    alice = make_racer(session)
    race, other = make_race(session, alice, now=NOON), make_race(session, alice, now=NOON)
    submission = submissions.enter(session, race, make_model(session, alice), by=alice, now=NOON)
    with pytest.raises(RuleBroken) as broken:
        submissions.get(session, other, submission.public_id)
    assert broken.value.code is Code.MISSING


def test_two_submissions_of_one_racer_to_one_race_wait_or_drive_at_once(session: Session) -> None:
    alice, bob = make_racer(session), make_racer(session, "bob")
    race, other, model = (
        make_race(session, alice, now=NOON),
        make_race(session, alice, now=NOON),
        make_model(session, alice),
    )
    first = submissions.enter(session, race, model, by=alice, now=NOON)
    assert submissions.why_closed(session, race, alice, now=NOON) == ""
    submissions.enter(session, race, model, by=alice, now=NOON)
    driven = session.get_one(Evaluation, first.evaluation_id)
    for state in (JobState.QUEUED, JobState.RUNNING):
        driven.state = state
        session.flush()
        with pytest.raises(RuleBroken) as broken:
            submissions.enter(session, race, model, by=alice, now=NOON)
        words = "You have 2 submissions that wait or drive. Enter again when one is done."
        assert (broken.value.code, broken.value.message) == (Code.CONFLICT, words)
        assert submissions.why_closed(session, race, alice, now=NOON) == words
    submissions.enter(session, other, model, by=alice, now=NOON)
    submissions.enter(session, race, make_model(session, bob), by=bob, now=NOON)
    driven.state = JobState.COMPLETED
    session.flush()
    assert submissions.why_closed(session, race, alice, now=NOON) == ""
    submissions.enter(session, race, model, by=alice, now=NOON)
