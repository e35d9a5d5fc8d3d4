"""The workshop: materials that anybody reads, a handout for paper, and a request that reaches the administrators."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import select

from portal.database import read_session, write_session
from portal.reward_help import DEFAULT_CODE
from portal.settings import Settings
from portal.tables import Racer, RacerRequest, Role
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import parsed

FORM = {"date": "2027-03-15", "where": "Room 2", "people": "12", "contact": "alice", "reason": "a first hour for all"}


@pytest.fixture
def alice(app: Flask, engine: Engine) -> FlaskClient:
    with write_session(engine) as session:
        alice = make_racer(session, "alice")
    return sign_in(app, alice)


def test_the_hour_has_sixty_minutes_without_a_gap(client: FlaskClient) -> None:
    page = parsed(client.get("/workshop").text)
    spans = [(int(begin), int(end)) for begin, end in re.findall(r'<th scope="row">(\d+)\D(\d+)</th>', page)]
    assert (spans[0][0], spans[-1][1]) == (0, 60)
    assert [begin for begin, _ in spans[1:]] == [end for _, end in spans[:-1]]
    for link in ("/workshop/handout", "/workshop/request"):
        assert f'href="{link}"' in page


def test_every_page_links_to_the_workshop_and_so_do_races_and_administration(app: Flask, engine: Engine) -> None:
    with write_session(engine) as session:
        ada: Racer = make_racer(session, "ada", role=Role.ADMIN)
    browser = sign_in(app, ada)
    assert 'href="/workshop"' in app.test_client().get("/tracks").text
    for path in ("/races", "/admin"):
        assert 'href="/workshop"' in browser.get(path).text.split("<footer")[0], path


def test_the_handout_has_the_address_and_the_first_reward_function(client: FlaskClient, settings: Settings) -> None:
    page = parsed(client.get("/workshop/handout").text)
    assert settings.address in page
    assert "first password" in page
    code = re.search(r"<pre><code>(.*?)</code>", page, re.DOTALL)
    assert code
    assert "distance_from_center" in code.group(1)
    assert code.group(1).count("\n") == DEFAULT_CODE.count("\n")


def test_a_request_for_a_workshop_reaches_the_administrators(alice: FlaskClient, app: Flask, engine: Engine) -> None:
    parsed(alice.get("/workshop/request").text)
    page = parsed(alice.post("/workshop/request", data=FORM, follow_redirects=True).text)
    assert "A workshop" in page
    with write_session(engine) as session:
        row = session.exec(select(RacerRequest)).one()
        ada = make_racer(session, "ada", role=Role.ADMIN)
    assert (row.kind, row.amount, row.details["people"], row.details["where"]) == ("workshop", 0, "12", "Room 2")
    admin = sign_in(app, ada)
    seen = parsed(admin.get("/admin/requests?kind=workshop").text)
    for part in ("2027-03-15", "Room 2", "12 people", "a first hour for all"):
        assert part in seen, part
    question = parsed(admin.get(f"/admin/requests/approve?request={row.public_id}").text)
    assert f"amount-{row.public_id}" not in question
    admin.post("/admin/requests/approve", data={"request": row.public_id, "answer": "gladly"})
    assert "Your request for a workshop was approved." in parsed(alice.get("/garage").text)


def test_a_second_request_changes_the_open_one(alice: FlaskClient, engine: Engine) -> None:
    alice.post("/workshop/request", data=FORM)
    assert 'value="Room 2"' in parsed(alice.get("/workshop/request").text)
    alice.post("/workshop/request", data=FORM | {"where": "online"})
    with read_session(engine) as session:
        assert session.exec(select(RacerRequest)).one().details["where"] == "online"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("date", "soon", "Please give a date"),
        ("date", "", "Please give a date"),
        ("people", "0", "from 1 to 10000"),
        ("people", "a few", "Please give a number."),
        ("where", "", "Please fill this in."),
        ("contact", "", "Please fill this in."),
        ("reason", "", "Please fill this in."),
    ],
)
def test_a_wrong_field_is_named(alice: FlaskClient, engine: Engine, field: str, value: str, message: str) -> None:
    answer = alice.post("/workshop/request", data=FORM | {field: value})
    assert answer.status_code == 422
    assert message in parsed(answer.text)
    with read_session(engine) as session:
        assert session.exec(select(RacerRequest)).all() == []
