"""Claims, leases and endings: one owner at a time, and nothing written by one that lost."""

from __future__ import annotations

import multiprocessing

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from portal.database import make_engine, write_session
from portal.rules import ledger, outbox, queueing, trainings
from portal.rules.broken import RuleBroken
from portal.tables import Account, JobKind, JobState, Model, OutboxEntry, Racer, TrainingRun
from tests.cast import NOON
from tests.jobs.paddock_yard import MINUTE_MS, after, check_ledger, claim, finish, make_model, make_sponsored

TRAINING = JobKind.TRAINING


@pytest.fixture
def run(session: Session) -> TrainingRun:
    racer = make_sponsored(session)
    return trainings.request(session, make_model(session, racer), by=racer, now=NOON)


def token_of(session: Session, run: TrainingRun, seconds: float = 0) -> str:
    token = claim(session, run, seconds)
    assert token is not None
    return token


def test_a_job_is_claimed_once(session: Session, run: TrainingRun) -> None:
    token = token_of(session, run)
    assert (run.state, run.attempt, run.token, run.worker) == (JobState.RUNNING, 1, token, "w")
    assert (run.started_at, run.lease_until) == (NOON, after(90))
    assert claim(session, run) is None
    assert claim(session, TrainingRun(id=99, **{})) is None


def test_renewing_charges_slice_by_slice(session: Session, run: TrainingRun) -> None:
    token = token_of(session, run)
    for seconds, used_ms in ((15, 15_000), (16.5, 16_500), (45, 45_000)):
        lease = queueing.renew(session, TRAINING, run.id or 0, token, now=after(seconds))
        assert lease == queueing.Lease(stop_requested=False, used_ms=used_ms)
    assert run.lease_until == after(135)


@pytest.mark.parametrize(("seconds", "used_ms"), [(-3600, 0), (7200, 90_000)])
def test_a_clock_that_jumps_costs_nothing_or_one_lease(
    session: Session, run: TrainingRun, seconds: float, used_ms: int
) -> None:
    lease = queueing.renew(session, TRAINING, run.id or 0, token_of(session, run), now=after(seconds))
    assert lease is not None
    assert lease.used_ms == used_ms


def test_a_lost_worker_is_charged_up_to_its_last_renewal_and_the_job_is_queued_again(
    session: Session, run: TrainingRun
) -> None:
    token = token_of(session, run)
    queueing.renew(session, TRAINING, run.id or 0, token, now=after(15))
    assert queueing.reap(session, TRAINING, run.id or 0, now=after(100)) is None
    assert queueing.expired(session, TRAINING, after(100)) == []
    assert [job.id for job in queueing.expired(session, TRAINING, after(106))] == [run.id]
    assert queueing.reap(session, TRAINING, run.id or 0, now=after(106)) == JobState.QUEUED
    assert (run.used_ms, run.attempt, run.token) == (15_000, 1, None)
    assert [(entry.attempt, entry.sent_at) for entry in outbox.unsent(session, after(106), 9)] == [(0, None), (1, None)]
    check_ledger(session)


def test_a_worker_that_lost_its_job_writes_nothing(session: Session, run: TrainingRun) -> None:
    old = token_of(session, run)
    queueing.reap(session, TRAINING, run.id or 0, now=after(91))
    new = token_of(session, run, 92)
    assert queueing.renew(session, TRAINING, run.id or 0, old, now=after(93)) is None
    assert finish(session, run, old, 93, artefact="late") is None
    assert not queueing.requeue(session, TRAINING, run.id or 0, old, now=after(93))
    assert (run.state, run.token, run.artefact) == (JobState.RUNNING, new, None)
    assert finish(session, run, new, 100, artefact="winner") is run
    assert finish(session, run, new, 101, artefact="twice") is None
    assert run.artefact == "winner"
    check_ledger(session)


def test_the_third_loss_is_the_last_and_what_was_used_is_charged(session: Session, run: TrainingRun) -> None:
    for attempt in range(3):
        start = 1000 * attempt
        queueing.renew(session, TRAINING, run.id or 0, token_of(session, run, start), now=after(start + 10))
        state = queueing.reap(session, TRAINING, run.id or 0, now=after(start + 200))
    assert state == JobState.FAILED
    assert "lost 3 times" in run.message
    assert run.used_ms == 30_000
    assert ledger.balance_of(session.exec(select(Account)).one()).used_ms == 30_000
    check_ledger(session)


def test_a_lost_job_that_was_to_stop_is_stopped(session: Session, run: TrainingRun) -> None:
    token_of(session, run)
    queueing.request_stop(session, TRAINING, run.id or 0, now=after(5))
    assert queueing.reap(session, TRAINING, run.id or 0, now=after(91)) == JobState.STOPPED
    check_ledger(session)


def test_a_job_given_back_goes_on_and_the_attempt_does_not_count(session: Session, run: TrainingRun) -> None:
    for round_number in range(5):
        start = 100 * round_number
        token = token_of(session, run, start)
        assert queueing.requeue(session, TRAINING, run.id or 0, token, now=after(start + 10), message="restarted")
    assert (run.state, run.attempt, run.used_ms, run.message) == (JobState.QUEUED, 0, 50_000, "restarted")
    assert session.exec(select(OutboxEntry)).one().created_at == after(410)
    finish(session, run, token_of(session, run, 1000), 1005)
    assert run.used_ms == 55_000
    check_ledger(session)


def test_a_waiting_job_is_announced_again(session: Session, run: TrainingRun) -> None:
    entry = session.exec(select(OutboxEntry)).one()
    outbox.mark_sent(session, [entry], NOON)
    session.exec(select(Account)).one().models_at_once = 0
    session.flush()
    assert claim(session, run, 50) is None
    session.refresh(entry)
    assert (entry.sent_at, entry.created_at) == (None, after(50))


def test_what_a_lost_attempt_had_saved_is_kept_where_there_is_nothing_else(session: Session, run: TrainingRun) -> None:
    assert not queueing.salvage(session, TRAINING, run.id or 0, "early")
    queueing.request_stop(session, TRAINING, run.id or 0, now=NOON)
    assert queueing.salvage(session, TRAINING, run.id or 0, "kept")
    assert not queueing.salvage(session, TRAINING, run.id or 0, "other")
    assert run.artefact == "kept"


def _hammer(address: str, racer_id: int, model_ids: list[int], granted: multiprocessing.Queue[int]) -> None:
    engine = make_engine(address)
    count = 0
    for model_id in model_ids:
        try:
            with write_session(engine) as session:
                racer, model = session.get_one(Racer, racer_id), session.get_one(Model, model_id)
                trainings.request(session, model, by=racer, now=NOON)
            count += 1
        except RuleBroken:
            continue
    granted.put(count)
    engine.dispose()


def test_processes_that_ask_at_once_get_exactly_the_quota(engine: Engine) -> None:
    with write_session(engine) as session:
        racer = make_sponsored(session, quota_ms=47 * MINUTE_MS + 1)
        ledger.account_of(session, racer).models_at_once = 1000
        racer_id = racer.id or 0
        models = [make_model(session, racer, f"m{n}", limit_ms=MINUTE_MS).id or 0 for n in range(120)]
    engine.dispose()  # no connection is carried into the children
    context = multiprocessing.get_context("fork")
    granted: multiprocessing.Queue[int] = context.Queue()
    processes = [
        context.Process(target=_hammer, args=(str(engine.url), racer_id, models[start::6], granted))
        for start in range(6)
    ]
    for process in processes:
        process.start()
    total = sum(granted.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(10)
    with write_session(engine) as session:
        assert total == 47
        assert len(session.exec(select(TrainingRun)).all()) == 47
        assert ledger.balance(session, session.get_one(Racer, racer_id)).left_ms == 1
        check_ledger(session)


def _click(address: str, racer_id: int, model_id: int, granted: multiprocessing.Queue[int]) -> None:
    engine = make_engine(address)
    try:
        with write_session(engine) as session:
            trainings.request(session, session.get_one(Model, model_id), by=session.get_one(Racer, racer_id), now=NOON)
        granted.put(1)
    except RuleBroken:
        granted.put(0)
    engine.dispose()


def test_two_clicks_at_once_start_one_training(engine: Engine) -> None:
    with write_session(engine) as session:
        racer = make_sponsored(session)
        ids = (racer.id or 0, make_model(session, racer).id or 0)
    engine.dispose()  # no connection is carried into the children
    context = multiprocessing.get_context("fork")
    granted: multiprocessing.Queue[int] = context.Queue()
    processes = [context.Process(target=_click, args=(str(engine.url), *ids, granted)) for _ in range(2)]
    for process in processes:
        process.start()
    assert sum(granted.get(timeout=60) for _ in processes) == 1
    for process in processes:
        process.join(10)
