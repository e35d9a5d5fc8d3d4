"""The setup page: the switch of multi-user mode with its boxes, the limits, what a new racer gets, the prices."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import Session, select

from portal.database import read_session, write_session
from portal.forms import setup
from portal.rules import ledger, limits, multi_user
from portal.rules.broken import RuleBroken
from portal.tables import HOUR_MS, AuditEvent, Limits, Racer, Role
from tests.cast import NOON, make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import make_model, make_training, parsed
from tests.portal.races_cast import make_race


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        return {
            "ada": make_racer(session, "ada", role=Role.ADMIN),
            "alice": make_racer(session, "alice"),
            "newcomer": make_racer(session, None),
        }


@pytest.fixture
def ada(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["ada"])


def stored(engine: Engine) -> Limits:
    with read_session(engine) as session:
        return limits.current(session)


def events(engine: Engine, noun: str) -> list[AuditEvent]:
    with read_session(engine) as session:
        return list(session.exec(select(AuditEvent).where(AuditEvent.action.startswith(noun))))  # type: ignore[attr-defined]


def form_of(engine: Engine, **changes: str) -> dict[str, str]:
    now = stored(engine)
    return {name: setup.typed(name, getattr(now, name)) for name in setup.defaults()} | changes


def switch_off(engine: Engine) -> None:
    with write_session(engine) as session:
        limits.change(session, by=None, now=NOON, multi_user_enabled=False)


# The switch


def test_it_says_what_follows_before_it_is_done(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    with write_session(engine) as session:
        make_training(session, make_model(session, people["alice"]), people["alice"])
    text = parsed(ada.get("/admin/setup/disable").text)
    assert "1 sponsored racer can neither open nor train models" in text
    assert "1 that waits is refused at its start" in text
    assert "1 model stays" in text
    text = parsed(ada.get("/admin/setup/enable").text)
    assert "5 h and 2 models at a time" in text


def test_nothing_is_switched_by_looking_or_without_the_boxes(ada: FlaskClient, engine: Engine) -> None:
    assert ada.get("/admin/setup/disable").status_code == 200
    answer = ada.post("/admin/setup/disable", data={})
    assert answer.status_code == 422
    assert "Tick this box" in answer.text
    assert stored(engine).multi_user_enabled
    assert events(engine, "multi-user") == []


@pytest.mark.parametrize("missing", ["access", "permissions"])
def test_enabling_asks_for_both_of_the_consoles_boxes(ada: FlaskClient, engine: Engine, missing: str) -> None:
    switch_off(engine)
    boxes = {"access": "1", "permissions": "1"}
    del boxes[missing]
    answer = ada.post("/admin/setup/enable", data=boxes)
    assert answer.status_code == 422
    assert f'id="{missing}-error"' in answer.text
    assert not stored(engine).multi_user_enabled


def test_switching_takes_effect_at_once_and_is_audited_once(ada: FlaskClient, engine: Engine) -> None:
    for _ in range(2):
        assert ada.post("/admin/setup/disable", data={"understood": "1", "reason": "over"}).status_code == 303
    assert not stored(engine).multi_user_enabled
    (event,) = events(engine, "multi-user")
    assert (event.action, event.before, event.after, event.reason) == (
        "multi-user.disable",
        {"multi_user_enabled": True},
        {"multi_user_enabled": False},
        "over",
    )
    assert ada.post("/admin/setup/enable", data={"access": "1", "permissions": "1"}).status_code == 303
    assert stored(engine).multi_user_enabled


def test_a_dialog_gets_the_question_alone(ada: FlaskClient) -> None:
    answer = ada.get("/admin/setup/disable", headers={"HX-Request": "true"})
    assert "<html" not in answer.text
    assert 'name="understood"' in answer.text
    refused = ada.post("/admin/setup/disable", data={}, headers={"HX-Request": "true"})
    assert (refused.status_code, "<html" in refused.text) == (422, False)
    done = ada.post("/admin/setup/disable", data={"understood": "1"}, headers={"HX-Request": "true"})
    assert done.headers["HX-Redirect"] == "/admin/setup"


def test_the_rule_itself_wants_the_boxes(session: Session) -> None:
    ada = make_racer(session, "ada", role=Role.ADMIN)
    with pytest.raises(RuleBroken):
        multi_user.disable(session, by=ada, now=NOON, understood=False)
    with pytest.raises(RuleBroken):
        multi_user.enable(session, by=ada, now=NOON, access=True, permissions=False)


# Switched off


GARAGE = ("/garage", "/garage/models/new", "/garage/cars/new")


def test_switched_off_no_racer_opens_or_makes_anything_and_is_told_why(
    app: Flask, engine: Engine, people: dict[str, Racer]
) -> None:
    with write_session(engine) as session:
        model = make_model(session, people["alice"])
    alice = sign_in(app, people["alice"])
    pages = (*GARAGE, f"/garage/models/{model.public_id}", f"/garage/models/{model.public_id}/download")
    assert {alice.get(page).status_code for page in GARAGE} == {200}
    switch_off(engine)
    for page in pages:
        answer = alice.get(page)
        assert answer.status_code == 403, page
        assert "Multi-user mode is switched off" in answer.text
    assert alice.post(f"/garage/models/{model.public_id}/train").status_code == 403
    with write_session(engine) as session, pytest.raises(RuleBroken, match="switched off"):
        make_race(session, people["alice"])


def test_switched_off_the_profile_and_the_races_stay_open(app: Flask, engine: Engine, people: dict[str, Racer]) -> None:
    switch_off(engine)
    alice = sign_in(app, people["alice"])
    assert {page: alice.get(page).status_code for page in ("/", "/races", "/profile", "/tracks")} == dict.fromkeys(
        ("/", "/races", "/profile", "/tracks"), 200
    )


def test_switched_off_nobody_makes_a_first_profile(app: Flask, engine: Engine, people: dict[str, Racer]) -> None:
    switch_off(engine)
    newcomer = sign_in(app, people["newcomer"])
    form = {"alias": "fresh", "country": "", "avatar_body": "teal", "avatar_trim": "white"}
    for answer in (newcomer.get("/profile/edit"), newcomer.post("/profile/edit", data=form)):
        assert answer.status_code == 403
        assert "nobody new can join" in answer.text
    assert sign_in(app, people["alice"]).get("/profile/edit").status_code == 200


def test_switched_off_administrators_go_on_and_switching_on_brings_all_back(
    app: Flask, engine: Engine, ada: FlaskClient, people: dict[str, Racer]
) -> None:
    switch_off(engine)
    assert ada.get("/garage").status_code == 200
    ada.post("/admin/setup/enable", data={"access": "1", "permissions": "1"})
    assert sign_in(app, people["alice"]).get("/garage").status_code == 200


# Limits, newcomers, prices


def test_every_number_is_shown_with_its_default(ada: FlaskClient) -> None:
    text = parsed(ada.get("/admin/setup").text)
    for shown in (
        "Default: 100.",
        "Default: 1000.",
        "Default: 50.",
        "Default: 5.",
        "Default: 3.50.",
        "Default: 0.023.",
    ):
        assert shown in text


def test_every_number_can_be_set_in_the_unit_that_people_use(ada: FlaskClient, engine: Engine) -> None:
    changes = {
        "trainings_at_once": "7",
        "evaluations_at_once": "8",
        "cars": "90",
        "private_leaderboards": "3",
        "new_racer_quota_ms": "2.5",
        "new_racer_models_at_once": "4",
        "new_racer_maximum_models": "9",
        "training_hour_microusd": "1,25",
        "evaluation_hour_microusd": "0.5",
        "storage_gb_month_microusd": "0.02",
    }
    assert ada.post("/admin/setup", data=form_of(engine, **changes, reason="budget")).status_code == 303
    now = stored(engine)
    assert (now.trainings_at_once, now.evaluations_at_once, now.cars, now.private_leaderboards) == (7, 8, 90, 3)
    assert (now.new_racer_quota_ms, now.new_racer_models_at_once, now.new_racer_maximum_models) == (
        int(2.5 * HOUR_MS),
        4,
        9,
    )
    assert (now.training_hour_microusd, now.evaluation_hour_microusd, now.storage_gb_month_microusd) == (
        1_250_000,
        500_000,
        20_000,
    )
    (event,) = events(engine, "limits")
    assert event.reason == "budget"
    assert event.before["cars"] == 1000


def test_what_is_not_changed_is_not_audited(ada: FlaskClient, engine: Engine) -> None:
    assert "Nothing was changed" in ada.post("/admin/setup", data=form_of(engine), follow_redirects=True).text
    assert events(engine, "limits") == []


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("cars", "-1", "Give a number from 0"),
        ("cars", "1.5", "whole number"),
        ("cars", "", "Please fill this in"),
        ("cars", "many", "Please give a number"),
        ("cars", "1e999", "Give a number from 0"),
        ("new_racer_quota_ms", "NaN", "Give a number from 0"),
        ("training_hour_microusd", "0.0000001", "at most 6 digits"),
    ],
)
def test_a_wrong_number_is_named_and_nothing_is_saved(
    ada: FlaskClient, engine: Engine, field: str, value: str, message: str
) -> None:
    before = stored(engine)
    answer = ada.post("/admin/setup", data=form_of(engine, trainings_at_once="1") | {field: value})
    assert answer.status_code == 422
    assert message in parsed(answer.text)
    assert f'id="{field}-error"' in answer.text
    assert stored(engine) == before


def test_a_part_goes_back_to_the_consoles_defaults(ada: FlaskClient, engine: Engine) -> None:
    ada.post("/admin/setup", data=form_of(engine, cars="1", new_racer_quota_ms="1"))
    assert ada.post("/admin/setup/limits/defaults").status_code == 303
    now = stored(engine)
    assert (now.cars, now.new_racer_quota_ms) == (1000, HOUR_MS)
    assert ada.post("/admin/setup/everything/defaults").status_code == 404


def test_a_lower_quota_for_newcomers_leaves_those_who_are_here(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    ada.post("/admin/setup", data=form_of(engine, new_racer_quota_ms="1"))
    with read_session(engine) as session:
        assert ledger.balance(session, people["alice"]).quota_ms == 5 * HOUR_MS
