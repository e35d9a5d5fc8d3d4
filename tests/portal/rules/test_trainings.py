"""Trainings: who may have one, what it holds, how it ends and what it costs."""

from __future__ import annotations

import pytest
from sqlmodel import Session, delete, select

from portal.rules import ledger, limits, queueing, sponsorship, trainings
from portal.rules.broken import Code, RuleBroken
from portal.tables import (
    HOUR_MS,
    Account,
    EntryKind,
    JobKind,
    JobState,
    LedgerEntry,
    OutboxEntry,
    RewardFunction,
    Role,
    Sponsorship,
    TrainingIteration,
)
from tests.cast import NOON, make_racer
from tests.jobs.paddock_yard import (
    MINUTE_MS,
    after,
    check_ledger,
    claim,
    finish,
    make_model,
    make_sponsored,
    make_trained,
)


def test_a_request_holds_its_whole_stop_time_and_freezes_its_configuration(session: Session) -> None:
    racer = make_sponsored(session)
    model = make_model(session, racer)
    run = trainings.request(session, model, by=racer, now=NOON, seed=7)
    model.hyperparameters = {}
    model.track = "elsewhere"
    session.flush()
    assert (run.state, run.seed, run.limit_ms, run.attempt) == (JobState.QUEUED, 7, 10 * MINUTE_MS, 0)
    assert run.configuration["track"] == "paddock-oval"
    assert run.configuration["hyperparameters"]["discount_factor"] > 0
    assert ledger.balance(session, racer).reserved_ms == 10 * MINUTE_MS
    outbox = session.exec(select(OutboxEntry)).one()
    assert (outbox.job_kind, outbox.job_id, outbox.attempt, outbox.sent_at) == (JobKind.TRAINING, run.id, 0, None)
    check_ledger(session)


def test_it_runs_with_the_current_version_of_the_reward_function(session: Session) -> None:
    racer = make_sponsored(session)
    model = make_model(session, racer)
    newer = RewardFunction(model_id=model.id or 0, version=2, code="two", created_at=NOON)
    session.add(newer)
    session.flush()
    assert trainings.request(session, model, by=racer, now=NOON).reward_function_id == newer.id


@pytest.mark.parametrize("state", [Sponsorship.PAUSED, Sponsorship.ENDED])
def test_it_refuses_racers_who_are_not_sponsored_now(session: Session, state: Sponsorship) -> None:
    racer = make_sponsored(session, sponsorship=state)
    with pytest.raises(RuleBroken, match="Ask the administrator") as refused:
        trainings.request(session, make_model(session, racer), by=racer, now=NOON)
    assert refused.value.code == Code.FORBIDDEN
    assert ledger.balance(session, racer).reserved_ms == 0


def test_another_racers_model_is_not_there_even_for_an_administrator(session: Session) -> None:
    model = make_model(session, make_sponsored(session, "alice"))
    for person in (make_sponsored(session, "bob"), make_sponsored(session, "admin", role=Role.ADMIN)):
        with pytest.raises(RuleBroken) as refused:
            trainings.request(session, model, by=person, now=NOON)
        assert refused.value.code == Code.MISSING


def test_a_deleted_model_is_not_there(session: Session) -> None:
    racer = make_sponsored(session)
    model = make_model(session, racer)
    model.deleted_at = NOON
    session.flush()
    with pytest.raises(RuleBroken) as refused:
        trainings.request(session, model, by=racer, now=NOON)
    assert refused.value.code == Code.MISSING


def test_a_model_is_trained_once_at_a_time(session: Session) -> None:
    racer = make_sponsored(session)
    model = make_model(session, racer)
    first = trainings.request(session, model, by=racer, now=NOON)
    with pytest.raises(RuleBroken, match="being trained already"):
        trainings.request(session, model, by=racer, now=NOON)
    trainings.stop(session, first, by=racer, now=NOON)
    assert trainings.request(session, model, by=racer, now=NOON).id != first.id


def test_a_model_without_a_reward_function_cannot_be_trained(session: Session) -> None:
    racer = make_sponsored(session)
    model = make_model(session, racer)
    session.exec(delete(RewardFunction))
    with pytest.raises(RuleBroken, match="Write one first"):
        trainings.request(session, model, by=racer, now=NOON)


def test_two_models_at_a_time_queued_ones_included(session: Session) -> None:
    racer = make_sponsored(session)
    first = trainings.request(session, make_model(session, racer, "one"), by=racer, now=NOON)
    trainings.request(session, make_model(session, racer, "two"), by=racer, now=NOON)
    third = make_model(session, racer, "three")
    with pytest.raises(RuleBroken, match="2 models in training or evaluation at a time") as refused:
        trainings.request(session, third, by=racer, now=NOON)
    assert refused.value.code == Code.CONFLICT
    token = claim(session, first)
    assert token is not None
    finish(session, first, token, 60)
    assert trainings.request(session, third, by=racer, now=NOON).state == JobState.QUEUED


def test_the_accounts_limit_is_waited_for_visibly_and_not_refused(session: Session) -> None:
    limits.change(session, by=None, now=NOON, trainings_at_once=1)
    alice, bob = make_sponsored(session, "alice"), make_sponsored(session, "bob")
    first = trainings.request(session, make_model(session, alice), by=alice, now=NOON)
    second = trainings.request(session, make_model(session, bob), by=bob, now=after(1))
    assert [queueing.place(session, run) for run in (first, second)] == [1, 2]
    token = claim(session, first)
    assert token is not None
    assert claim(session, second) is None
    assert (second.state, queueing.place(session, second)) == (JobState.QUEUED, 1)
    assert "limit of this instance" in second.message
    finish(session, first, token, 60)
    assert claim(session, second, 61) is not None
    assert second.message == ""
    check_ledger(session)


def test_a_lowered_models_at_once_is_waited_for(session: Session) -> None:
    racer = make_sponsored(session)
    runs = [trainings.request(session, make_model(session, racer, name), by=racer, now=NOON) for name in "ab"]
    session.exec(select(Account)).one().models_at_once = 1
    session.flush()
    assert claim(session, runs[0]) is not None
    assert claim(session, runs[1]) is None
    assert "your limit" in runs[1].message


def test_a_queued_training_of_a_paused_racer_is_refused_at_its_start_and_gives_its_reservation_back(
    session: Session,
) -> None:
    racer = make_sponsored(session)
    run = trainings.request(session, make_model(session, racer), by=racer, now=NOON)
    sponsorship.pause(session, racer, by=None, now=NOON)
    assert claim(session, run) is None
    assert (run.state, run.message) == (JobState.REFUSED, sponsorship.PAUSED)
    assert ledger.balance(session, racer).reserved_ms == 0
    check_ledger(session)


def test_a_queued_training_is_refused_where_the_quota_was_lowered_under_it(session: Session) -> None:
    racer = make_sponsored(session)
    run = trainings.request(session, make_model(session, racer), by=racer, now=NOON)
    ledger.set_quota(session, racer, MINUTE_MS, by=None, now=NOON)
    assert claim(session, run) is None
    assert run.state == JobState.REFUSED
    assert "quota was lowered" in run.message
    check_ledger(session)


def test_training_in_progress_of_a_paused_racer_runs_on_and_is_charged(session: Session) -> None:
    racer = make_sponsored(session)
    run = trainings.request(session, make_model(session, racer), by=racer, now=NOON)
    token = claim(session, run)
    assert token is not None
    sponsorship.pause(session, racer, by=None, now=NOON)
    assert queueing.renew(session, JobKind.TRAINING, run.id or 0, token, now=after(15)) is not None
    finish(session, run, token, 30)
    assert ledger.balance(session, racer).used_ms == 30_000
    check_ledger(session)


def test_a_pause_does_not_refuse_the_second_attempt_of_a_training_in_progress(session: Session) -> None:
    racer = make_sponsored(session)
    run = trainings.request(session, make_model(session, racer), by=racer, now=NOON)
    claim(session, run)
    sponsorship.pause(session, racer, by=None, now=NOON)
    queueing.reap(session, JobKind.TRAINING, run.id or 0, now=after(91))
    assert claim(session, run, 92) is not None


def test_it_is_charged_by_the_hour_in_whole_millionths(session: Session) -> None:
    racer = make_sponsored(session, quota_ms=2 * HOUR_MS)
    run = trainings.request(session, make_model(session, racer, limit_ms=HOUR_MS), by=racer, now=NOON)
    token = claim(session, run)
    assert token is not None
    for seconds in range(60, 1801, 60):
        queueing.renew(session, JobKind.TRAINING, run.id or 0, token, now=after(seconds))
    finish(session, run, token, 1801)
    settled = session.exec(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.SETTLE)).one()
    assert (settled.used_ms, settled.amount_microusd) == (1_801_000, 1_801_000 * 3_500_000 // HOUR_MS)
    assert run.used_ms == 1_801_000


def test_stopping_a_queued_training_is_immediate_free_and_happens_once(session: Session) -> None:
    racer = make_sponsored(session)
    run = trainings.request(session, make_model(session, racer), by=racer, now=NOON)
    assert trainings.stop(session, run, by=racer, now=after(1))
    assert not trainings.stop(session, run, by=racer, now=after(2))
    assert (run.state, run.ended_at) == (JobState.STOPPED, after(1))
    assert ledger.balance(session, racer) == ledger.Balance(60 * MINUTE_MS, 0, 0, 0)
    assert claim(session, run) is None
    check_ledger(session)


def test_stopping_a_running_training_asks_its_worker(session: Session) -> None:
    racer = make_sponsored(session)
    run = trainings.request(session, make_model(session, racer), by=racer, now=NOON)
    token = claim(session, run)
    assert token is not None
    assert trainings.stop(session, run, by=racer, now=after(1))
    assert run.state == JobState.RUNNING
    lease = queueing.renew(session, JobKind.TRAINING, run.id or 0, token, now=after(2))
    assert lease == queueing.Lease(stop_requested=True, used_ms=2000)


def test_only_the_racer_and_an_administrator_stop_a_training(session: Session) -> None:
    racer, other = make_sponsored(session, "alice"), make_racer(session, "bob")
    run = trainings.request(session, make_model(session, racer), by=racer, now=NOON)
    with pytest.raises(RuleBroken) as refused:
        trainings.stop(session, run, by=other, now=NOON)
    assert refused.value.code == Code.MISSING
    assert trainings.stop(session, run, by=make_racer(session, "admin", role=Role.ADMIN), now=NOON)


def test_a_training_is_found_by_its_racer_only(session: Session) -> None:
    racer = make_sponsored(session)
    run = trainings.request(session, make_model(session, racer), by=racer, now=NOON)
    assert trainings.get_own(session, racer, run.public_id) is run
    with pytest.raises(RuleBroken) as refused:
        trainings.get_own(session, make_racer(session, "bob"), run.public_id)
    assert refused.value.code == Code.MISSING


def test_the_weights_are_those_of_the_newest_training_that_left_some(session: Session) -> None:
    racer = make_sponsored(session)
    model = make_trained(session, racer, artefact="good")
    failed = trainings.request(session, model, by=racer, now=NOON)
    token = claim(session, failed, 20)
    assert token is not None
    finish(session, failed, token, 30, state=JobState.FAILED, artefact="half")
    weights = trainings.weights_of(session, model)
    assert weights is not None
    assert weights.artefact == "good"
    assert trainings.latest(session, model) is failed


def test_a_failed_training_that_had_saved_its_model_is_better_than_nothing(session: Session) -> None:
    racer = make_sponsored(session)
    model = make_model(session, racer)
    run = trainings.request(session, model, by=racer, now=NOON)
    assert trainings.weights_of(session, model) is None
    token = claim(session, run)
    assert token is not None
    finish(session, run, token, 30, state=JobState.FAILED, artefact="half", message="boom", message_line=3)
    assert trainings.weights_of(session, model) is run
    assert (run.message, run.message_line) == ("boom", 3)


def measured(run_id: int, iteration: int, *, best: bool = False, lap: int | None = None) -> TrainingIteration:
    return TrainingIteration(
        training_run_id=run_id,
        iteration=iteration,
        episodes=20 * iteration,
        steps=1000 * iteration,
        elapsed_ms=1000 * iteration,
        average_reward=1.5,
        training_completion=40.0,
        evaluation_completion=50.0 + iteration,
        best_lap_ms=lap,
        best=best,
    )


def test_iterations_are_written_by_the_owner_only_and_repeated_ones_replace_the_old(session: Session) -> None:
    racer = make_sponsored(session)
    run = trainings.request(session, make_model(session, racer), by=racer, now=NOON)
    run_id = run.id or 0
    first = claim(session, run)
    assert first is not None
    for number in (1, 2, 3):
        assert trainings.record_iteration(session, first, measured(run_id, number, best=number == 2, lap=9000 + number))
    assert (run.best_iteration, run.best_lap_ms, run.completion_percent) == (2, 9002, 52.0)
    queueing.reap(session, JobKind.TRAINING, run_id, now=after(91))
    second = claim(session, run, 92)
    assert second is not None
    assert not trainings.record_iteration(session, first, measured(run_id, 4))
    assert trainings.record_iteration(session, second, measured(run_id, 3))
    assert [row.iteration for row in trainings.iterations(session, run)] == [1, 2, 3]
    assert run.iterations == 3
