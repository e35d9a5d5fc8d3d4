"""Withdrawing, disqualifying and driving again on the pages, and cloning a race."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlmodel import col, select

from portal import clock
from portal.database import read_session, write_session
from portal.forms.race import copy_of
from portal.rules import live_races, live_stage, race_objects
from portal.tables import Evaluation, JobState, Race, Racer, Submission
from sim.objects import Boxes
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.races_cast import make_model, make_race, make_result
from tests.portal.test_races_pages import valid


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        return {alias: make_racer(session, alias) for alias in ("olivia", "alice", "bob")}


@pytest.fixture
def race(engine: Engine, people: dict[str, Racer]) -> Race:
    with write_session(engine) as session:
        return make_race(session, people["olivia"], objects=race_objects.stored(Boxes(2)), sensors=[])


def test_a_racer_withdraws_and_enters_again_from_the_same_list(
    app: Flask, engine: Engine, people: dict[str, Racer], race: Race
) -> None:
    with write_session(engine) as session:
        model = make_model(session, people["alice"])
    client, at = sign_in(app, people["alice"]), f"/races/{race.public_id}"
    client.post(f"{at}/enter", data={"model": model.public_id})
    with read_session(engine) as session:
        submission = session.exec(select(Submission)).one()
    page = valid(client.get(at))
    assert f'action="{at}/submissions/{submission.public_id}/withdraw"' in page
    stranger = sign_in(app, people["bob"]).post(f"{at}/submissions/{submission.public_id}/withdraw")
    assert stranger.status_code == 404
    assert client.post(f"{at}/submissions/{submission.public_id}/withdraw").status_code == 303
    page = valid(client.get(at))
    assert "Withdrawn" in page
    assert "Enter again" in page
    assert client.post(f"{at}/submissions/{submission.public_id}/withdraw").status_code == 303
    assert "does not wait any more" in client.get(at).text


def test_the_organizer_disqualifies_everybody_reads_why_and_it_comes_back(
    app: Flask, engine: Engine, people: dict[str, Racer], race: Race
) -> None:
    with write_session(engine) as session:
        done = make_result(session, race, people["alice"], 9_000, 9_000, 9_000)
    organizer, at = sign_in(app, people["olivia"]), f"/races/{race.public_id}/submissions/{done.public_id}"
    for client in (sign_in(app, people["alice"]), sign_in(app, people["bob"])):
        assert client.get(f"{at}/disqualify").status_code == 403
        assert client.post(f"{at}/disqualify", data={"reason": "x"}).status_code == 403
        assert client.post(f"{at}/reinstate").status_code == 403
    valid(organizer.get(f"{at}/disqualify"))
    empty = organizer.post(f"{at}/disqualify", data={"reason": " "})
    assert (empty.status_code, 'id="reason-error"' in valid(empty)) == (422, True)
    assert organizer.post(f"{at}/disqualify", data={"reason": "<b>Cut</b> the corner"}).status_code == 303
    page = valid(app.test_client().get(at))
    assert "Disqualified by the organizer: &lt;b&gt;Cut&lt;/b&gt; the corner" in page
    assert "Put it back" not in page
    public = valid(app.test_client().get(f"/races/{race.public_id}"))
    assert "No results yet" in public
    assert '<span class="reason">&lt;b&gt;Cut&lt;/b&gt; the corner</span>' in public
    told = app.test_client().get(f"/races/{race.public_id}/standings.json").get_json()
    assert told["disqualified"] == [{"racer": "alice", "submission": done.public_id, "reason": "<b>Cut</b> the corner"}]
    assert "Put it back" in valid(organizer.get(at))
    assert organizer.post(f"{at}/reinstate").status_code == 303
    public = app.test_client().get(f"/races/{race.public_id}").text
    assert "alice leads" in public
    assert "Disqualified" not in public


def test_driving_again_says_the_same_to_the_step(
    app: Flask, engine: Engine, people: dict[str, Racer], race: Race
) -> None:
    with write_session(engine) as session:
        done = make_result(session, race, people["alice"], 9_000, 9_000, 9_000)
        session.get_one(Evaluation, done.evaluation_id).fingerprint = "a" * 64
    client, at = sign_in(app, people["alice"]), f"/races/{race.public_id}/submissions/{done.public_id}"
    assert "Drive it again" in valid(client.get(at))
    assert "Drive it again" not in valid(app.test_client().get(at))
    assert sign_in(app, people["bob"]).post(f"{at}/rerun").status_code == 403
    assert client.post(f"{at}/rerun").status_code == 303
    assert "On its way" in valid(client.get(at))
    with write_session(engine) as session:
        rerun = session.get_one(Evaluation, session.get_one(Submission, done.id).rerun_id)
        rerun.state, rerun.fingerprint, rerun.ended_at = JobState.COMPLETED, "a" * 64, clock.now()
    assert "The same, to the step" in valid(app.test_client().get(at))
    assert "Collisions" in client.get(at).text


def test_a_clone_begins_now_with_the_same_rules_and_seed(
    app: Flask, engine: Engine, people: dict[str, Racer], race: Race
) -> None:
    client = sign_in(app, people["olivia"])
    page = valid(client.get(f"/races/{race.public_id}/clone"))
    assert 'value="Sunday cup (copy)"' in page
    assert "its seed too" in page
    assert sign_in(app, people["bob"]).get(f"/races/{race.public_id}/clone").status_code == 403
    assert client.post("/races", data=copy_of(race, clock.now())).status_code == 303
    with read_session(engine) as session:
        first, second = session.exec(select(Race)).all()
    same = ("track", "direction", "seed", "objects", "ranking", "laps", "maximum_submissions", "time_zone")
    assert all(getattr(first, name) == getattr(second, name) for name in same)
    assert first.public_id != second.public_id
    assert (second.closes_at - second.opens_at) == (first.closes_at - first.opens_at)


def test_a_clone_of_a_live_race_is_live_unless_its_time_is_emptied(
    app: Flask, engine: Engine, people: dict[str, Racer], race: Race
) -> None:
    client = sign_in(app, people["olivia"])
    assert "live_limit_s" not in client.get(f"/races/{race.public_id}/clone").text
    with write_session(engine) as session:
        live_races.make(session, session.get_one(Race, race.id), by=people["olivia"], now=clock.now(), limit_s=90)
    page = valid(client.get(f"/races/{race.public_id}/clone"))
    assert 'name="live_limit_s" type="number" value="90"' in page
    with read_session(engine) as session:
        values = copy_of(session.get_one(Race, race.id), clock.now())
    wrong = client.post("/races", data=values | {"live_limit_s": "5"})
    assert wrong.status_code == 422
    assert "Write 30 to 600 seconds." in valid(wrong)
    assert client.post("/races", data=values | {"live_limit_s": "90"}).status_code == 303
    assert client.post("/races", data=values | {"live_limit_s": ""}).status_code == 303
    with read_session(engine) as session:
        kinds = [live_stage.of(session, one) for one in session.exec(select(Race).order_by(col(Race.id)))]
    assert [kind and kind.run_limit_ms for kind in kinds] == [90_000, 90_000, None]


def test_the_record_is_for_all_who_see_the_result_the_weights_for_their_racer(
    app: Flask, engine: Engine, people: dict[str, Racer], race: Race
) -> None:
    runs = app.extensions["paddock_settings"].runs_path
    with write_session(engine) as session:
        done = make_result(session, race, people["alice"], 9_000, 9_000, 9_000)
        evaluation = session.get_one(Evaluation, done.evaluation_id)
        evaluation.artefact = "evaluation-x/1-a"
    at = f"/races/{race.public_id}/submissions/{done.public_id}"
    alice = sign_in(app, people["alice"])
    assert alice.get(f"{at}/record.json").status_code == 404
    for path, name in (("evaluation-x/1-a", "record.json"), ("training-a/1-b", "paddock.json")):
        (runs / path).mkdir(parents=True)
        (runs / path / name).write_text('{"format": 1}')
    record = app.test_client().get(f"{at}/record.json")
    assert (record.status_code, record.json) == (200, {"format": 1})
    assert f"filename={done.public_id}.json" in record.headers["Content-Disposition"]
    mine = alice.get(f"{at}/model.tar.gz")
    assert (mine.status_code, mine.data[:2]) == (200, b"\x1f\x8b")
    for other in ("bob", "olivia"):
        assert sign_in(app, people[other]).get(f"{at}/model.tar.gz").status_code == 404
    page = valid(app.test_client().get(at))
    assert f"paddock verify {done.public_id}.json" in page
    assert "The model as it drove" not in page
    assert "The model as it drove" in valid(alice.get(at))
