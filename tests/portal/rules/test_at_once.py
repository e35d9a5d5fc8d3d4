"""What is checked and then written holds for two at once: one is granted, the other is refused in words."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from portal.database import read_session, write_session
from portal.rules import (
    alert_thresholds,
    cars,
    evaluations,
    invitations,
    ledger,
    limits,
    local_accounts,
    model_deletion,
    models,
    queueing,
    racers,
    races,
    request_decisions,
    requests,
    reward_functions,
    submissions,
    trainings,
)
from portal.rules.broken import Code, RuleBroken
from portal.rules.invitations import Invitee
from portal.rules.racers import Identity
from portal.tables import (
    HOUR_MS,
    Account,
    AlertScope,
    AlertThreshold,
    Car,
    Evaluation,
    Invitation,
    JobKind,
    JobState,
    LedgerEntry,
    Model,
    ProviderAccount,
    Race,
    Racer,
    RacerRequest,
    RequestKind,
    Submission,
    TrainingRun,
)
from sim import car as sim_car
from tests.cast import NOON, make_racer
from tests.jobs.paddock_yard import (
    GOOD_REWARD,
    MINUTE_MS,
    after,
    check_ledger,
    claim,
    finish,
    make_model,
    make_sponsored,
    make_trained,
)
from tests.overlap import Step, overlap
from tests.portal import garage_cast
from tests.portal.races_cast import make_race

TRAINING = JobKind.TRAINING


@pytest.fixture
def alice(engine: Engine) -> Racer:
    with write_session(engine) as session:
        return make_sponsored(session, "alice")


def refused(outcome: object, code: Code = Code.CONFLICT) -> RuleBroken:
    """The refusal, which must be one."""
    assert isinstance(outcome, RuleBroken), f"it was granted: {outcome!r}"
    assert outcome.code == code
    return outcome


def count(engine: Engine, table: Any, *which: Any) -> int:
    with read_session(engine) as session:
        found: int = session.exec(select(func.count()).select_from(table).where(*which)).one()
        return found


def made_by(engine: Engine, make: Any) -> Any:
    with write_session(engine) as session:
        return make(session)


def new_car(racer: Racer, name: str) -> Step:
    return lambda session: cars.create(session, racer, name=name, colour="red", car=sim_car.Car.default(), now=NOON)


def new_model(racer: Racer, name: str) -> Step:
    return lambda session: garage_cast.make_model(session, racer, name)


def training_of(model: Model, racer: Racer) -> Step:
    return lambda session: trainings.request(session, model, by=racer, now=NOON, seed=1)


def evaluation_of(model: Model, racer: Racer) -> Step:
    return lambda session: evaluations.request(
        session, model, by=racer, track="paddock-oval", direction="clockwise", rules={}, now=NOON, seed=1
    )


def entry_of(race: Race, model: Model, racer: Racer) -> Step:
    return lambda session: submissions.enter(session, race, model, by=racer, now=after(60))


def open_race(engine: Engine, owner: Racer, **changes: Any) -> Race:
    race: Race = made_by(engine, lambda session: make_race(session, owner, now=NOON, opens_at=NOON, **changes))
    return race


def test_two_cars_do_not_share_the_last_free_place(engine: Engine, alice: Racer) -> None:
    made_by(engine, lambda session: limits.change(session, by=None, now=NOON, cars=1))
    bob = made_by(engine, lambda session: make_sponsored(session, "bob"))
    _, second = overlap(engine, new_car(alice, "Bolt"), new_car(bob, "Volt"))
    refused(second)
    assert count(engine, Car) == 1


def test_two_cars_do_not_get_one_name(engine: Engine, alice: Racer) -> None:
    _, second = overlap(engine, new_car(alice, "Bolt"), new_car(alice, "bolt"))
    refused(second, Code.INVALID)


def test_a_car_is_not_renamed_to_what_is_made_at_the_same_moment(engine: Engine, alice: Racer) -> None:
    volt = made_by(engine, new_car(alice, "Volt"))

    def rename(session: Session) -> Car:
        return cars.edit(session, volt.public_id, by=alice, name="Bolt", colour="red", car=sim_car.Car.default())

    _, second = overlap(engine, new_car(alice, "Bolt"), rename)
    refused(second, Code.INVALID)
    spark = made_by(engine, new_car(alice, "Spark"))
    _, second = overlap(
        engine,
        lambda session: cars.edit(
            session, volt.public_id, by=alice, name="One", colour="red", car=sim_car.Car.default()
        ),
        lambda session: cars.edit(
            session, spark.public_id, by=alice, name="One", colour="red", car=sim_car.Car.default()
        ),
    )
    refused(second, Code.INVALID)


def test_a_car_that_is_brought_back_twice_keeps_its_name(engine: Engine, alice: Racer) -> None:
    bolt = made_by(engine, new_car(alice, "Bolt"))
    made_by(engine, lambda session: cars.delete(session, bolt.public_id, by=alice, now=NOON))

    def restore(session: Session) -> Car:
        return cars.restore(session, bolt.public_id, by=alice)

    overlap(engine, restore, restore)
    with read_session(engine) as session:
        assert [car.name for car in cars.of_racer(session, alice)] == ["Bolt"]


def test_two_models_do_not_share_the_last_free_place(engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        ledger.account_of(session, alice).maximum_models = 1
    _, second = overlap(engine, new_model(alice, "First"), new_model(alice, "Second"))
    refused(second)
    assert count(engine, Model) == 1


def test_two_models_do_not_get_one_name(engine: Engine, alice: Racer) -> None:
    _, second = overlap(engine, new_model(alice, "First"), new_model(alice, "first"))
    refused(second, Code.INVALID)


def test_two_models_are_not_renamed_to_one_name(engine: Engine, alice: Racer) -> None:
    one, two = (made_by(engine, new_model(alice, name)) for name in ("One", "Two"))

    def renamed(model: Model) -> Step:
        return lambda session: models.rename(session, model.public_id, by=alice, name="Same", description="")

    _, second = overlap(engine, renamed(one), renamed(two))
    refused(second, Code.INVALID)


def test_a_model_that_is_brought_back_does_not_go_over_the_maximum(engine: Engine, alice: Racer) -> None:
    gone = made_by(engine, new_model(alice, "Gone"))
    with write_session(engine) as session:
        models.delete(session, gone.public_id, by=alice, now=NOON)
        ledger.account_of(session, alice).maximum_models = 1
    _, second = overlap(
        engine,
        new_model(alice, "New"),
        lambda session: models.restore(session, gone.public_id, by=alice, now=NOON),
    )
    refused(second)


def test_two_saved_reward_functions_become_two_versions(engine: Engine, alice: Racer) -> None:
    model = made_by(engine, new_model(alice, "First"))

    def saved(code: str) -> Step:
        return lambda session: reward_functions.save(session, model, code=code, by=alice, now=NOON).version

    first, second = overlap(engine, saved(GOOD_REWARD), saved(GOOD_REWARD + "# better\n"))
    assert (first, second) == (2, 3)


def test_a_model_is_trained_once_at_a_time(engine: Engine, alice: Racer) -> None:
    model = made_by(engine, lambda session: make_model(session, alice))
    _, second = overlap(engine, training_of(model, alice), training_of(model, alice))
    refused(second)
    assert count(engine, TrainingRun) == 1


def test_no_more_models_are_at_work_than_allowed(engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        ledger.account_of(session, alice).models_at_once = 1
        one, two = (make_model(session, alice, name) for name in ("one", "two"))
        ready = make_trained(session, alice)
    _, second = overlap(engine, training_of(one, alice), training_of(two, alice))
    refused(second)
    with write_session(engine) as session:
        run = session.exec(select(TrainingRun).where(TrainingRun.model_id == one.id)).one()
        trainings.stop(session, run, by=alice, now=NOON)
    _, second = overlap(engine, training_of(two, alice), evaluation_of(ready, alice))
    refused(second)


def test_the_quota_is_not_reserved_twice(engine: Engine) -> None:
    bob = made_by(engine, lambda session: make_sponsored(session, "bob", quota_ms=15 * MINUTE_MS))
    one, two = (made_by(engine, lambda session, n=name: make_model(session, bob, n)) for name in ("one", "two"))
    _, second = overlap(engine, training_of(one, bob), training_of(two, bob))
    assert "5 min" in refused(second).message
    made_by(engine, check_ledger)


def test_a_budget_with_a_hard_cap_is_not_spent_twice(engine: Engine, alice: Racer) -> None:
    bob = made_by(engine, lambda session: make_sponsored(session, "bob"))
    with write_session(engine) as session:
        limits.change(session, by=None, now=NOON, hard_cap_enabled=True, monthly_budget_microusd=900_000)
        hers, his = make_model(session, alice), make_model(session, bob)  # either costs 583,334
    _, second = overlap(engine, training_of(hers, alice), training_of(his, bob))
    refused(second)


def test_what_was_deleted_is_not_put_to_work_and_what_works_is_not_deleted(engine: Engine, alice: Racer) -> None:
    model, ready = (made_by(engine, lambda session, n=name: make_trained(session, alice, n)) for name in ("a", "b"))

    def deleted(model: Model) -> Step:
        return lambda session: models.delete(session, model.public_id, by=alice, now=NOON)

    _, second = overlap(engine, training_of(model, alice), deleted(model))
    refused(second)
    _, second = overlap(engine, deleted(ready), evaluation_of(ready, alice))
    refused(second, Code.MISSING)


def test_what_drives_in_a_race_is_not_deleted_for_good(engine: Engine, alice: Racer) -> None:
    ready, race = made_by(engine, lambda session: make_trained(session, alice)), open_race(engine, alice)

    def gone(session: Session) -> bool:
        model = session.get_one(Model, ready.id)
        model_deletion.delete(session, model, by=alice, now=NOON)
        return model_deletion.for_good(session, model, by=alice, now=NOON)

    _, second = overlap(engine, entry_of(race, ready, alice), gone)
    refused(second)


def test_a_race_is_entered_as_often_as_it_allows(engine: Engine, alice: Racer) -> None:
    one, two = (made_by(engine, lambda session, n=name: make_trained(session, alice, n)) for name in ("one", "two"))
    race = open_race(engine, alice, maximum_submissions=1)
    _, second = overlap(engine, entry_of(race, one, alice), entry_of(race, two, alice))
    refused(second)
    assert count(engine, Submission) == 1


def test_a_race_opens_its_account_once(engine: Engine, alice: Racer) -> None:
    bob = made_by(engine, lambda session: make_sponsored(session, "bob"))
    hers, his = (made_by(engine, lambda session, r=racer: make_trained(session, r)) for racer in (alice, bob))
    race = open_race(engine, alice)
    overlap(engine, entry_of(race, hers, alice), entry_of(race, his, bob))
    assert count(engine, Submission) == 2
    assert count(engine, Account, col(Account.race_id).is_not(None)) == 1


def test_the_rules_of_a_race_do_not_change_under_who_enters(engine: Engine, alice: Racer) -> None:
    ready, race = made_by(engine, lambda session: make_trained(session, alice)), open_race(engine, alice)
    _, second = overlap(
        engine,
        entry_of(race, ready, alice),
        lambda session: races.edit(session, race, by=alice, now=after(60), laps=9),
    )
    refused(second)
    other = open_race(engine, alice, name="Other")
    overlap(
        engine,
        lambda session: races.edit(session, other, by=alice, now=after(60), laps=9),
        entry_of(other, ready, alice),
    )
    with read_session(engine) as session:
        entered = session.exec(select(Submission).where(Submission.race_id == other.id)).one()
        assert session.get_one(Evaluation, entered.evaluation_id).rules["laps"] == 9


def test_a_race_that_was_closed_is_not_entered(engine: Engine, alice: Racer) -> None:
    ready, race = made_by(engine, lambda session: make_trained(session, alice)), open_race(engine, alice)
    _, second = overlap(
        engine, lambda session: races.close(session, race, by=alice, now=after(30)), entry_of(race, ready, alice)
    )
    refused(second)


def test_a_quota_that_two_set_at_once_is_explained_by_the_ledger(engine: Engine, alice: Racer) -> None:
    def quota(minutes: int) -> Step:
        return lambda session: ledger.set_quota(session, alice, minutes * MINUTE_MS, by=None, now=NOON)

    overlap(engine, quota(10), quota(20))
    with write_session(engine) as session:
        check_ledger(session)
        assert ledger.balance(session, alice).quota_ms == 20 * MINUTE_MS


def test_a_day_of_storage_is_charged_once(engine: Engine, alice: Racer) -> None:
    def stored(session: Session) -> bool:
        return ledger.store(session, ledger.account_of(session, alice), 1_000, date(2026, 5, 31), now=NOON)

    assert overlap(engine, stored, stored) == (True, False)
    made_by(engine, check_ledger)


def test_a_first_sign_in_in_two_browsers_makes_one_racer(engine: Engine) -> None:
    identity = Identity("https://sso.example", "new", name="New")

    def sign_in(session: Session) -> int | None:
        return racers.sign_in(session, identity, admin_groups=(), now=NOON).id

    first, second = overlap(engine, sign_in, sign_in)
    assert first == second
    assert count(engine, LedgerEntry) == 1


def test_an_account_is_opened_once(engine: Engine) -> None:
    with write_session(engine) as session:
        racer = Racer(issuer="i", subject="s", created_at=NOON, last_seen_at=NOON)
        session.add(racer)

    def opened(session: Session) -> int | None:
        return ledger.open_account(session, racer, now=NOON).id

    first, second = overlap(engine, opened, opened)
    assert first == second
    assert count(engine, LedgerEntry) == 1


@pytest.mark.usefixtures("cheap_hashes")
def test_a_user_name_is_given_once(engine: Engine) -> None:
    def account(session: Session) -> ProviderAccount:
        return local_accounts.create(session, "olivia", "correct horse battery", by=None, now=NOON)

    _, second = overlap(engine, account, account)
    assert refused(second).field == "username"


@pytest.mark.usefixtures("cheap_hashes")
def test_two_administrators_do_not_shut_each_other_out(engine: Engine) -> None:
    with write_session(engine) as session:
        for name in ("ann", "ben"):
            groups = [local_accounts.ADMIN_GROUP]
            local_accounts.create(session, name, "correct horse battery", by=None, now=NOON, groups=groups)

    def shut_out(name: str) -> Step:
        return lambda session: local_accounts.set_active(session, name, False, by=None, now=NOON)

    _, second = overlap(engine, shut_out("ann"), shut_out("ben"))
    refused(second)


def test_one_worker_gets_a_job_and_no_more_run_than_the_limit(engine: Engine, alice: Racer) -> None:
    bob = made_by(engine, lambda session: make_sponsored(session, "bob"))
    made_by(engine, lambda session: limits.change(session, by=None, now=NOON, trainings_at_once=1))
    hers, his = (
        made_by(engine, training_of(made_by(engine, lambda session, r=racer: make_model(session, r)), racer))
        for racer in (alice, bob)
    )
    first, second = overlap(engine, lambda session: claim(session, hers), lambda session: claim(session, hers))
    assert first is not None
    assert second is None
    with write_session(engine) as session:
        finish(session, session.get_one(TrainingRun, hers.id), first, 10)
        model = session.get_one(Model, hers.model_id)
    again = made_by(engine, training_of(model, alice))
    first, second = overlap(engine, lambda session: claim(session, again), lambda session: claim(session, his))
    assert (first is None) != (second is None)


def test_a_job_that_is_stopped_and_claimed_at_once_is_charged_once(engine: Engine, alice: Racer) -> None:
    run = made_by(engine, training_of(made_by(engine, lambda session: make_model(session, alice)), alice))

    def stop(session: Session) -> bool:
        return queueing.request_stop(session, TRAINING, run.id or 0, now=after(5))

    stopped, token = overlap(engine, stop, lambda session: claim(session, run, 6))
    assert (stopped, token) == (True, None)
    made_by(engine, check_ledger)


def test_a_job_that_ends_and_is_reaped_at_once_is_settled_once(engine: Engine, alice: Racer) -> None:
    run = made_by(engine, training_of(made_by(engine, lambda session: make_model(session, alice)), alice))
    token = made_by(engine, lambda session: claim(session, run))
    late = after(100)

    def finished(session: Session) -> object:
        return finish(session, session.get_one(TrainingRun, run.id), token, 100, artefact="training-1/1-a")

    done, reaped = overlap(
        engine, finished, lambda session: queueing.reap(session, TRAINING, run.id or 0, now=late + timedelta(days=1))
    )
    assert done is not None
    assert reaped is None
    with write_session(engine) as session:
        check_ledger(session)
        assert session.get_one(TrainingRun, run.id).state == JobState.COMPLETED


def test_two_jobs_of_a_model_that_end_at_once_both_count_for_it(engine: Engine, alice: Racer) -> None:
    ready = made_by(engine, lambda session: make_trained(session, alice))
    with write_session(engine) as session:
        ledger.account_of(session, alice).models_at_once = 5
    jobs = [made_by(engine, evaluation_of(ready, alice)) for _ in range(2)]
    tokens = [
        made_by(
            engine,
            lambda session, j=job: queueing.claim(session, JobKind.EVALUATION, j.id or 0, worker="w", now=NOON),
        )
        for job in jobs
    ]

    def ended(number: int) -> Step:
        return lambda session: queueing.finish(
            session,
            JobKind.EVALUATION,
            jobs[number].id or 0,
            tokens[number],
            state=JobState.COMPLETED,
            now=after(3),
            artefact=f"evaluation-{number}",
            results={"size_bytes": 1000},
        )

    overlap(engine, ended(0), ended(1))
    with read_session(engine) as session:
        model = session.get_one(Model, ready.id)
        assert (model.stored_bytes, model.used_ms) == (2000, 16_000)


def test_two_racers_do_not_get_one_alias(engine: Engine, alice: Racer) -> None:
    bob = made_by(engine, lambda session: make_racer(session, None))

    def named(racer: Racer) -> Step:
        return lambda session: racers.save_profile(
            session, racer, alias="Comet", country="", avatar_body="teal", avatar_trim="white", now=NOON
        )

    _, second = overlap(engine, named(alice), named(bob))
    assert refused(second).field == "alias"


def test_a_racer_who_asks_twice_has_one_open_request(engine: Engine, alice: Racer) -> None:
    def asked(session: Session) -> bool:
        return requests.ask(session, RequestKind.HOURS, HOUR_MS, by=alice, reason="More laps", now=NOON).is_new

    assert overlap(engine, asked, asked) == (True, False)


def test_a_request_is_granted_once(engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        request = requests.ask(session, RequestKind.HOURS, HOUR_MS, by=alice, reason="More laps", now=NOON).request
        before = ledger.balance(session, alice).quota_ms or 0

    def approve(session: Session) -> None:
        asked = session.get_one(RacerRequest, request.id)
        request_decisions.approve(session, asked, HOUR_MS, by=alice, now=after(60))

    _, second = overlap(engine, approve, approve)
    refused(second)
    with write_session(engine) as session:
        check_ledger(session)
        assert ledger.balance(session, alice).quota_ms == before + HOUR_MS


def test_an_address_is_invited_once_and_the_invitation_taken_once(engine: Engine, alice: Racer) -> None:
    def invite(session: Session) -> list[Invitation | None]:
        people = [Invitee("row 1", "zoe@example.org")]
        rows = invitations.invite(session, people, land_on="/", life=timedelta(days=7), by=alice, now=NOON)
        return [row.invitation for row in rows]

    (invitation,), _ = overlap(engine, invite, invite)
    assert count(engine, Invitation) == 1
    zoe, carol = (made_by(engine, lambda session, n=name: make_racer(session, n)) for name in ("zoe", "carol"))
    with write_session(engine) as session:
        session.get_one(Racer, carol.id).email = zoe.email  # a shared mailbox: either may take it
    carol.email = zoe.email

    def accepted_by(racer: Racer) -> Step:
        return lambda session: invitations.accept(
            session, session.get_one(Invitation, invitation.id), racer, now=after(60)
        )

    first, second = overlap(engine, accepted_by(zoe), accepted_by(carol))
    assert first is True
    refused(second)


def test_a_threshold_is_added_once(engine: Engine) -> None:
    def add(session: Session) -> AlertThreshold:
        return alert_thresholds.add(session, AlertScope.RACER, percent=77, by=None, now=NOON)

    _, second = overlap(engine, add, add)
    assert refused(second).field == "threshold"
