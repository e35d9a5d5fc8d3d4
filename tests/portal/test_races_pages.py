"""Race pages as people meet them: who may see and do what, forms that lose nothing, and pages without JavaScript."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import html5lib
import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import Session, select
from werkzeug.test import TestResponse

from portal import clock
from portal.database import read_session, write_session
from portal.forms.race import values_of
from portal.rules import races, sponsorship
from portal.streams import tokens
from portal.tables import Evaluation, JobState, Race, Racer, Role, Submission, Visibility
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.races_cast import make_model, make_race, make_result

FORM = {
    "name": "Harbour cup",
    "description": "Two laps along the water.",
    "track": "paddock-oval",
    "direction": "clockwise",
    "opens": "2030-06-01T10:00",
    "closes": "2030-06-02T18:30",
    "time_zone": "Pacific/Auckland",
    "ranking": "average",
    "laps": "4",
    "minimum_laps": "2",
    "off_track_penalty_s": "2.5",
    "collision_penalty_s": "0",
    "maximum_resets": "20",
    "maximum_submissions": "9",
}


@pytest.fixture
def alice(engine: Engine) -> Racer:
    with write_session(engine) as session:
        return make_racer(session)


@pytest.fixture
def bob(engine: Engine) -> Racer:
    with write_session(engine) as session:
        return make_racer(session, "bob")


@pytest.fixture
def race(engine: Engine, alice: Racer) -> Race:
    with write_session(engine) as session:
        race = make_race(session, alice)
        make_result(session, race, alice, 9_000, 9_100, 9_200)
        return race


def made(engine: Engine) -> Race:
    with read_session(engine) as session:
        return session.exec(select(Race)).one()


def valid(response: TestResponse) -> str:
    """The page's text, which must be HTML without a fault."""
    html5lib.HTMLParser(strict=True).parse(response.text)
    return response.text


def test_an_organizer_makes_a_race_in_the_own_time_zone(app: Flask, engine: Engine, alice: Racer) -> None:
    response = sign_in(app, alice).post("/races", data=FORM)
    race = made(engine)
    assert (response.status_code, response.location) == (303, f"/races/{race.public_id}")
    assert race.opens_at == datetime(2030, 5, 31, 22, 0, tzinfo=UTC)
    assert race.closes_at == datetime(2030, 6, 2, 6, 30, tzinfo=UTC)
    assert (race.name, race.track, race.direction, race.ranking) == (
        "Harbour cup",
        "paddock-oval",
        "clockwise",
        "average",
    )
    assert (race.laps, race.minimum_laps, race.maximum_resets, race.maximum_submissions) == (4, 2, 20, 9)
    assert (race.off_track_penalty_ms, race.collision_penalty_ms) == (2500, 0)
    assert race.visibility == Visibility.PUBLIC


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("name", "", "Please fill this in."),
        ("name", "n" * 65, "64 characters at most"),
        ("description", "d" * 256, "255 characters at most"),
        ("track", "atlantis", "Choose a track"),
        ("opens", "soon", "such as 2026-06-01T18:30"),
        ("closes", "2030-06-01T09:59", "must close after it opens"),
        ("time_zone", "Mars/Olympus", "time zone from the list"),
        ("laps", "three", "whole number from 1 to 50"),
        ("minimum_laps", "5", "at most all 4 laps"),
        ("off_track_penalty_s", "1e9", "seconds from 0 to 60"),
        ("off_track_penalty_s", "0.0001", "seconds from 0 to 60"),
        ("off_track_penalty_s", "1e999999999", "seconds from 0 to 60"),
        ("off_track_penalty_s", "nan", "seconds from 0 to 60"),
        ("opens", "0001-01-01T00:00", "year from 2000 to 2200"),
        ("closes", "9999-12-31T23:59", "year from 2000 to 2200"),
        ("maximum_resets", "-1", "whole number from 0"),
        ("maximum_submissions", "0", "whole number from 1"),
    ],
)
def test_a_wrong_field_comes_back_with_everything_that_was_typed(
    app: Flask, engine: Engine, alice: Racer, field: str, typed: str, message: str
) -> None:
    response = sign_in(app, alice).post("/races", data={**FORM, field: typed})
    page = valid(response)
    assert response.status_code == 422
    assert message in page
    assert f'id="{field}-error"' in page
    for name in ("description", "off_track_penalty_s", "maximum_submissions"):
        assert ({**FORM, field: typed})[name] in page
    with read_session(engine) as session:
        assert session.exec(select(Race)).all() == []


def test_a_moment_that_the_clocks_skip_is_not_guessed(app: Flask, alice: Racer) -> None:
    skipped = {**FORM, "opens": "2030-03-31T02:30", "time_zone": "Europe/Berlin"}
    response = sign_in(app, alice).post("/races", data=skipped)
    assert response.status_code == 422
    assert "skip this moment" in response.text


def test_a_description_is_text_and_never_markup(app: Flask, engine: Engine, alice: Racer) -> None:
    client = sign_in(app, alice)
    client.post("/races", data={**FORM, "name": "<b>cup</b>", "description": "<script>alert(1)</script>"})
    page = valid(client.get(f"/races/{made(engine).public_id}"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_after_the_first_entry_the_rules_are_shown_not_asked(app: Flask, race: Race, alice: Racer) -> None:
    client = sign_in(app, alice)
    page = valid(client.get(f"/races/{race.public_id}/edit"))
    assert '<select id="track"' not in page
    assert '<input type="hidden" name="track" value="paddock-oval">' in page
    response = client.post(f"/races/{race.public_id}/edit", data={**FORM, "laps": "5"})
    assert response.status_code == 409
    assert "driven again" in valid(response)
    assert "Harbour cup" in response.text


def test_name_and_dates_still_change_after_the_first_entry(
    app: Flask, engine: Engine, race: Race, alice: Racer
) -> None:
    kept = {
        "track": race.track,
        "direction": race.direction,
        "ranking": "total",
        "laps": "3",
        "minimum_laps": "3",
        "off_track_penalty_s": "3",
        "collision_penalty_s": "5",
        "maximum_resets": "10000",
    }
    data = {**FORM, **kept, "opens": "2026-01-01T00:00", "time_zone": "UTC"}
    response = sign_in(app, alice).post(f"/races/{race.public_id}/edit", data=data)
    assert response.status_code == 303
    assert (made(engine).name, made(engine).closes_at.year) == ("Harbour cup", 2030)


def test_strangers_cannot_change_a_race(app: Flask, engine: Engine, race: Race, bob: Racer) -> None:
    client = sign_in(app, bob)
    for verb in ("edit", "close", "delete"):
        assert client.get(f"/races/{race.public_id}/{verb}").status_code == 403
        assert client.post(f"/races/{race.public_id}/{verb}", data=FORM).status_code == 403
    assert (made(engine).name, made(engine).deleted_at) == ("Sunday cup", None)


def test_the_organizer_closes_and_deletes_after_being_asked(
    app: Flask, engine: Engine, race: Race, alice: Racer
) -> None:
    client = sign_in(app, alice)
    for verb in ("close", "delete"):
        page = valid(client.get(f"/races/{race.public_id}/{verb}"))
        assert f'action="/races/{race.public_id}/{verb}"' in page
    assert "1 submission" in page
    assert client.post(f"/races/{race.public_id}/close").status_code == 303
    assert races.state(made(engine), clock.now()) == "closed"
    assert client.post(f"/races/{race.public_id}/delete").location == "/races"
    assert client.get(f"/races/{race.public_id}").status_code == 404


def test_the_form_says_why_a_paused_racer_makes_and_extends_no_race(app: Flask, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        race = make_race(session, alice)
        sponsorship.pause(session, alice, by=None, now=clock.now())
    client = sign_in(app, alice)
    assert "Your sponsorship is paused" in valid(client.get("/races/new"))
    for path in ("/races", f"/races/{race.public_id}/edit"):
        answer = client.post(path, data=FORM)
        assert answer.status_code == 403
        assert "Your sponsorship is paused" in valid(answer)
        assert 'value="Harbour cup"' in answer.text
    assert made(engine).name == "Sunday cup"


def test_a_paused_organizer_still_saves_the_form_as_it_was_shown(app: Flask, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        race = make_race(session, alice)
        sponsorship.pause(session, alice, by=None, now=clock.now())
    shown = {name: str(value) for name, value in values_of(race).items() if not isinstance(value, list)}
    answer = sign_in(app, alice).post(f"/races/{race.public_id}/edit", data=shown | {"name": "New name"})
    assert (answer.status_code, made(engine).name) == (303, "New name")


def test_the_question_says_what_a_deletion_stops(app: Flask, engine: Engine, race: Race, alice: Racer) -> None:
    client = sign_in(app, alice)
    assert "stopped" not in valid(client.get(f"/races/{race.public_id}/delete"))
    with write_session(engine) as session:
        for state in (JobState.QUEUED, JobState.RUNNING):
            make_result(session, race, alice, state=state)
    page = valid(client.get(f"/races/{race.public_id}/delete"))
    assert "2 submissions that are waiting or driving are stopped." in page


def test_looking_changes_nothing(app: Flask, engine: Engine, race: Race, alice: Racer) -> None:
    client = sign_in(app, alice)
    before = made(engine).model_dump()
    for path in ("", "/edit", "/close", "/delete", "/enter", "/submissions"):
        assert client.get(f"/races/{race.public_id}{path}").status_code == 200
    assert made(engine).model_dump() == before
    with read_session(engine) as session:
        assert len(session.exec(select(Submission)).all()) == 1


def test_a_visitor_who_is_not_signed_in_is_asked_to(client: FlaskClient, race: Race) -> None:
    for path in ("/races/new", f"/races/{race.public_id}/enter", f"/races/{race.public_id}/edit"):
        response = client.get(path)
        assert response.status_code == 303
        assert response.location.startswith("/sign-in?next=")


def test_the_leaderboard_says_rule_tie_break_seed_and_rows(client: FlaskClient, race: Race, alice: Racer) -> None:
    response = client.get(f"/races/{race.public_id}")
    page = valid(response)
    assert "fewer resets, then the better best lap, then the earlier submission" in page
    assert "More complete laps come first" in page
    assert f"<code>{race.seed}</code>" in page
    assert f'id="standing-{alice.public_id}"' in page
    assert "27.300" in page
    assert 'http-equiv="refresh"' in page, "without JavaScript it refreshes itself"
    assert 'class="mine' not in page


def test_my_row_is_marked_and_can_be_jumped_to(app: Flask, race: Race, alice: Racer) -> None:
    page = valid(sign_in(app, alice).get(f"/races/{race.public_id}"))
    assert 'class="mine podium podium-1"' in page
    assert f'href="#standing-{alice.public_id}"' in page


def test_htmx_gets_the_fragment_and_a_new_ticket(app: Flask, client: FlaskClient, race: Race) -> None:
    response = client.get(f"/races/{race.public_id}", headers={"HX-Request": "true"})
    assert response.text.lstrip().startswith(f'<div class="standings" id="standings-{race.public_id}"')
    assert "HX-Request" in response.headers["Vary"]
    token = response.headers["Paddock-Stream"].partition("?t=")[2]
    assert tokens.read(app.config["SECRET_KEY"], token).channels == (f"race:{race.public_id}",)


def test_a_closed_race_has_a_winner_and_no_stream(client: FlaskClient, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        race = make_race(
            session, alice, closes_at=clock.now() - timedelta(hours=1), opens_at=clock.now() - timedelta(days=1)
        )
        make_result(session, race, alice, 9_000, 9_000, 9_000)
    page = valid(client.get(f"/races/{race.public_id}"))
    assert "Final standings" in page
    assert "Winner" in page
    assert "data-stream" not in page
    assert 'http-equiv="refresh"' not in page


def test_a_private_race_does_not_exist_for_strangers(
    app: Flask, client: FlaskClient, engine: Engine, alice: Racer, bob: Racer
) -> None:
    with write_session(engine) as session:
        race = make_race(session, alice, visibility=Visibility.PRIVATE, name="Secret cup")
        result = make_result(session, race, alice, 9_000, 9_000, 9_000)
        admin = make_racer(session, "root", role=Role.ADMIN)
    paths = ["", f"/submissions/{result.public_id}", "/enter", "/submissions", "/edit", "/close", "/delete"]
    stranger = sign_in(app, bob)
    unknown = [stranger.get(f"/races/0123456789abcdef{path}") for path in paths]
    for headers in ({}, {"HX-Request": "true"}):
        for path, other in zip(paths, unknown, strict=True):
            response = stranger.get(f"/races/{race.public_id}{path}", headers=headers)
            assert response.status_code == other.status_code == 404
            assert "Paddock-Stream" not in response.headers
    assert stranger.post(f"/races/{race.public_id}/enter", data={"model": "x"}).status_code == 404
    assert client.get(f"/races/{race.public_id}").status_code == 404
    for path in ("/", "/races", "/racers/alice"):
        assert "Secret cup" not in client.get(path).text
        assert "Secret cup" not in stranger.get(path).text
    for eyes in (alice, admin):
        assert "Secret cup" in sign_in(app, eyes).get(f"/races/{race.public_id}").text


def test_the_list_can_be_searched_and_linked(client: FlaskClient, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        make_race(session, alice, name="Kidney night", track="kidney")
        make_race(session, alice, name="Oval day")
    assert "Kidney night" in valid(client.get("/races?q=kidney"))
    assert "Oval day" not in client.get("/races?q=kidney").text
    by_title = valid(client.get("/races?q=PADDOCK%20OVAL"))
    assert "Oval day" in by_title
    assert "<dd>Paddock Oval</dd>" in by_title, "a track is called as on its own page"
    assert "Kidney night" not in by_title
    assert "No race fits" in valid(client.get("/races?state=closed"))
    assert client.get("/races?page=9999999999&state=nonsense").status_code == 200
    fragment = client.get("/races?q=oval", headers={"HX-Request": "true"})
    assert fragment.text.startswith('<div id="race-list">')


def test_a_racer_enters_a_model_and_a_worker_is_woken(
    app: Flask, engine: Engine, redis: Redis, race: Race, bob: Racer
) -> None:
    with write_session(engine) as session:
        model = make_model(session, bob, name="Steady-bob")
        make_model(session, bob, name="Not-yet", trained=False)
    client = sign_in(app, bob)
    page = valid(client.get(f"/races/{race.public_id}/enter"))
    assert f'value="{model.public_id}" checked' in page
    assert "no weights yet" in page
    response = client.post(f"/races/{race.public_id}/enter", data={"model": model.public_id})
    assert (response.status_code, response.location) == (303, f"/races/{race.public_id}#mine")
    with read_session(engine) as session:
        evaluation = session.exec(select(Evaluation).where(Evaluation.racer_id == bob.id)).one()
    assert redis.lrange("rq:queue:evaluation", 0, -1) == [f"evaluation-{evaluation.id}-0".encode()]
    assert redis.xlen(f"live:race:{race.public_id}") == 1
    mine = valid(client.get(f"/races/{race.public_id}"))
    assert "Queued, place 1" in mine
    assert "Steady-bob" in mine


def test_what_cannot_be_entered_is_refused_with_the_reason(
    app: Flask, engine: Engine, race: Race, alice: Racer, bob: Racer
) -> None:
    with write_session(engine) as session:
        untrained = make_model(session, bob, trained=False)
        foreign = session.exec(select(Evaluation)).one().model_id
    client = sign_in(app, bob)
    address = f"/races/{race.public_id}/enter"
    refused = client.post(address, data={"model": untrained.public_id})
    assert refused.status_code == 409
    assert "no weights yet" in valid(refused)
    assert client.post(address, data={}).status_code == 422
    assert client.post(address, data={"model": str(foreign)}).status_code == 404
    sign_in(app, alice).post(f"/races/{race.public_id}/close")
    closed = client.post(address, data={"model": untrained.public_id})
    assert closed.status_code == 409
    assert "closed" in valid(closed)


def test_a_result_page_shows_each_lap_to_everybody(client: FlaskClient, engine: Engine, race: Race, bob: Racer) -> None:
    with write_session(engine) as session:
        submission = make_result(session, race, bob, 8_000, 8_500, None, resets=2)
    page = valid(client.get(f"/races/{race.public_id}/submissions/{submission.public_id}"))
    assert "completed 2 of the 3 laps in a row" in page
    assert "8.000" in page
    assert "not completed" in page
    assert "First-light" not in page, "a model's name is its racer's own"


def test_a_result_page_waits_for_its_result(client: FlaskClient, engine: Engine, race: Race, bob: Racer) -> None:
    with write_session(engine) as session:
        submission = make_result(session, race, bob, state=JobState.QUEUED)
    address = f"/races/{race.public_id}/submissions/{submission.public_id}"
    assert 'hx-trigger="every 3s"' in valid(client.get(address))
    fragment = client.get(address, headers={"HX-Request": "true"})
    assert fragment.text.lstrip().startswith('<div id="result"')
    assert client.get(f"/races/{race.public_id}/submissions/0123456789abcdef").status_code == 404


def test_every_state_of_a_submission_has_its_words(app: Flask, engine: Engine, race: Race, bob: Racer) -> None:
    with write_session(engine) as session:
        for state in (JobState.QUEUED, JobState.RUNNING, JobState.FAILED):
            make_result(session, race, bob, state=state)
        make_result(session, race, bob, 9_000, None)
        make_result(session, race, bob, 9_000, 9_000, 9_000)
    fragment = sign_in(app, bob).get(f"/races/{race.public_id}/submissions", headers={"HX-Request": "true"}).text
    for words in ("Queued, place 1", "On the track", "No result", "Not ranked", "Ranked"):
        assert words in fragment


def _racers(session: Session, count: int) -> list[Racer]:
    return [make_racer(session, f"racer-{number}") for number in range(count)]


def test_a_full_leaderboard_is_valid_html_for_every_rule(client: FlaskClient, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        people = _racers(session, 6)
        kept = [make_race(session, alice, ranking=ranking, minimum_laps=2) for ranking in ("total", "average", "best")]
        for race in kept:
            for number, racer in enumerate(people):
                make_result(
                    session, race, racer, 9_000 + number, 9_000, None if number % 2 else 9_500, resets=number % 3
                )
            make_result(session, race, people[0], 1_000, None, None)
    for race, heading in zip(kept, ("Total", "Average lap", "Best lap"), strict=True):
        page = valid(client.get(f"/races/{race.public_id}"))
        assert f'<th scope="col" class="number result">{heading}</th>' in page
        assert page.count('id="standing-') == 6


def test_the_form_of_a_new_race_begins_with_a_week_from_now(app: Flask, engine: Engine, alice: Racer) -> None:
    page = valid(sign_in(app, alice).get("/races/new?track=kidney"))
    assert f'value="{clock.now():%Y-%m-%dT}' in page
    assert '<option value="kidney" selected>' in page
    assert '<option value="UTC" selected>' in page


def test_saving_a_closed_race_unchanged_but_for_its_name_keeps_its_moments(
    app: Flask, engine: Engine, alice: Racer
) -> None:
    opens_at = clock.now().replace(microsecond=0) - timedelta(days=2, seconds=7)
    with write_session(engine) as session:
        race = make_race(session, alice, opens_at=opens_at, closes_at=opens_at + timedelta(days=1))
    typed = {
        **FORM,
        "name": "Renamed",
        "opens": f"{race.opens_at:%Y-%m-%dT%H:%M}",
        "closes": f"{race.closes_at:%Y-%m-%dT%H:%M}",
        "time_zone": "UTC",
    }
    assert sign_in(app, alice).post(f"/races/{race.public_id}/edit", data=typed).status_code == 303
    saved = made(engine)
    assert (saved.name, saved.opens_at, saved.closes_at) == ("Renamed", race.opens_at, race.closes_at)
