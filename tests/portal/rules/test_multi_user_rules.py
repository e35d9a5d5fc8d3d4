"""The rules of the retired console's multi-user mode, one test for each sentence of them, named after it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlmodel import Session, select

from portal.database import read_session, write_session
from portal.rules import (
    cars,
    ledger,
    limits,
    models,
    multi_user,
    queueing,
    racers,
    races,
    sponsorship,
    submissions,
    trainings,
)
from portal.rules.broken import Code, RuleBroken
from portal.rules.racers import Identity
from portal.settings import Settings
from portal.tables import HOUR_MS, Account, Car, JobKind, JobState, Limits, Model, Racer, Role, Sponsorship
from sim.hyperparameters import Hyperparameters
from tests.cast import NOON, make_racer
from tests.conftest import sign_in
from tests.jobs.paddock_yard import MINUTE_MS, after, claim, finish
from tests.portal.garage_cast import make_car, make_evaluation, make_model, make_training, ready_model
from tests.portal.races_cast import make_race


def refused(work: Callable[[], object]) -> RuleBroken:
    with pytest.raises(RuleBroken) as caught:
        work()
    return caught.value


def newcomer(session: Session, subject: str = "new") -> Racer:
    identity = Identity(issuer="https://sso.example", subject=subject, name="New", email="new@example.org")
    return racers.sign_in(session, identity, admin_groups=(), now=NOON)


def switch(session: Session, *, on: bool) -> None:
    ada = session.exec(select(Racer).where(Racer.alias == "ada")).first() or make_racer(session, "ada", role=Role.ADMIN)
    if on:
        multi_user.enable(session, by=ada, now=NOON, access=True, permissions=True)
    else:
        multi_user.disable(session, by=ada, now=NOON, understood=True)


# Defaults and limits


def test_defaults_for_a_sponsored_participant_are_5_hours_of_training_and_2_models_at_a_time(session: Session) -> None:
    account = ledger.account_of(session, newcomer(session))
    assert (account.quota_ms, account.models_at_once) == (5 * HOUR_MS, 2)


def test_2_models_at_a_time_are_those_in_training_or_evaluation(session: Session, settings: Settings) -> None:
    alice = make_racer(session)
    make_evaluation(session, ready_model(session, settings, alice, "one"), alice)
    make_training(session, make_model(session, alice, "two"), alice)
    third = make_model(session, alice, "three")
    assert refused(lambda: make_training(session, third, alice)).code == Code.CONFLICT
    fourth = ready_model_over_limit(session, settings, alice)
    assert refused(lambda: make_evaluation(session, fourth, alice)).code == Code.CONFLICT


def ready_model_over_limit(session: Session, settings: Settings, racer: Racer) -> Model:
    """Trained while three models at a time were allowed."""
    account = ledger.account_of(session, racer)
    account.models_at_once = 3
    session.flush()
    model = ready_model(session, settings, racer, "four")
    account.models_at_once = 2
    session.flush()
    return model


def test_limits_shared_by_all_sponsored_participants_are_100_100_1000_and_50(session: Session) -> None:
    shared = limits.current(session)
    assert (shared.trainings_at_once, shared.evaluations_at_once) == (100, 100)
    assert (shared.cars, shared.private_leaderboards) == (1000, 50)


@pytest.mark.parametrize("name", ["trainings_at_once", "evaluations_at_once", "cars", "private_leaderboards"])
def test_an_operator_can_change_each(session: Session, name: str) -> None:
    assert limits.change(session, by=None, now=NOON, **{name: 1})
    assert getattr(session.get_one(Limits, 1, populate_existing=True), name) == 1


def test_the_limit_of_cars_holds_for_all_together(session: Session) -> None:
    limits.change(session, by=None, now=NOON, cars=2)
    make_car(session, make_racer(session, "alice"))
    bob = make_racer(session, "bob")
    make_car(session, bob)
    assert refused(lambda: make_car(session, bob, "Third")).code == Code.CONFLICT


def test_a_training_over_the_limit_of_concurrent_trainings_waits(session: Session) -> None:
    limits.change(session, by=None, now=NOON, trainings_at_once=1)
    alice, bob = make_racer(session, "alice"), make_racer(session, "bob")
    first = make_training(session, make_model(session, alice), alice)
    second = make_training(session, make_model(session, bob), bob)
    token = claim(session, first)
    assert token is not None
    assert claim(session, second) is None
    assert "limit of this instance" in second.message
    finish(session, first, token, 10)
    assert claim(session, second, 20) is not None


# Pausing


def test_pausing_sponsorship_running_training_finishes_and_is_counted(session: Session) -> None:
    alice = make_racer(session)
    run = make_training(session, make_model(session, alice), alice)
    token = claim(session, run)
    assert token is not None
    sponsorship.pause(session, alice, by=None, now=NOON)
    lease = queueing.renew(session, JobKind.TRAINING, run.id or 0, token, now=after(30))
    assert lease is not None
    assert not lease.stop_requested
    finish(session, run, token, 60)
    assert run.state == JobState.COMPLETED
    assert ledger.balance(session, alice).used_ms == MINUTE_MS


def test_a_queued_training_of_a_paused_participant_is_refused_at_its_start_and_gives_its_hours_back(
    session: Session,
) -> None:
    alice = make_racer(session)
    run = make_training(session, make_model(session, alice), alice)
    sponsorship.pause(session, alice, by=None, now=NOON)
    assert claim(session, run) is None
    assert (run.state, run.message) == (JobState.REFUSED, sponsorship.PAUSED)
    assert ledger.balance(session, alice).reserved_ms == 0


def test_a_paused_participant_still_sees_models_and_downloads_them(
    app: Flask, engine: Engine, settings: Settings
) -> None:
    with write_session(engine) as session:
        alice = make_racer(session)
        model = ready_model(session, settings, alice)
        sponsorship.pause(session, alice, by=None, now=NOON)
    browser = sign_in(app, alice)
    for page in ("", "/configuration", "/reward-function", "/evaluations", "/submissions", "/download"):
        assert browser.get(f"/garage/models/{model.public_id}{page}").status_code == 200, page
    assert browser.get("/profile/edit").status_code == 200


def test_a_paused_participant_still_posts_models_to_leaderboards(session: Session, settings: Settings) -> None:
    alice, olivia = make_racer(session), make_racer(session, "olivia")
    model, race = ready_model(session, settings, alice), make_race(session, olivia, now=NOON)
    sponsorship.pause(session, alice, by=None, now=NOON)
    before = ledger.balance(session, alice)
    entered = submissions.enter(session, race, model, by=alice, now=NOON)
    token = queueing.claim(session, JobKind.EVALUATION, entered.evaluation_id, worker="w", now=NOON)
    assert token is not None
    done = queueing.finish(
        session, JobKind.EVALUATION, entered.evaluation_id, token, state=JobState.COMPLETED, now=after(10)
    )
    assert done is not None
    assert ledger.balance(session, alice) == before, "the race's account pays, not the racer's"
    payer = session.exec(select(Account).where(Account.race_id == race.id)).one()
    assert payer.used_ms == 10_000


COSTLY: dict[str, Callable[[Session, Racer, Model, Car], object]] = {
    "a new car": lambda session, alice, _model, _car: make_car(session, alice, "Second"),
    "a copy of a car": lambda session, alice, _model, car: cars.duplicate(session, car.public_id, by=alice, now=NOON),
    "a new model": lambda session, alice, _model, _car: make_model(session, alice, "Second"),
    "a clone": lambda session, alice, model, _car: models.clone(
        session,
        model,
        by=alice,
        name="Clone",
        car=None,
        track=model.track,
        direction=model.direction,
        reward_code="def reward_function(params):\n    return 1.0\n",
        hyperparameters=Hyperparameters(),
        training_limit_ms=MINUTE_MS,
        now=NOON,
    ),
    "a training": lambda session, alice, model, _car: trainings.request(session, model, by=alice, now=NOON),
    "an evaluation": lambda session, alice, model, _car: make_evaluation(session, model, alice),
}


@pytest.mark.parametrize("what", COSTLY)
def test_a_paused_participant_can_do_nothing_else_that_costs(session: Session, settings: Settings, what: str) -> None:
    alice = make_racer(session)
    model, car = ready_model(session, settings, alice), make_car(session, alice)
    sponsorship.pause(session, alice, by=None, now=NOON)
    problem = refused(lambda: COSTLY[what](session, alice, model, car))
    assert (problem.code, problem.message) == (Code.FORBIDDEN, sponsorship.PAUSED)


@pytest.mark.parametrize("what", COSTLY)
def test_resume_undoes_it_at_any_time(session: Session, settings: Settings, what: str) -> None:
    alice = make_racer(session)
    model, car = ready_model(session, settings, alice), make_car(session, alice)
    sponsorship.pause(session, alice, by=None, now=NOON)
    assert sponsorship.resume(session, alice, by=None, now=NOON + timedelta(days=400))
    assert COSTLY[what](session, alice, model, car) is not None


# Disabling


def test_disabling_multi_user_mode_no_new_profiles(session: Session) -> None:
    switch(session, on=False)
    assert refused(lambda: newcomer(session)).message == racers.MULTI_USER_OFF
    early = make_racer(session, None)
    look = {"country": "", "avatar_body": "teal", "avatar_trim": "white"}
    problem = refused(lambda: racers.save_profile(session, early, alias="early", **look, now=NOON))
    assert problem.message == racers.MULTI_USER_OFF
    switch(session, on=True)
    assert racers.save_profile(session, early, alias="early", **look, now=NOON).alias == "early"


def test_disabled_sponsored_participants_can_neither_open_nor_train_models(
    app: Flask, engine: Engine, settings: Settings
) -> None:
    with write_session(engine) as session:
        alice = make_racer(session)
        model = ready_model(session, settings, alice)
        switch(session, on=False)
    browser = sign_in(app, alice)
    assert browser.get(f"/garage/models/{model.public_id}").status_code == 403
    assert browser.post(f"/garage/models/{model.public_id}/train").status_code == 403
    with write_session(engine) as session:
        assert refused(lambda: trainings.request(session, model, by=alice, now=NOON)).code == Code.FORBIDDEN


def test_disabled_running_training_finishes_and_is_counted_and_what_waits_is_refused(session: Session) -> None:
    alice = make_racer(session)
    running = make_training(session, make_model(session, alice, "one"), alice)
    waiting = make_training(session, make_model(session, alice, "two"), alice)
    token = claim(session, running)
    assert token is not None
    switch(session, on=False)
    assert claim(session, waiting) is None
    assert (waiting.state, waiting.message) == (JobState.REFUSED, sponsorship.SWITCHED_OFF)
    finish(session, running, token, 60)
    balance = ledger.balance(session, alice)
    assert (running.state, balance.used_ms, balance.reserved_ms) == (JobState.COMPLETED, MINUTE_MS, 0)


def test_enabling_again_brings_everybody_back_as_they_were(session: Session, settings: Settings) -> None:
    alice, bob = make_racer(session, "alice"), make_racer(session, "bob", sponsorship=Sponsorship.PAUSED)
    model = ready_model(session, settings, alice)
    before = [racer.model_dump() for racer in (alice, bob)], ledger.balance(session, alice), model.model_dump()
    switch(session, on=False)
    switch(session, on=True)
    for row in (alice, bob, model):
        session.refresh(row)
    after_it = [racer.model_dump() for racer in (alice, bob)], ledger.balance(session, alice), model.model_dump()
    assert after_it == before
    assert sponsorship.refusal(session, alice) is None
    assert sponsorship.refusal(session, bob) == sponsorship.PAUSED


# Profiles, boxes, money, races


def test_participants_appear_in_the_sponsored_list_once_they_have_made_a_profile_not_when_invited(
    app: Flask, engine: Engine
) -> None:
    with write_session(engine) as session:
        ada = make_racer(session, "ada", role=Role.ADMIN)
        early = newcomer(session)
    browser = sign_in(app, ada)
    assert "new@example.org" not in browser.get("/admin/racers").text
    with write_session(engine) as session:
        look = {"country": "", "avatar_body": "teal", "avatar_trim": "white"}
        racers.save_profile(session, early, alias="early-bird", **look, now=NOON)
    assert "early-bird" in browser.get("/admin/racers").text


def test_alias_and_profile_survive_the_end_of_sponsorship(session: Session) -> None:
    alice = make_racer(session)
    alice.country = "NZ"
    session.flush()
    sponsorship.end(session, alice, by=None, now=NOON)
    session.refresh(alice)
    assert (alice.alias, alice.country, alice.sponsorship) == ("alice", "NZ", Sponsorship.ENDED)
    assert refused(lambda: make_model(session, alice)).message == sponsorship.ENDED
    assert racers.find_by_alias(session, "alice") == alice


def test_enabling_asks_for_confirmation_boxes_and_disabling_for_one_more(session: Session) -> None:
    ada = make_racer(session, "ada", role=Role.ADMIN)
    assert refused(lambda: multi_user.disable(session, by=ada, now=NOON, understood=False)).field == "understood"
    switch(session, on=False)
    for boxes, missing in (((False, True), "access"), ((True, False), "permissions")):
        access, permissions = boxes
        problem = refused(
            lambda a=access, p=permissions: multi_user.enable(session, by=ada, now=NOON, access=a, permissions=p)
        )
        assert problem.field == missing


@pytest.mark.parametrize("page", ["/admin/racers", "/admin/usage", "/admin/setup"])
def test_spending_is_an_estimate_in_usd_and_says_so_on_the_page(app: Flask, engine: Engine, page: str) -> None:
    with write_session(engine) as session:
        ada = make_racer(session, "ada", role=Role.ADMIN)
    text = sign_in(app, ada).get(page).text.lower()
    assert "estimate" in text
    assert "usd" in text


def test_participants_may_create_edit_and_delete_their_own_community_races(session: Session) -> None:
    alice = make_racer(session)
    race = make_race(session, alice, now=NOON)
    assert races.edit(session, race, by=alice, now=NOON, name="Renamed cup").name == "Renamed cup"
    races.delete(session, race, by=alice, now=NOON)
    assert race.deleted_at == NOON


def test_administration_of_others_is_the_administrators_alone(session: Session) -> None:
    alice, bob, ada = (
        make_racer(session, "alice"),
        make_racer(session, "bob"),
        make_racer(session, "ada", role=Role.ADMIN),
    )
    race = make_race(session, alice, now=NOON)
    assert refused(lambda: races.edit(session, race, by=bob, now=NOON, name="Mine")).code in (
        Code.FORBIDDEN,
        Code.MISSING,
    )
    assert races.edit(session, race, by=ada, now=NOON, name="Tidied").name == "Tidied"


def test_no_participant_administers_by_url(app: Flask, engine: Engine) -> None:
    with write_session(engine) as session:
        alice, bob = make_racer(session, "alice"), make_racer(session, "bob")
    browser = sign_in(app, alice)
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/admin"):
            continue
        path = re.sub(r"<any\(\W*([\w-]+)[^)]*\):\w+>", r"\1", rule.rule)
        path = re.sub(r"<[^>]+>", bob.public_id, path)
        for method in (rule.methods or set()) & {"GET", "POST"}:
            assert browser.open(path, method=method).status_code in (403, 404), f"{method} {path}"
    with read_session(engine) as session:
        assert session.get_one(Racer, bob.id).sponsorship == Sponsorship.ACTIVE
