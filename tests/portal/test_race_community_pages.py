"""Co-organizers, announcements and teams on the pages of a race."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlmodel import select

from portal.database import read_session, write_session
from portal.tables import Race, RaceAnnouncement, RaceHook, Racer, RaceTeam, Visibility
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.races_cast import make_race, make_result
from tests.portal.test_races_pages import valid


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        return {alias: make_racer(session, alias) for alias in ("olivia", "alice", "bob")}


@pytest.fixture
def race(engine: Engine, people: dict[str, Racer]) -> Race:
    with write_session(engine) as session:
        race = make_race(session, people["olivia"], teams="sum", visibility=Visibility.PRIVATE, minimum_laps=1)
        for alias in ("alice", "bob"):
            make_result(session, race, people[alias], 9_000, 9_000, 9_000)
        return race


def test_a_co_organizer_comes_in_works_and_steps_back(app: Flask, people: dict[str, Racer], race: Race) -> None:
    at = f"/races/{race.public_id}"
    olivia, bob = sign_in(app, people["olivia"]), sign_in(app, people["bob"])
    assert bob.get(f"{at}/organizers").status_code == 404
    wrong = olivia.post(f"{at}/organizers", data={"alias": "nobody"})
    assert (wrong.status_code, 'id="alias-error"' in valid(wrong)) == (422, True)
    assert olivia.post(f"{at}/organizers", data={"alias": "bob"}).status_code == 303
    page = valid(bob.get(at))
    assert "Organize" in page
    assert f'href="{at}/delete"' not in page
    assert f'href="{at}/delete"' in olivia.get(at).text
    assert bob.post(f"{at}/delete").status_code == 403
    assert bob.get(f"{at}/edit").status_code == 200
    assert bob.post(f"{at}/organizers", data={"alias": "alice"}).status_code == 403
    stepped = bob.post(f"{at}/organizers/{people['bob'].public_id}/remove")
    assert (stepped.status_code, stepped.location) == (303, "/races")
    assert bob.get(at).status_code == 404


def test_an_announcement_stands_on_the_page_and_is_taken_back_and_restored(
    app: Flask, engine: Engine, people: dict[str, Racer], race: Race
) -> None:
    at = f"/races/{race.public_id}"
    olivia = sign_in(app, people["olivia"])
    assert olivia.post(f"{at}/announcements", data={"text": " "}).status_code == 422
    assert olivia.post(f"{at}/announcements", data={"text": "<b>Ten</b> minutes left"}).status_code == 303
    assert "&lt;b&gt;Ten&lt;/b&gt; minutes left" in valid(olivia.get(at))
    assert "minutes left" in valid(olivia.get(f"{at}/announcements"))
    assert app.test_client().get(f"{at}/announcements").status_code == 404
    with read_session(engine) as session:
        public_id = session.exec(select(RaceAnnouncement)).one().public_id
    back = olivia.post(f"{at}/announcements/{public_id}/remove")
    assert "Undo" in valid(olivia.get(back.location))
    assert "minutes left" not in olivia.get(at).text
    assert olivia.post(f"{at}/announcements/{public_id}/restore").status_code == 303
    assert "minutes left" in olivia.get(at).text


def test_racers_form_a_team_and_it_stands_under_the_standings(
    app: Flask, engine: Engine, people: dict[str, Racer], race: Race
) -> None:
    with write_session(engine) as session:
        session.get_one(Race, race.id).visibility = Visibility.PUBLIC
    at = f"/races/{race.public_id}"
    alice, bob = sign_in(app, people["alice"]), sign_in(app, people["bob"])
    assert "Join or make a team" in valid(alice.get(at))
    assert alice.post(f"{at}/team", data={"name": ""}).status_code == 422
    assert alice.post(f"{at}/team", data={"name": "Owls"}).status_code == 303
    with read_session(engine) as session:
        code = session.exec(select(RaceTeam)).one().code
    assert f"{code[:4]}-{code[4:]}" in valid(alice.get(f"{at}/team"))
    wrong = bob.post(f"{at}/team/join", data={"code": "ABCD-EFGH"})
    assert (wrong.status_code, 'id="code-error"' in valid(wrong)) == (422, True)
    assert code not in wrong.text
    assert "1 of 2 ranked" in valid(app.test_client().get(at))
    assert bob.post(f"{at}/team/join", data={"code": code}).status_code == 303
    page = valid(app.test_client().get(at))
    assert "Owls" in page
    assert "54.000" in page
    assert code not in page
    assert bob.post(f"{at}/team/leave").status_code == 303
    assert "1 of 2 ranked" in app.test_client().get(at).text


def test_an_organizer_adds_a_web_hook_sees_its_log_and_removes_it(
    app: Flask, engine: Engine, people: dict[str, Racer], race: Race
) -> None:
    at = f"/races/{race.public_id}"
    olivia = sign_in(app, people["olivia"])
    wrong = olivia.post(f"{at}/hooks", data={"webhook_url": "nowhere"})
    assert (wrong.status_code, 'id="webhook_url-error"' in valid(wrong)) == (422, True)
    assert olivia.post(f"{at}/hooks", data={"webhook_url": "https://hook.example/x"}).status_code == 303
    with read_session(engine) as session:
        hook = session.exec(select(RaceHook)).one()
    page = valid(olivia.get(f"{at}/organizers"))
    assert hook.secret in page
    assert "Nothing was posted yet." in page
    assert sign_in(app, people["bob"]).get(f"{at}/organizers").status_code == 404
    assert olivia.post(f"{at}/hooks/{hook.public_id}/remove").status_code == 303
    assert hook.secret not in olivia.get(f"{at}/organizers").text
