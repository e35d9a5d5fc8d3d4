"""The start page: what is on, and what Paddock is."""

from __future__ import annotations

from datetime import timedelta

import html5lib
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from portal import clock
from portal.database import write_session
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.races_cast import make_race, make_result


def page_of(client: FlaskClient) -> str:
    response = client.get("/")
    assert response.status_code == 200
    html5lib.HTMLParser(strict=True).parse(response.text)
    return response.text


def test_a_newcomer_reads_what_paddock_is_and_where_to_begin(client: FlaskClient) -> None:
    page = page_of(client)
    assert "Sign in and start" in page
    assert "The paddock is quiet" in page


def test_a_racer_without_a_profile_is_asked_to_finish_it(app: Flask, engine: Engine) -> None:
    with write_session(engine) as session:
        newcomer = make_racer(session, None)
    assert "Finish your profile" in page_of(sign_in(app, newcomer))


def test_open_races_show_their_top_three_and_others_their_moment(client: FlaskClient, engine: Engine) -> None:
    now = clock.now()
    with write_session(engine) as session:
        people = [make_racer(session, name) for name in ("alice", "bob", "carol", "dave")]
        on_now = make_race(session, people[0], name="On now cup")
        for number, racer in enumerate(people):
            make_result(session, on_now, racer, 9_000 + number, 9_000, 9_000)
        make_race(session, people[0], name="Tomorrow cup", opens_at=now + timedelta(days=1))
        over = make_race(
            session, people[0], name="Old cup", opens_at=now - timedelta(days=2), closes_at=now - timedelta(days=1)
        )
        make_result(session, over, people[3], 7_000, 7_000, 7_000)
    page = page_of(client)
    top = page[page.index("On now cup") : page.index("Tomorrow cup")]
    assert [name for name in ("alice", "bob", "carol", "dave") if f"/racers/{name}" in top] == ["alice", "bob", "carol"]
    assert "6 d 23 h" in top
    recent = page[page.index("Old cup") :]
    assert "/racers/dave" in recent
    assert "21.000" in recent


def test_a_race_without_results_asks_for_the_first(client: FlaskClient, engine: Engine) -> None:
    with write_session(engine) as session:
        make_race(session, make_racer(session))
    assert "be the first" in page_of(client)


def test_the_part_that_changes_comes_alone_for_htmx(client: FlaskClient) -> None:
    response = client.get("/", headers={"HX-Request": "true"})
    assert response.text.lstrip().startswith('<div id="now"')
    assert "HX-Request" in response.headers["Vary"]
