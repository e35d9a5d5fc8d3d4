"""Budgets and the hard cap: whatever is asked for, a month's budget is not gone beyond."""

from __future__ import annotations

import shutil
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from sqlalchemy import Engine, event
from sqlmodel import Session, select

from portal.database import make_engine, read_session, write_session
from portal.rules import budgets, evaluations, ledger, limits, queueing, submissions, trainings
from portal.rules.broken import Code, RuleBroken
from portal.tables import (
    Account,
    AuditEvent,
    Evaluation,
    JobKind,
    JobState,
    Model,
    Race,
    Racer,
    TrainingRun,
    UsageMonth,
)
from tests.cast import NOON
from tests.jobs.paddock_yard import MINUTE_MS, after, claim, finish, make_model, make_sponsored, make_trained
from tests.migrated import migrated_copy

DOLLAR = 1_000_000
TEN_MINUTES = 583_334
"""What ten minutes may cost at 3.50 dollars an hour, rounded up."""


def set_budgets(
    session: Session, instance: int | None = None, racer: int | None = None, *, cap: bool = True, now: datetime = NOON
) -> None:
    limits.change(
        session,
        by=None,
        now=now,
        monthly_budget_microusd=instance,
        racer_monthly_budget_microusd=racer,
        hard_cap_enabled=cap,
    )


def spend(session: Session, racer: Racer, microusd: int, *, now: datetime = NOON) -> None:
    """Money that was spent this month, as it stands in the month's sums."""
    account = ledger.account_of(session, racer)
    session.add(UsageMonth(account_id=account.id or 0, starts_on=now.date().replace(day=1), storage_microusd=microusd))
    session.flush()


def refused(session: Session, model: Model, racer: Racer, *, now: datetime = NOON) -> str:
    with pytest.raises(RuleBroken) as refusal:
        trainings.request(session, model, by=racer, now=now)
    assert refusal.value.code is Code.CONFLICT
    return refusal.value.message


def make_race(session: Session, owner: Racer) -> Race:
    race = Race(
        owner_id=owner.id or 0,
        name="Cup",
        track="paddock-oval",
        direction="counterclockwise",
        seed=1,
        opens_at=NOON - timedelta(days=1),
        closes_at=NOON + timedelta(days=400),
        created_at=NOON,
    )
    session.add(race)
    session.flush()
    return race


def test_without_a_budget_or_without_the_cap_nothing_is_refused(session: Session) -> None:
    alice = make_sponsored(session)
    spend(session, alice, 1_000 * DOLLAR)
    set_budgets(session, cap=True)
    trainings.request(session, make_model(session, alice, "one"), by=alice, now=NOON)
    set_budgets(session, DOLLAR, DOLLAR, cap=False)
    trainings.request(session, make_model(session, alice, "two"), by=alice, now=NOON)


def test_work_that_fits_to_the_last_millionth_is_granted_and_one_more_is_refused(session: Session) -> None:
    alice = make_sponsored(session)
    spend(session, alice, DOLLAR)
    set_budgets(session, DOLLAR + TEN_MINUTES - 1)
    model = make_model(session, alice)
    assert refused(session, model, alice) == budgets.INSTANCE_SPENT
    assert session.exec(select(TrainingRun)).all() == []
    set_budgets(session, DOLLAR + TEN_MINUTES)
    trainings.request(session, model, by=alice, now=NOON)
    standing = budgets.instance(session, now=NOON)
    assert standing == (DOLLAR, TEN_MINUTES, DOLLAR + TEN_MINUTES)
    assert standing.left_microusd == 0


def test_the_racers_own_budget_goes_before_the_one_for_all_racers_and_zero_is_none_at_all(session: Session) -> None:
    alice, bob = make_sponsored(session, "alice"), make_sponsored(session, "bob")
    set_budgets(session, racer=100 * DOLLAR)
    assert budgets.set_for(session, alice, 0, by=bob, now=NOON, reason="one workshop")
    assert not budgets.set_for(session, alice, 0, by=bob, now=NOON)
    assert refused(session, make_model(session, alice), alice) == budgets.OWN_SPENT
    trainings.request(session, make_model(session, bob), by=bob, now=NOON)
    assert budgets.set_for(session, alice, None, by=bob, now=NOON)
    trainings.request(session, make_model(session, alice, "later"), by=alice, now=NOON)
    events = session.exec(select(AuditEvent).where(AuditEvent.action == "budget.set")).all()
    assert [event.after["monthly_budget_microusd"] for event in events] == [0, None]
    assert events[0].reason == "one workshop"


@pytest.mark.parametrize("amount", [-1, budgets.MOST_MICROUSD + 1])
def test_a_budget_that_is_no_sensible_amount_is_refused(session: Session, amount: int) -> None:
    with pytest.raises(RuleBroken, match="billion"):
        budgets.set_for(session, make_sponsored(session), amount, by=None, now=NOON)


def test_one_racers_spending_does_not_count_against_anothers_budget(session: Session) -> None:
    alice, bob = make_sponsored(session, "alice"), make_sponsored(session, "bob")
    spend(session, alice, 5 * DOLLAR)
    set_budgets(session, racer=DOLLAR)
    assert refused(session, make_model(session, alice), alice) == budgets.OWN_SPENT
    trainings.request(session, make_model(session, bob), by=bob, now=NOON)
    assert budgets.of_racer(session, bob, now=NOON) == (0, TEN_MINUTES, DOLLAR)


def test_an_evaluation_and_a_race_submission_are_refused_too(session: Session) -> None:
    alice = make_sponsored(session)
    model = make_trained(session, alice)
    race = make_race(session, alice)
    set_budgets(session, 0)
    rules = {"laps": 1}
    with pytest.raises(RuleBroken, match="portal for this month"):
        evaluations.request(
            session, model, by=alice, track="paddock-oval", direction="counterclockwise", rules=rules, now=NOON
        )
    assert submissions.why_closed(session, race, alice, now=NOON) == budgets.INSTANCE_SPENT
    with pytest.raises(RuleBroken, match="portal for this month"):
        submissions.enter(session, race, model, by=alice, now=NOON)


def test_a_race_is_charged_to_the_portals_budget_and_not_to_the_racers(session: Session) -> None:
    alice = make_sponsored(session)
    model = make_trained(session, alice)
    race = make_race(session, alice)
    set_budgets(session, 100 * DOLLAR, racer=0)
    assert submissions.why_closed(session, race, alice, now=NOON) == ""
    submissions.enter(session, race, model, by=alice, now=NOON)
    assert budgets.instance(session, now=NOON).held_microusd > 0
    assert budgets.of_racer(session, alice, now=NOON).held_microusd == 0


def test_what_runs_goes_on_and_what_waits_is_refused_at_its_start_in_turn(session: Session) -> None:
    racers = [make_sponsored(session, alias) for alias in ("alice", "bob", "carol")]
    runs = [
        trainings.request(session, make_model(session, racer), by=racer, now=after(second))
        for second, racer in enumerate(racers)
    ]
    token = claim(session, runs[0], 5)
    assert token is not None
    set_budgets(session, 2 * TEN_MINUTES + 1)  # for the one that runs and one more
    assert claim(session, runs[1], 6) is not None
    assert claim(session, runs[2], 7) is None
    assert (runs[2].state, runs[2].message) == (JobState.REFUSED, budgets.INSTANCE_SPENT)
    assert ledger.balance(session, racers[2]).reserved_ms == 0
    set_budgets(session, 0)
    assert queueing.renew(session, JobKind.TRAINING, runs[0].id or 0, token, now=after(20)) is not None
    assert finish(session, runs[0], token, 30) is not None


def test_what_lost_its_worker_goes_on_though_the_budget_is_spent(session: Session) -> None:
    alice = make_sponsored(session)
    run = trainings.request(session, make_model(session, alice), by=alice, now=NOON)
    claim(session, run)
    set_budgets(session, 0)
    queueing.reap(session, JobKind.TRAINING, run.id or 0, now=after(91))
    assert claim(session, run, 92) is not None


def test_a_new_month_begins_with_the_whole_budget_in_utc(session: Session) -> None:
    alice = make_sponsored(session)
    spend(session, alice, DOLLAR)
    set_budgets(session, DOLLAR)
    model = make_model(session, alice)
    last = datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
    refused(session, model, alice, now=last)
    trainings.request(session, model, by=alice, now=last + timedelta(seconds=1))


def test_raised_prices_count_for_what_is_held(session: Session) -> None:
    alice = make_sponsored(session)
    trainings.request(session, make_model(session, alice, "one"), by=alice, now=NOON)
    set_budgets(session, 3 * TEN_MINUTES)
    limits.change(session, by=None, now=NOON, training_hour_microusd=7_000_000)
    assert budgets.instance(session, now=NOON).held_microusd == 1_166_667
    refused(session, make_model(session, alice, "two"), alice)


def test_the_number_of_queries_does_not_grow_with_racers_or_history(engine: Engine) -> None:
    with write_session(engine) as session:
        racers = [make_sponsored(session, f"r{number}") for number in range(3)]
        set_budgets(session, 1_000 * DOLLAR, 100 * DOLLAR)

    def queries() -> int:
        statements: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *words: statements.append(words[2]))
        with read_session(engine) as session:
            account = ledger.account_of(session, racers[0])
            statements.clear()
            budgets.refusal(session, account, JobKind.TRAINING, MINUTE_MS, now=NOON)
        return len(statements)

    few = queries()
    with write_session(engine) as session:
        for racer in [make_sponsored(session, f"s{number}") for number in range(40)]:
            spend(session, racer, DOLLAR)
            trainings.request(session, make_model(session, racer), by=racer, now=NOON)
    assert queries() == few == 2  # the limits, and the sums


def test_what_is_held_is_found_without_reading_the_history_of_reservations(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by its statistics of the real tables")
    statements: list[tuple[str, object]] = []
    event.listen(engine, "before_cursor_execute", lambda *words: statements.append((words[2], words[3])))
    with write_session(engine) as session:
        alice = make_sponsored(session)
        set_budgets(session, 0)
        account = ledger.account_of(session, alice)
        for started_only in (False, True):
            statements.clear()
            rule = budgets.start_refusal if started_only else budgets.refusal
            rule(session, account, JobKind.TRAINING, MINUTE_MS, now=NOON)
            sql, values = statements[-1]
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()  # type: ignore[arg-type]
            steps = [str(row[3]) for row in plan]
            assert not [step for step in steps if step.startswith("SCAN") and "CONSTANT" not in step], steps
            reservations = [step for step in steps if "reservation" in step]
            assert len(reservations) == 4
            assert all("job_kind=? AND job_id=?" in step for step in reservations), steps


def test_many_at_once_are_granted_exactly_to_the_budget(engine: Engine) -> None:
    with write_session(engine) as session:
        racers = [make_sponsored(session, f"r{number}") for number in range(12)]
        models = [make_model(session, racer) for racer in racers]
        set_budgets(session, 5 * TEN_MINUTES)
    barrier = threading.Barrier(6)
    granted: list[int] = []

    def ask(pairs: list[tuple[Racer, Model]]) -> None:
        barrier.wait()
        for racer, model in pairs:
            try:
                with write_session(engine) as session:
                    granted.append(trainings.request(session, model, by=racer, now=NOON).id or 0)
            except RuleBroken as refusal:
                assert refusal.message == budgets.INSTANCE_SPENT  # noqa: PT017

    pairs = list(zip(racers, models, strict=True))
    threads = [threading.Thread(target=ask, args=(pairs[n::6],)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 5


STEP = st.tuples(st.sampled_from(["train", "evaluate", "race", "claim", "finish", "stop"]), st.integers(0, 5))


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with two racers of three trained models each, to be copied."""
    path = tmp_path_factory.mktemp("yard") / "paddock.db"
    migrated_copy(path)
    engine = make_engine(f"sqlite:///{path}")
    with write_session(engine) as session:
        racers = [make_sponsored(session, alias, quota_ms=600 * MINUTE_MS) for alias in ("alice", "bob")]
        for racer in racers:
            for number in range(3):
                make_trained(session, racer, f"m{number}")
        make_race(session, racers[0])
    engine.dispose()
    return path


@settings(max_examples=20, deadline=None)
@given(budget=st.integers(0, 3 * DOLLAR), own=st.integers(0, 2 * DOLLAR), steps=st.lists(STEP, max_size=25))
def test_whatever_is_asked_for_no_budget_is_gone_beyond(
    yard: Path, budget: int, own: int, steps: list[tuple[str, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copyfile(yard, Path(folder) / "paddock.db")
        engine = make_engine(f"sqlite:///{copy}")
        try:
            _live_through(engine, budget, own, steps)
        finally:
            engine.dispose()


def _live_through(engine: Engine, budget: int, own: int, steps: list[tuple[str, int]]) -> None:
    with write_session(engine) as session:
        racers = list(session.exec(select(Racer).order_by(Racer.alias)))  # type: ignore[arg-type]
        models = list(session.exec(select(Model).order_by(Model.id)))  # type: ignore[arg-type]
        race = session.exec(select(Race)).one()
        spent = budgets.instance(session, now=NOON).spent_microusd
        spent_own = budgets.of_racer(session, racers[0], now=NOON).spent_microusd
        set_budgets(session, spent + budget, spent_own + own)
    tokens: dict[tuple[JobKind, int], str] = {}
    for number, (step, choice) in enumerate(steps):
        try:
            with write_session(engine) as session:
                _step(session, step, models[choice], racers[choice // 3], race, tokens, after(100 + 40 * number))
        except RuleBroken:
            pass
        with read_session(engine) as session:
            for standing in [budgets.instance(session, now=NOON)] + [
                budgets.of_racer(session, racer, now=NOON) for racer in racers
            ]:
                assert standing.budget_microusd is not None
                assert standing.spent_microusd + standing.held_microusd <= standing.budget_microusd
                assert standing.spent_microusd <= standing.budget_microusd


def _step(
    session: Session,
    step: str,
    model: Model,
    racer: Racer,
    race: Race,
    tokens: dict[tuple[JobKind, int], str],
    now: datetime,
) -> None:
    if step == "train":
        trainings.request(session, model, by=racer, now=now)
    elif step == "evaluate":
        evaluations.request(
            session, model, by=racer, track="paddock-oval", direction="counterclockwise", rules={"laps": 1}, now=now
        )
    elif step == "race":
        submissions.enter(session, race, model, by=racer, now=now)
    elif step == "claim":
        for kind in JobKind:
            for job in queueing.queued(session, kind)[:1]:
                token = queueing.claim(session, kind, job.id or 0, worker="w", now=now)
                if token is not None:
                    tokens[kind, job.id or 0] = token
    elif tokens:
        (kind, job_id), token = tokens.popitem()
        state = JobState.COMPLETED if step == "finish" else JobState.FAILED
        queueing.finish(session, kind, job_id, token, state=state, now=now)


def test_racers_without_an_account_have_no_budget(session: Session) -> None:
    nobody = Racer(issuer="x", subject="y", created_at=NOON, last_seen_at=NOON)
    session.add(nobody)
    session.flush()
    assert budgets.of_racer(session, nobody, now=NOON) == (0, 0, None)
    assert session.exec(select(Account)).all() == []
    assert session.exec(select(Evaluation)).all() == []
