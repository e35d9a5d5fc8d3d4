"""Any history of sponsoring, asking, working, crashing and stopping leaves accounts that the ledger explains."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine
from sqlmodel import Session, select

from portal.database import make_engine, read_session, write_session
from portal.rules import evaluations, ledger, limits, queueing, sponsorship, trainings
from portal.rules.broken import RuleBroken
from portal.tables import Account, JobKind, JobState, Model, Racer, Reservation, Sponsorship
from tests.cast import NOON
from tests.jobs.paddock_yard import MINUTE_MS, check_ledger, make_model, make_sponsored
from tests.migrated import migrated_copy

EngineMaker = Callable[[], Engine]
RACERS, MODELS = 2, 3
CHANGES = ("pause", "resume", "resume", "end", "sponsor", "sponsor")
WRITES = ("renew", "finish", "fail", "give back")
Job = tuple[JobKind, int]


class SponsorshipMachine(RuleBasedStateMachine):
    """Two racers with three models each, on a real database. The model is the worst case: what was ever granted."""

    make: EngineMaker

    @initialize(quota_minutes=st.integers(10, 40), trainings_at_once=st.sampled_from([1, 1, 2]))
    def begin(self, quota_minutes: int, trainings_at_once: int) -> None:
        self.engine = self.make()
        self.now: datetime = NOON
        self.tokens: dict[Job, list[str]] = {}
        self.over: dict[Job, tuple[str, int]] = {}
        self.highest_quota_ms = [quota_minutes * MINUTE_MS] * RACERS
        with write_session(self.engine) as session:
            limits.change(session, by=None, now=NOON, trainings_at_once=trainings_at_once)
            self.racers = [
                make_sponsored(session, f"racer-{n}", quota_ms=quota_minutes * MINUTE_MS) for n in range(RACERS)
            ]
            self.models = [
                [make_model(session, racer, f"m{n}", limit_ms=(3 + 4 * n) * MINUTE_MS) for n in range(MODELS)]
                for racer in self.racers
            ]

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.engine.dispose()

    def jobs(self, *states: JobState) -> list[Job]:
        with read_session(self.engine) as session:
            return [
                (kind, job.id or 0)
                for kind in JobKind
                for job in session.exec(select(queueing.table_of(kind)))
                if not states or job.state in states
            ]

    def pick(self, choice: int, *states: JobState) -> Job | None:
        jobs = self.jobs(*states)
        return jobs[choice % len(jobs)] if jobs else None

    @rule(seconds=st.integers(0, 200))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(who=st.integers(0, RACERS - 1), change=st.sampled_from(CHANGES))
    def change_sponsorship(self, who: int, change: str) -> None:
        with write_session(self.engine) as session:
            before = session.get_one(Racer, self.racers[who].id).sponsorship
            try:
                changed = getattr(sponsorship, change)(session, self.racers[who], by=None, now=self.now)
            except RuleBroken:
                assert before == Sponsorship.ENDED
                return
            assert changed == (session.get_one(Racer, self.racers[who].id).sponsorship != before)

    @rule(who=st.integers(0, RACERS - 1), minutes=st.integers(0, 60))
    def set_quota(self, who: int, minutes: int) -> None:
        with write_session(self.engine) as session:
            ledger.set_quota(session, self.racers[who], minutes * MINUTE_MS, by=None, now=self.now)
        self.highest_quota_ms[who] = max(self.highest_quota_ms[who], minutes * MINUTE_MS)

    @rule(enabled=st.sampled_from([True, True, True, False]))
    def switch_multi_user_mode(self, enabled: bool) -> None:
        with write_session(self.engine) as session:
            limits.change(session, by=None, now=self.now, multi_user_enabled=enabled)

    @rule(who=st.integers(0, RACERS - 1), which=st.integers(0, MODELS - 1))
    def request_training(self, who: int, which: int) -> None:
        racer, model = self.racers[who], self.models[who][which]
        with write_session(self.engine) as session:
            left = ledger.balance(session, racer).left_ms
            may = sponsorship.refusal(session, racer) is None
        try:
            with write_session(self.engine) as session:
                trainings.request(session, model, by=racer, now=self.now, seed=1)
        except RuleBroken:
            return
        assert may
        assert left >= model.training_limit_ms

    @rule(who=st.integers(0, RACERS - 1), which=st.integers(0, MODELS - 1))
    def request_evaluation(self, who: int, which: int) -> None:
        racer, model = self.racers[who], self.models[who][which]
        try:
            with write_session(self.engine) as session:
                had_weights = trainings.weights_of(session, session.get_one(Model, model.id)) is not None
                evaluations.request(
                    session, model, by=racer, track="oval", direction="clockwise", rules={}, now=self.now, seed=1
                )
        except RuleBroken:
            return
        assert had_weights

    @precondition(lambda self: self.jobs(JobState.QUEUED))
    @rule(choice=st.integers(0, 99))
    def claim_a_queued_job(self, choice: int) -> None:
        self.claim(self.pick(choice, JobState.QUEUED))

    @rule(choice=st.integers(0, 99))
    def claim_any_job(self, choice: int) -> None:
        self.claim(self.pick(choice))

    def claim(self, job: Job | None) -> None:
        if job is None:
            return
        with write_session(self.engine) as session:
            row = queueing.find(session, *job)
            assert row is not None
            was, started = row.state, row.started_at
            may = sponsorship.refusal(session, session.get_one(Racer, row.racer_id)) is None
            token = queueing.claim(session, *job, worker="w", now=self.now)
            session.refresh(row)
            if token is None:
                assert was != JobState.QUEUED or row.state in (JobState.QUEUED, JobState.REFUSED)
                assert row.state != JobState.REFUSED or row.message
                return
            assert was == JobState.QUEUED
            assert may or started is not None
        self.tokens.setdefault(job, []).append(token)

    @precondition(lambda self: self.jobs(JobState.RUNNING))
    @rule(choice=st.integers(0, 99), seconds=st.integers(0, 90), ending=st.sampled_from(WRITES))
    def the_owner_writes(self, choice: int, seconds: int, ending: str) -> None:
        self.now += timedelta(seconds=seconds)
        job = self.pick(choice, JobState.RUNNING)
        assert job is not None
        self.write(job, self.tokens[job][-1], ending)

    @precondition(lambda self: self.tokens)
    @rule(choice=st.integers(0, 99), which=st.integers(0, 9), ending=st.sampled_from(WRITES))
    def any_worker_writes(self, choice: int, which: int, ending: str) -> None:
        job = sorted(self.tokens)[choice % len(self.tokens)]
        self.write(job, self.tokens[job][which % len(self.tokens[job])], ending)

    def write(self, job: Job, token: str, ending: str) -> None:
        with write_session(self.engine) as session:
            row = queueing.find(session, *job)
            assert row is not None
            owns = row.state == JobState.RUNNING and row.token == token
            done = self._write(session, job, token, ending)
        assert bool(done) == owns

    def _write(self, session: Session, job: Job, token: str, ending: str) -> object:
        if ending == "renew":
            return queueing.renew(session, *job, token, now=self.now)
        if ending == "give back":
            return queueing.requeue(session, *job, token, now=self.now)
        state = JobState.COMPLETED if ending == "finish" else JobState.FAILED
        return queueing.finish(session, *job, token, state=state, now=self.now, artefact=f"{job[0]}-{job[1]}")

    @precondition(lambda self: self.jobs(JobState.RUNNING))
    @rule(seconds=st.sampled_from([0, 0, 91]))
    def reap_lost_workers(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        with write_session(self.engine) as session:
            for kind in JobKind:
                for row in queueing.expired(session, kind, self.now):
                    assert queueing.reap(session, kind, row.id or 0, now=self.now) is not None

    @rule(choice=st.integers(0, 99))
    def stop(self, choice: int) -> None:
        job = self.pick(choice)
        if job is None:
            return
        with write_session(self.engine) as session:
            row = queueing.find(session, *job)
            assert row is not None
            was_queued = row.state == JobState.QUEUED
            stopped = queueing.request_stop(session, *job, now=self.now)
            assert not (stopped and was_queued) or row.state == JobState.STOPPED

    @invariant()
    def the_ledger_explains_everything(self) -> None:
        if not hasattr(self, "engine"):
            return
        with read_session(self.engine) as session:
            check_ledger(session)
            for who, racer in enumerate(self.racers):
                balance = ledger.balance(session, racer)
                assert balance.reserved_ms + balance.used_ms <= self.highest_quota_ms[who]

    @invariant()
    def nothing_that_is_over_changes_and_nothing_is_charged_above_its_reservation(self) -> None:
        if not hasattr(self, "engine"):
            return
        with read_session(self.engine) as session:
            for kind in JobKind:
                for row in session.exec(select(queueing.table_of(kind))):
                    job = (kind, row.id or 0)
                    assert row.attempt <= queueing.MAXIMUM_ATTEMPTS
                    if job in self.over:
                        assert self.over[job] == (row.state, row.used_ms)
                    elif row.is_over:
                        self.over[job] = (row.state, row.used_ms)
            used = sum(account.used_ms for account in session.exec(select(Account)))
            held = sum(reservation.amount_ms for reservation in session.exec(select(Reservation)))
            assert used <= held

    @invariant()
    def no_more_run_than_the_limit(self) -> None:
        if not hasattr(self, "engine"):
            return
        with read_session(self.engine) as session:
            allowed = limits.current(session).trainings_at_once
        running = [job for job in self.jobs(JobState.RUNNING) if job[0] == JobKind.TRAINING]
        assert len(running) <= allowed


@pytest.fixture
def engine_maker(tmp_path: Path) -> EngineMaker:
    """A fresh, migrated database for each history: another database is another fixture."""

    def make() -> Engine:
        path = Path(tempfile.mkdtemp(dir=tmp_path)) / "paddock.db"
        migrated_copy(path)
        return make_engine(f"sqlite:///{path}")

    return make


def check_histories(engine_maker: EngineMaker, examples: int, steps: int) -> None:
    class Machine(SponsorshipMachine):
        make = staticmethod(engine_maker)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_history_leaves_accounts_that_the_ledger_explains(engine_maker: EngineMaker) -> None:
    check_histories(engine_maker, examples=20, steps=40)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_long_histories_do_too(engine_maker: EngineMaker) -> None:
    check_histories(engine_maker, examples=100, steps=60)
