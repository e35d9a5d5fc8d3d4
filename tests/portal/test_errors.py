"""Error pages: what happened and what to do, with the right status."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from portal.database import write_session
from tests.cast import make_racer
from tests.conftest import POSTGRESQL, SQLITE, sign_in
from tests.portal.garage_cast import make_model


@pytest.mark.parametrize("database", [SQLITE], indirect=True)
def test_a_database_that_refuses_is_a_503_that_says_try_again(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("PRAGMA foreign_keys=OFF"))
        connection.execute(text("ALTER TABLE race RENAME TO away"))
    answer = client.get("/races")
    assert answer.status_code == 503
    assert "Nothing was changed" in answer.text
    assert "no such table" not in answer.text, "nothing of the inside is shown"


def test_a_page_that_is_not_there_leads_home(client: FlaskClient) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert 'href="/"' in answer.text


@pytest.mark.both_databases
def test_an_address_with_a_nul_is_told_so(client: FlaskClient) -> None:
    answer = client.get("/races?q=%00")
    assert answer.status_code == 400
    assert "NUL character" in answer.text
    assert client.get("/racers/a%00b").status_code == 404
    assert client.get("/races?q=%2500").status_code == 200


@pytest.mark.parametrize("database", [POSTGRESQL], indirect=True)
def test_a_nul_in_a_form_is_told_so_and_nothing_changes(app: Flask, engine: Engine) -> None:
    with write_session(engine) as session:
        racer = make_racer(session, "alice")
        model = make_model(session, racer, "Bolt")
    alice, address = sign_in(app, racer), f"/garage/models/{model.public_id}/configuration"
    answer = alice.post(address, data={"name": "Bolt-2", "description": "a\0b"})
    assert answer.status_code == 400
    assert "NUL character" in answer.text
    assert "Bolt-2" not in alice.get(address).text


def test_a_form_sent_after_the_session_ended_says_to_sign_in(app: Flask) -> None:
    app.config.update(WTF_CSRF_ENABLED=True)
    answer = app.test_client().post("/garage/cars/new", data={"name": "Lost"})
    assert answer.status_code == 400
    assert "not signed in any more" in answer.text
