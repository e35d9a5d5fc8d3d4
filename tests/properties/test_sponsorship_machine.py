"""Any history of sponsoring, asking, working, crashing, stopping, deleting and storing leaves books that add up.

The rules run on a real database; beside them runs a plain Python model of what they should do. After every step both
say the same, and the ledger explains it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
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
from portal.rules import (
    evaluations,
    ledger,
    limits,
    model_deletion,
    models,
    queueing,
    sponsorship,
    storage,
    trainings,
    usage_totals,
)
from portal.rules.broken import Code, RuleBroken
from portal.tables import Account, JobKind, JobState, LedgerEntry, Model, Racer, UsageDay, UsageMonth
from tests.cast import NOON
from tests.conftest import DATABASES, POSTGRESQL
from tests.jobs.paddock_yard import MINUTE_MS, check_ledger, make_model, make_sponsored
from tests.migrated import migrated_copy
from tests.properties.lock_order import LockOrder
from tests.properties.plain_books import SUMS, PlainBooks, PlainJob

EngineMaker = Callable[[], Engine]
RACERS, MODELS = 2, 3
LIMITS_MS = [(3 + 4 * number) * MINUTE_MS for number in range(MODELS)]
CHANGES = ("pause", "resume", "resume", "end", "sponsor", "sponsor")
WRITES = ("renew", "finish", "finish", "fail", "give back")
SIZES = st.sampled_from([1, 700_000_000, 3 * 2**30])
Who, Which, Choice = st.integers(0, RACERS - 1), st.integers(0, MODELS - 1), st.integers(0, 99)


class SponsorshipMachine(RuleBasedStateMachine):
    """Two racers with three models each, on a real database and in plain Python."""

    make: EngineMaker

    @initialize(quota_minutes=st.integers(10, 40), trainings_at_once=st.sampled_from([1, 1, 2]))
    def begin(self, quota_minutes: int, trainings_at_once: int) -> None:
        self.engine = self.make()
        self.locks = LockOrder(self.engine)
        self.now: datetime = NOON
        self.tokens: dict[int, list[str]] = {}
        self.highest_quota_ms = [quota_minutes * MINUTE_MS] * RACERS
        self.plain = PlainBooks(quota_minutes * MINUTE_MS, trainings_at_once, LIMITS_MS, RACERS)
        with write_session(self.engine) as session:
            limits.change(session, by=None, now=NOON, trainings_at_once=trainings_at_once)
            self.racers = [
                make_sponsored(session, f"racer-{n}", quota_ms=quota_minutes * MINUTE_MS) for n in range(RACERS)
            ]
            self.models = [
                [make_model(session, racer, f"m{n}", limit_ms=LIMITS_MS[n]) for n in range(MODELS)]
                for racer in self.racers
            ]
        self.locks.offences.clear()  # many rules in one transaction have no order

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.engine.dispose()

    def do(self, step: Callable[[Session], Any]) -> Any:
        """What one transaction gives back, or the code of the rule's refusal."""
        try:
            with write_session(self.engine) as session:
                return step(session)
        except RuleBroken as refusal:
            return refusal.code

    def pick(self, choice: int, *states: JobState) -> PlainJob | None:
        jobs = [job for job in self.plain.jobs if not states or job.state in states]
        return jobs[choice % len(jobs)] if jobs else None

    def any_job(self, *states: JobState) -> bool:
        return any(job.state in states for job in self.plain.jobs)

    @rule(seconds=st.integers(0, 200))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(hours=st.integers(10, 400))
    def days_pass(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(who=Who, verb=st.sampled_from(CHANGES))
    def change_sponsorship(self, who: int, verb: str) -> None:
        change = getattr(sponsorship, verb)
        found = self.do(lambda session: change(session, self.racers[who], by=None, now=self.now))
        assert found == self.plain.change(self.plain.racers[who], verb)

    @rule(who=Who, minutes=st.integers(0, 60))
    def set_quota(self, who: int, minutes: int) -> None:
        before = self.plain.racers[who].quota_ms
        quota_ms = minutes * MINUTE_MS
        changed = self.do(lambda session: ledger.set_quota(session, self.racers[who], quota_ms, by=None, now=self.now))
        assert changed == (before != quota_ms)
        self.plain.racers[who].quota_ms = quota_ms
        self.highest_quota_ms[who] = max(self.highest_quota_ms[who], quota_ms)

    @rule(enabled=st.sampled_from([True, True, True, False]))
    def switch_multi_user_mode(self, enabled: bool) -> None:
        self.do(lambda session: limits.change(session, by=None, now=self.now, multi_user_enabled=enabled))
        self.plain.enabled = enabled

    @rule(hour=st.integers(0, 9_999_999), gb_month=st.integers(0, 99_999))
    def change_prices(self, hour: int, gb_month: int) -> None:
        prices = {"training_hour_microusd": hour, "evaluation_hour_microusd": hour // 3}
        prices["storage_gb_month_microusd"] = gb_month
        self.do(lambda session: limits.change(session, by=None, now=self.now, **prices))
        self.plain.hour_microusd = {JobKind.TRAINING: hour, JobKind.EVALUATION: hour // 3}
        self.plain.gb_month_microusd = gb_month

    @rule(who=Who, which=Which)
    def request_training(self, who: int, which: int) -> None:
        racer, model = self.racers[who], self.models[who][which]
        found = self.do(lambda session: trainings.request(session, model, by=racer, now=self.now, seed=1).id)
        self.granted(JobKind.TRAINING, who, which, found)

    @rule(who=Who, which=Which)
    def request_evaluation(self, who: int, which: int) -> None:
        racer, model = self.racers[who], self.models[who][which]
        found = self.do(
            lambda session: (
                evaluations.request(
                    session, model, by=racer, track="oval", direction="clockwise", rules={}, now=self.now, seed=1
                ).id
            )
        )
        self.granted(JobKind.EVALUATION, who, which, found)

    def granted(self, kind: JobKind, who: int, which: int, found: int | Code) -> None:
        """Both grant it or both refuse it, for the same kind of reason."""
        expected = self.plain.request(kind, self.plain.racers[who].models[which])
        if expected is not None or isinstance(found, Code):
            assert found == expected
            return
        self.plain.jobs[-1].number = found

    @precondition(lambda self: self.any_job(JobState.QUEUED))
    @rule(choice=Choice)
    def claim_a_queued_job(self, choice: int) -> None:
        self.claim(self.pick(choice, JobState.QUEUED))

    @rule(choice=Choice)
    def claim_any_job(self, choice: int) -> None:
        self.claim(self.pick(choice))

    def claim(self, job: PlainJob | None) -> None:
        if job is None:
            return
        before = job.state
        token = self.do(lambda session: queueing.claim(session, job.kind, job.number, worker="w", now=self.now))
        state = self.plain.claim(job, self.now)
        assert (token is not None) == (before == JobState.QUEUED and state == JobState.RUNNING)
        if token is not None:
            job.token = token
            self.tokens.setdefault(id(job), []).append(token)

    @precondition(lambda self: self.any_job(JobState.RUNNING))
    @rule(choice=Choice, seconds=st.integers(0, 90), ending=st.sampled_from(WRITES), size=SIZES)
    def the_owner_writes(self, choice: int, seconds: int, ending: str, size: int) -> None:
        self.now += timedelta(seconds=seconds)
        job = self.pick(choice, JobState.RUNNING)
        assert job is not None
        self.write(job, job.token or "", ending, size)

    @precondition(lambda self: self.tokens)
    @rule(choice=Choice, which=st.integers(0, 9), ending=st.sampled_from(WRITES), size=SIZES)
    def any_worker_writes(self, choice: int, which: int, ending: str, size: int) -> None:
        jobs = [job for job in self.plain.jobs if id(job) in self.tokens]
        job = jobs[choice % len(jobs)]
        tokens = self.tokens[id(job)]
        self.write(job, tokens[which % len(tokens)], ending, size)

    def write(self, job: PlainJob, token: str, ending: str, size: int) -> None:
        owns = job.state == JobState.RUNNING and job.token == token
        done = self.do(lambda session: self._write(session, job, token, ending, size))
        assert bool(done) == owns
        if not owns:
            return
        job.use(self.now)
        if ending == "renew":
            job.lease_until = self.now + queueing.LEASE
        elif ending == "give back":
            self.plain.queue_again(job, job.attempt - 1)
        else:
            state = JobState.COMPLETED if ending == "finish" else JobState.FAILED
            self.plain.end(job, state, self.now, size if ending == "finish" else 0)

    def _write(self, session: Session, job: PlainJob, token: str, ending: str, size: int) -> object:
        at = (session, job.kind, job.number, token)
        if ending == "renew":
            return queueing.renew(*at, now=self.now)
        if ending == "give back":
            return queueing.requeue(*at, now=self.now)
        if ending == "fail":
            return queueing.finish(*at, state=JobState.FAILED, now=self.now)
        artefact, results = f"{job.kind}-{job.number}", {"size_bytes": size}
        return queueing.finish(*at, state=JobState.COMPLETED, now=self.now, artefact=artefact, results=results)

    @precondition(lambda self: self.any_job(JobState.RUNNING))
    @rule(seconds=st.sampled_from([0, 0, 91]))
    def reap_lost_workers(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        for job in self.plain.jobs:
            late = job.state == JobState.RUNNING and job.lease_until is not None and job.lease_until < self.now
            state = self.do(lambda session, j=job: queueing.reap(session, j.kind, j.number, now=self.now))
            if late:
                self.plain.reap(job, self.now)
            assert state == (job.state if late else None)

    @rule(choice=Choice)
    def stop(self, choice: int) -> None:
        job = self.pick(choice)
        if job is not None:
            stopped = self.do(lambda session: queueing.request_stop(session, job.kind, job.number, now=self.now))
            assert stopped == self.plain.stop(job, self.now)

    @rule(who=Who, which=Which)
    def delete_model(self, who: int, which: int) -> None:
        racer, public_id = self.racers[who], self.models[who][which].public_id
        found = self.do(lambda session: models.delete(session, public_id, by=racer, now=self.now))
        expected = self.plain.delete(self.plain.racers[who].models[which])
        assert found == expected if expected else isinstance(found, Model)

    @rule(who=Who, which=Which)
    def restore_model(self, who: int, which: int) -> None:
        racer, public_id = self.racers[who], self.models[who][which].public_id
        found = self.do(lambda session: models.restore(session, public_id, by=racer, now=self.now))
        expected = self.plain.restore(self.plain.racers[who].models[which])
        assert found == expected if expected else isinstance(found, Model)

    @rule()
    def purge_what_was_deleted_long_ago(self) -> None:
        """As maintenance does: the row first, then the jobs forget their files."""
        with read_session(self.engine) as session:
            due = {model.id for model in model_deletion.due(session, self.now)}
        for rows, plain in zip(self.models, self.plain.racers, strict=True):
            for row, model in zip(rows, plain.models, strict=True):
                if row.id in due:
                    assert model.deleted
                    assert self.do(lambda session, r=row: model_deletion.for_good(session, r, by=None, now=self.now))
                    model.purged = True
        with read_session(self.engine) as session:
            jobs = model_deletion.with_files(session)
        self.do(lambda session: model_deletion.forget_files(session, jobs))

    @rule()
    def accrue_storage(self) -> None:
        with read_session(self.engine) as session:
            due = storage.charges(session, storage.today(self.now), now=self.now)
        charged = self.do(lambda session: storage.charge(session, due, now=self.now))
        assert self.do(lambda session: storage.charge(session, due, now=self.now)) == 0, "a day is charged once"
        assert charged == self.plain.store(self.now)

    @invariant()
    def the_ledger_explains_everything(self) -> None:
        if not hasattr(self, "engine"):
            return
        with read_session(self.engine) as session:
            check_ledger(session)
            spent = sum(account.spent_microusd for account in session.exec(select(Account)))
            assert spent == sum(line.amount_microusd for line in session.exec(select(LedgerEntry)))
            for account in session.exec(select(Account)):
                assert usage_totals.months_of(session, account) == usage_totals.recompute(session, account)

    @invariant()
    def the_books_are_those_of_the_plain_model(self) -> None:
        if not hasattr(self, "engine"):
            return
        with read_session(self.engine) as session:
            for who, (racer, plain) in enumerate(zip(self.racers, self.plain.racers, strict=True)):
                found = ledger.balance(session, racer)
                assert found == (plain.quota_ms, plain.reserved_ms, plain.used_ms, plain.spent_microusd)
                assert found.reserved_ms + found.used_ms <= self.highest_quota_ms[who]
                assert session.get_one(Racer, racer.id).sponsorship == plain.sponsorship
                assert self.sums(session, UsageDay, racer) == plain.days
                assert self.sums(session, UsageMonth, racer) == plain.months

    def sums(self, session: Session, table: Any, racer: Racer) -> dict[Any, dict[str, int]]:
        query = select(table).join(Account).where(Account.racer_id == racer.id)
        return {row.starts_on: {name: getattr(row, name) for name in SUMS} for row in session.exec(query)}

    @invariant()
    def jobs_and_models_are_those_of_the_plain_model(self) -> None:
        if not hasattr(self, "engine"):
            return
        with read_session(self.engine) as session:
            for job in self.plain.jobs:
                row = queueing.look(session, job.kind, job.number)
                assert row is not None
                assert (row.state, row.attempt, row.used_ms) == (job.state, job.attempt, job.used_ms)
                assert row.token == job.token
            for rows, plain in zip(self.models, self.plain.racers, strict=True):
                for model, twin in zip(rows, plain.models, strict=True):
                    found = session.get_one(Model, model.id)
                    assert (found.stored_bytes, found.used_ms) == (twin.stored_bytes, twin.used_ms)
                    assert (found.deleted_at is not None) == twin.deleted

    @invariant()
    def no_more_run_than_the_limit(self) -> None:
        if hasattr(self, "engine"):
            running = [job for job in self.plain.jobs if (job.kind, job.state) == (JobKind.TRAINING, JobState.RUNNING)]
            assert len(running) <= self.plain.at_once[JobKind.TRAINING]

    @invariant()
    def locks_are_taken_in_one_order(self) -> None:
        if hasattr(self, "engine"):
            assert self.locks.offences == []


@pytest.fixture(params=DATABASES)
def engine_maker(request: pytest.FixtureRequest, tmp_path: Path) -> EngineMaker:
    """A fresh, migrated database for each history."""

    def on_sqlite() -> Engine:
        path = Path(tempfile.mkdtemp(dir=tmp_path)) / "paddock.db"
        migrated_copy(path)
        return make_engine(f"sqlite:///{path}")

    if request.param == POSTGRESQL:
        server = request.getfixturevalue("postgres")
        return lambda: make_engine(server.fresh())
    return on_sqlite


def check_histories(engine_maker: EngineMaker, examples: int, steps: int) -> None:
    class Machine(SponsorshipMachine):
        make = staticmethod(engine_maker)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=[phase for phase in Phase if phase is not Phase.explain],  # it traces every line
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_history_leaves_books_that_add_up(engine_maker: EngineMaker) -> None:
    check_histories(engine_maker, examples=6, steps=40)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_many_long_histories_do_too(engine_maker: EngineMaker) -> None:
    check_histories(engine_maker, examples=100, steps=80)
