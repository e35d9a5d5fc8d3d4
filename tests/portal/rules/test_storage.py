"""Storage: who is charged for what, on which days, once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from portal.rules import ledger, limits, models, races, sponsorship, storage, trainings, usage_totals
from portal.tables import (
    Account,
    EntryKind,
    Evaluation,
    JobKind,
    JobState,
    LedgerEntry,
    Model,
    Race,
    Racer,
    TrainingRun,
)
from tests.cast import NOON
from tests.jobs.paddock_yard import check_ledger, claim, finish, make_model, make_sponsored
from tests.portal.races_cast import make_race

GB = ledger.GB_BYTES
TODAY = NOON.date()
TOMORROW = NOON + timedelta(days=1)


def stored_model(session: Session, racer: Racer, size_bytes: int = GB, name: str = "swift") -> Model:
    """A model whose training left so much, at noon."""
    model = make_model(session, racer, name)
    run = trainings.request(session, model, by=racer, now=NOON)
    token = claim(session, run)
    assert token is not None
    finish(session, run, token, 0, artefact=f"training-{run.public_id}/1-a", results={"size_bytes": size_bytes})
    return model


def stored_evaluation(session: Session, model: Model, size_bytes: int, race: Race | None = None) -> Evaluation:
    run = trainings.weights_of(session, model)
    assert run is not None
    evaluation = Evaluation(
        racer_id=model.racer_id,
        model_id=model.id or 0,
        training_run_id=run.id or 0,
        race_id=race.id if race else None,
        track="paddock-oval",
        direction="clockwise",
        rules={},
        state=JobState.COMPLETED,
        queued_at=NOON,
        ended_at=NOON,
        seed=1,
        artefact="evaluation-1/1-a",
        size_bytes=size_bytes,
    )
    session.add(evaluation)
    session.flush()
    return evaluation


def accrue(session: Session, now: datetime) -> int:
    """Everything that is due, as maintenance charges it; returns how many lines were new."""
    new = 0
    for day in storage.days_due(session, now):
        new += storage.charge(session, storage.charges(session, day, now=now), now=now)
        storage.finish(session, day)
    return new


def lines(session: Session) -> list[tuple[int, date | None, int]]:
    query = select(LedgerEntry).where(LedgerEntry.kind == EntryKind.STORE).order_by(col(LedgerEntry.id))
    return [(line.account_id, line.on_day, line.byte_days) for line in session.exec(query)]


def account_id(session: Session, racer: Racer) -> int:
    return ledger.account_of(session, racer).id or 0


def test_a_racer_pays_for_trainings_and_own_evaluations_and_the_race_for_its_own(session: Session) -> None:
    alice = make_sponsored(session)
    model = stored_model(session, alice, 1000)
    race = make_race(session, alice, now=NOON)
    account = ledger.race_account(session, race)
    stored_evaluation(session, model, 20)
    stored_evaluation(session, model, 300, race)
    assert accrue(session, NOON) == 2
    assert lines(session) == [(account_id(session, alice), TODAY, 1020), (account.id, TODAY, 300)]
    for charged in session.exec(select(Account)):
        assert ledger.balance_of(charged) == ledger.recompute(session, charged)
        assert usage_totals.months_of(session, charged) == usage_totals.recompute(session, charged)


def test_a_day_is_accrued_once_however_often_it_is_asked_for(session: Session) -> None:
    stored_model(session, make_sponsored(session))
    assert accrue(session, NOON) == 1
    assert accrue(session, NOON + timedelta(hours=11, minutes=59)) == 0
    assert storage.charges(session, TODAY, now=NOON) == []
    assert accrue(session, NOON + timedelta(hours=12)) == 1  # midnight in UTC begins another day
    assert [day for _, day, _ in lines(session)] == [TODAY, TODAY + timedelta(days=1)]


def test_who_came_after_the_accrual_pays_from_the_next_day_on(session: Session) -> None:
    stored_model(session, make_sponsored(session))
    accrue(session, NOON)
    stored_model(session, make_sponsored(session, "bob"), 5)
    assert accrue(session, NOON + timedelta(minutes=1)) == 0
    assert accrue(session, TOMORROW) == 2


def test_deleting_a_model_stops_its_storage_from_the_next_accrual_on_and_restoring_it_goes_on(session: Session) -> None:
    alice = make_sponsored(session)
    model = stored_model(session, alice)
    accrue(session, NOON)
    models.delete(session, model.public_id, by=alice, now=NOON + timedelta(hours=1))
    assert accrue(session, TOMORROW) == 0
    models.restore(session, model.public_id, by=alice, now=TOMORROW)
    assert accrue(session, TOMORROW + timedelta(days=1)) == 1  # nothing for the day between


def test_deleting_one_of_two_models_leaves_the_other(session: Session) -> None:
    alice = make_sponsored(session)
    stored_model(session, alice, 700, "stays")
    gone = stored_model(session, alice, 40, "goes")
    accrue(session, NOON)
    models.delete(session, gone.public_id, by=alice, now=NOON + timedelta(hours=1))
    accrue(session, TOMORROW)
    assert [size for _, _, size in lines(session)] == [740, 700]


def test_deleting_a_race_stops_its_storage(session: Session) -> None:
    alice = make_sponsored(session)
    race = make_race(session, alice, now=NOON)
    ledger.race_account(session, race)
    stored_evaluation(session, stored_model(session, alice, 0), 300, race)
    assert accrue(session, NOON) == 1
    races.delete(session, race, by=alice, now=NOON + timedelta(hours=1))
    assert accrue(session, TOMORROW) == 0


@pytest.mark.parametrize("change", ["pause", "end", "switch off"])
def test_storage_goes_on_costing_the_paused_the_ended_and_while_multi_user_mode_is_off(
    session: Session, change: str
) -> None:
    alice = make_sponsored(session)
    stored_model(session, alice)
    if change == "switch off":
        limits.change(session, by=None, now=NOON, multi_user_enabled=False)
    else:
        getattr(sponsorship, change)(session, alice, by=None, now=NOON)
    assert accrue(session, NOON) == 1


def test_days_that_were_missed_are_charged_by_what_was_there_at_their_beginning(session: Session) -> None:
    alice = make_sponsored(session)
    stored_model(session, alice, 1000, "first")
    accrue(session, NOON)
    late = stored_model(session, alice, 50, "late")
    run = trainings.weights_of(session, late)
    assert run is not None
    run.ended_at = NOON + timedelta(days=2)
    session.flush()
    assert accrue(session, NOON + timedelta(days=4)) == 4
    assert [size for _, _, size in lines(session)] == [1000, 1000, 1000, 1050, 1050]
    check_ledger(session)


def test_a_day_that_was_charged_in_part_is_finished(session: Session) -> None:
    for name in ("alice", "bob"):
        stored_model(session, make_sponsored(session, name))
    accrue(session, NOON)
    storage.charge(session, storage.charges(session, TOMORROW.date(), now=TOMORROW)[:1], now=TOMORROW)
    assert accrue(session, TOMORROW + timedelta(days=1)) == 3


def test_at_most_a_month_is_caught_up(session: Session) -> None:
    stored_model(session, make_sponsored(session))
    accrue(session, NOON)
    assert len(storage.days_due(session, NOON + timedelta(days=20))) == 20
    assert len(storage.days_due(session, NOON + timedelta(days=400))) == 32


def test_a_clock_that_jumps_charges_no_day_twice(session: Session) -> None:
    stored_model(session, make_sponsored(session))
    accrue(session, NOON)
    accrue(session, NOON + timedelta(days=3))
    before = lines(session)
    assert accrue(session, TOMORROW) == 0  # it jumps back
    assert accrue(session, NOON - timedelta(days=1)) == 0  # nothing was there yet
    assert lines(session) == before
    assert accrue(session, NOON + timedelta(days=4)) == 1
    days = [day for _, day, _ in lines(session)]
    assert len(days) == len(set(days)) == 5


def test_a_clock_that_was_a_year_ahead_stops_nothing(session: Session) -> None:
    stored_model(session, make_sponsored(session))
    accrue(session, NOON + timedelta(days=365))
    assert accrue(session, NOON) == 1
    assert accrue(session, TOMORROW) == 1


def test_a_leap_february_spreads_the_price_over_29_days(session: Session) -> None:
    alice = make_sponsored(session)
    stored_model(session, alice)
    account = ledger.account_of(session, alice)
    for day in range(1, 30):
        ledger.store(session, account, GB, date(2028, 2, day), now=NOON)
    amounts = session.exec(select(LedgerEntry.amount_microusd).where(LedgerEntry.kind == EntryKind.STORE)).all()
    assert set(amounts) == {793}  # 23,000 / 29
    assert usage_totals.months_of(session, account)[date(2028, 2, 1)]["byte_days"] == 29 * GB


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), date(2026, 3, 31)),
        (datetime(2026, 4, 1, 0, 0, tzinfo=UTC), date(2026, 4, 1)),
        (datetime.fromisoformat("2026-03-29T01:30:00+02:00"), date(2026, 3, 28)),  # summer time began that night
        (datetime.fromisoformat("2026-12-31T20:00:00-05:00"), date(2027, 1, 1)),
    ],
)
def test_days_begin_at_midnight_in_utc_whatever_clocks_do_elsewhere(now: datetime, day: date) -> None:
    assert storage.today(now) == day


def test_a_month_edge_puts_each_day_into_its_own_month(session: Session) -> None:
    alice = make_sponsored(session)
    account = ledger.account_of(session, alice)
    ledger.store(session, account, GB, date(2026, 5, 31), now=NOON)
    ledger.store(session, account, GB, date(2026, 6, 1), now=NOON)
    months = usage_totals.months_of(session, account)
    assert [month["byte_days"] for month in months.values()] == [GB, GB]
    assert months == usage_totals.recompute(session, account)


def test_what_the_disk_says_replaces_what_the_row_said(session: Session) -> None:
    model = stored_model(session, make_sponsored(session), 1000)
    (job,) = storage.kept(session, JobKind.TRAINING, after_id=0, most=10)
    assert job.size_bytes == 1000
    assert storage.correct(session, JobKind.TRAINING, {job: 1000}) == 0
    assert storage.correct(session, JobKind.TRAINING, {job: 1234}) == 1
    session.refresh(model)
    assert model.stored_bytes == 1234


def test_a_folder_that_was_replaced_meanwhile_is_not_corrected(session: Session) -> None:
    model = stored_model(session, make_sponsored(session), 1000)
    (job,) = storage.kept(session, JobKind.TRAINING, after_id=0, most=10)
    run = session.exec(select(TrainingRun)).one()
    run.artefact, run.size_bytes = "training-1/2-b", 7
    session.flush()
    assert storage.correct(session, JobKind.TRAINING, {job: 1234}) == 0
    session.refresh(model)
    assert model.stored_bytes == 7


def test_accounts_without_artefacts_get_no_lines(session: Session) -> None:
    make_sponsored(session)
    assert accrue(session, NOON) == 0
    assert lines(session) == []
