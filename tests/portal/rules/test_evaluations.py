"""Evaluations: of the racer's own, and for a race."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from portal.rules import evaluations, ledger, limits, queueing, sponsorship, trainings
from portal.rules.broken import Code, RuleBroken
from portal.tables import Account, Evaluation, JobKind, JobState, Model, Race, Racer, Sponsorship
from tests.cast import NOON, make_racer
from tests.jobs.paddock_yard import MINUTE_MS, after, check_ledger, make_model, make_sponsored, make_trained


def make_race(session: Session) -> Race:
    owner = make_sponsored(session, "organizer")
    race = Race(
        owner_id=owner.id or 0,
        name="Spring cup",
        track="oval",
        direction="counterclockwise",
        seed=1,
        opens_at=NOON,
        closes_at=NOON + timedelta(days=1),
        created_at=NOON,
    )
    session.add(race)
    session.flush()
    return race


def request(session: Session, model: Model, racer: Racer, race: Race | None = None) -> Evaluation:
    return evaluations.request(
        session,
        model,
        by=racer,
        track="oval",
        direction="clockwise",
        rules={"laps": 3},
        now=after(20),
        seed=5,
        race=race,
    )


def claim(session: Session, evaluation: Evaluation) -> str | None:
    return queueing.claim(session, JobKind.EVALUATION, evaluation.id or 0, worker="w", now=after(30))


def test_it_holds_a_minute_and_is_charged_what_it_took(session: Session) -> None:
    racer = make_sponsored(session)
    evaluation = request(session, make_trained(session, racer), racer)
    assert ledger.balance(session, racer).reserved_ms == 60_000
    token = claim(session, evaluation)
    assert token is not None
    queueing.finish(
        session, JobKind.EVALUATION, evaluation.id or 0, token, state=JobState.COMPLETED, now=after(32), artefact="e"
    )
    assert evaluation.used_ms == 2000
    assert ledger.balance(session, racer).used_ms == 12_000  # ten seconds of training before
    check_ledger(session)


def test_it_drives_the_weights_that_the_model_had_when_it_was_requested(session: Session) -> None:
    racer = make_sponsored(session)
    model = make_trained(session, racer)
    weights = trainings.weights_of(session, model)
    assert weights is not None
    assert request(session, model, racer).training_run_id == weights.id


def test_a_model_without_weights_is_trained_first(session: Session) -> None:
    racer = make_sponsored(session)
    with pytest.raises(RuleBroken, match="Train it first") as refused:
        request(session, make_model(session, racer), racer)
    assert refused.value.code == Code.CONFLICT


def test_it_refuses_where_less_than_a_minute_is_left(session: Session) -> None:
    racer = make_sponsored(session)
    model = make_trained(session, racer)
    ledger.set_quota(session, racer, 69_999, by=None, now=NOON)
    with pytest.raises(RuleBroken, match="59 s of your quota is left"):
        request(session, model, racer)


def test_evaluations_count_among_the_models_at_a_time_but_each_model_once(session: Session) -> None:
    racer = make_sponsored(session)
    models = [make_trained(session, racer, name) for name in ("one", "two", "three")]
    request(session, models[0], racer)
    request(session, models[0], racer)
    trainings.request(session, models[1], by=racer, now=after(20))
    with pytest.raises(RuleBroken, match="at a time"):
        request(session, models[2], racer)


def test_the_limit_of_evaluations_at_once_is_waited_for(session: Session) -> None:
    racer = make_sponsored(session)
    model = make_trained(session, racer)
    limits.change(session, by=None, now=NOON, evaluations_at_once=1)
    first, second = request(session, model, racer), request(session, model, racer)
    assert claim(session, first) is not None
    assert claim(session, second) is None
    assert second.state == JobState.QUEUED


@pytest.mark.parametrize("state", [Sponsorship.ACTIVE, Sponsorship.PAUSED])
def test_a_races_evaluation_goes_to_the_races_account_and_a_paused_racer_may(
    session: Session, state: Sponsorship
) -> None:
    racer, race = make_sponsored(session), make_race(session)
    model = make_trained(session, racer)
    before = ledger.balance(session, racer)
    racer.sponsorship = state
    evaluation = request(session, model, racer, race)
    token = claim(session, evaluation)
    assert token is not None
    queueing.finish(
        session, JobKind.EVALUATION, evaluation.id or 0, token, state=JobState.COMPLETED, now=after(33), artefact="e"
    )
    account = session.exec(select(Account).where(Account.race_id == race.id)).one()
    assert (account.quota_ms, account.used_ms) == (None, 3000)
    assert ledger.balance(session, racer) == before
    assert ledger.race_account(session, race) is account
    check_ledger(session)


def test_a_paused_racer_evaluates_nothing_of_their_own(session: Session) -> None:
    racer = make_sponsored(session)
    model = make_trained(session, racer)
    sponsorship.pause(session, racer, by=None, now=NOON)
    with pytest.raises(RuleBroken) as refused:
        request(session, model, racer)
    assert refused.value.code == Code.FORBIDDEN


def test_a_racer_whose_sponsorship_ended_submits_nothing(session: Session) -> None:
    racer, race = make_sponsored(session), make_race(session)
    model = make_trained(session, racer)
    sponsorship.end(session, racer, by=None, now=NOON)
    with pytest.raises(RuleBroken) as refused:
        request(session, model, racer, race)
    assert refused.value.code == Code.FORBIDDEN


def test_races_do_not_count_among_the_models_at_a_time(session: Session) -> None:
    racer, race = make_sponsored(session), make_race(session)
    models = [make_trained(session, racer, name) for name in ("one", "two", "three")]
    for model in models:
        request(session, model, racer, race)
    assert trainings.request(session, models[0], by=racer, now=after(30)).state == JobState.QUEUED


def test_an_own_evaluation_can_be_stopped_and_a_races_cannot(session: Session) -> None:
    racer, race = make_sponsored(session), make_race(session)
    model = make_trained(session, racer)
    own, raced = request(session, model, racer), request(session, model, racer, race)
    assert evaluations.stop(session, own, by=racer, now=after(21))
    assert own.state == JobState.STOPPED
    with pytest.raises(RuleBroken, match="cannot be stopped"):
        evaluations.stop(session, raced, by=racer, now=after(21))
    check_ledger(session)


def test_they_are_listed_newest_first_without_those_of_races_and_found_by_their_racer_only(session: Session) -> None:
    racer, race = make_sponsored(session), make_race(session)
    model = make_trained(session, racer)
    first, second = request(session, model, racer), request(session, model, racer)
    request(session, model, racer, race)
    assert evaluations.of_model(session, model) == [second, first]
    assert evaluations.get_own(session, racer, first.public_id) is first
    with pytest.raises(RuleBroken) as refused:
        evaluations.get_own(session, make_racer(session, "bob"), first.public_id)
    assert refused.value.code == Code.MISSING


def test_the_minute_that_is_held_is_a_minute() -> None:
    assert evaluations.RESERVED_MS == MINUTE_MS
