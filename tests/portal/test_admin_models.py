"""The administrator's models: the list, every tab of anybody's model, downloads, deletion and what it says."""

from __future__ import annotations

import csv
import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import select

from portal import live
from portal.database import read_session, write_session
from portal.rules import limits, model_deletion, model_list, models, submissions
from portal.settings import Settings
from portal.tables import AuditEvent, Evaluation, JobState, Model, Race, Racer, Role, Sponsorship, TrainingRun
from tests.cast import NOON, make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import (
    finish_evaluation,
    make_evaluation,
    make_model,
    make_training,
    measure,
    parsed,
    ready_model,
)
from tests.portal.races_cast import make_race

TABS = ("", "/evaluations", "/reward-function", "/reward-function/changes", "/submissions", "/configuration")


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        return {
            "ada": make_racer(session, "ada", role=Role.ADMIN),
            "alice": make_racer(session, "alice"),
            "bob": make_racer(session, "bob"),
        }


@pytest.fixture
def ada(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["ada"])


@pytest.fixture
def model(engine: Engine, settings: Settings, people: dict[str, Racer]) -> Model:
    """A trained and evaluated model of alice's."""
    with write_session(engine) as session:
        made = ready_model(session, settings, people["alice"], "Swift")
        finish_evaluation(session, settings, make_evaluation(session, made, people["alice"]))
        return made


def raced(engine: Engine, settings: Settings, people: dict[str, Racer], model: Model, name: str = "Sunday cup") -> Race:
    """A race in which the model has driven."""
    with write_session(engine) as session:
        race = make_race(session, people["ada"], now=NOON, name=name)
        submission = submissions.enter(session, race, model, by=people["alice"], now=NOON)
        finish_evaluation(session, settings, session.get_one(Evaluation, submission.evaluation_id))
        race.minimum_laps = 2
        return race


def stored(engine: Engine, model: Model) -> Model:
    with read_session(engine) as session:
        return session.get_one(Model, model.id)


def audited(engine: Engine) -> list[str]:
    """What was done to models; that they were trained is in the audit too."""
    with read_session(engine) as session:
        events = session.exec(select(AuditEvent).order_by(AuditEvent.id))  # type: ignore[arg-type]
        return [event.action for event in events if event.action.startswith("model.")]


# The list


def test_the_list_shows_owner_state_size_hours_and_track(ada: FlaskClient, engine: Engine, model: Model) -> None:
    with write_session(engine) as session:
        row = session.get_one(Model, model.id)
        row.stored_bytes, row.used_ms = 3 * 1024**2 + 300_000, 5_400_000
    text = parsed(ada.get("/admin/models").text)
    found = re.search(rf'<tr id="model-{model.public_id}">.*?</tr>', text, re.DOTALL)
    assert found
    for part in ("Swift", "alice", "Ready", "Paddock Oval", "3.3 MB", "1 h 30 min"):
        assert part in found.group(0), part
    assert 'aria-sort="descending"' in text


def test_an_empty_list_says_the_next_step(ada: FlaskClient) -> None:
    assert "There are no models yet" in parsed(ada.get("/admin/models").text)
    assert "No model fits" in parsed(ada.get("/admin/models?q=zzz").text)


def test_htmx_gets_the_table_alone(ada: FlaskClient, model: Model) -> None:
    fragment = ada.get("/admin/models", headers={"HX-Request": "true"}).text
    assert "<html" not in fragment
    assert model.public_id in fragment


def test_links_keep_what_was_asked_for(ada: FlaskClient, people: dict[str, Racer], model: Model) -> None:
    text = parsed(ada.get(f"/admin/models?q=swift&state=ready&owner={people['alice'].public_id}&sort=size").text)
    assert "Only the models of alice." in text
    assert re.search(r'href="/admin/models\?q=swift&amp;state=ready&amp;owner=\w+&amp;sort=-size', text)


def test_strange_questions_are_answered(ada: FlaskClient, model: Model) -> None:
    for query in ("page=-3", "page=x", "state=zzz", "use=zzz", "sort=zzz", "owner=zzz", "undo=zzz,,", "q=" + "x" * 500):
        assert ada.get(f"/admin/models?{query}").status_code == 200, query


def test_the_csv_has_every_model_that_the_filter_finds(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    with write_session(engine) as session:
        make_model(session, people["bob"], "=cmd()")
    answer = ada.get("/admin/models.csv?sort=name")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["model"], row["owner"], row["state"]) for row in rows] == [
        ("'=cmd()", "bob", "new"),
        ("Swift", "alice", "ready"),
    ]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="models.csv"'
    assert len(list(csv.reader(io.StringIO(ada.get("/admin/models.csv?q=swift").text)))) == 2


# Looking at one


@pytest.mark.parametrize("tab", TABS)
def test_an_administrator_sees_every_tab_of_anybodys_model_and_can_change_nothing(
    ada: FlaskClient, engine: Engine, settings: Settings, people: dict[str, Racer], model: Model, tab: str
) -> None:
    raced(engine, settings, people, model)
    text = parsed(ada.get(f"/admin/models/{model.public_id}{tab}").text)
    assert "alice" in text
    main = text.split("<main")[1].split("</main>")[0]
    assert "<form" not in main.replace('<form class="toolbar" method="get">', "")
    assert f"/garage/models/{model.public_id}" not in main
    assert f"/admin/models/{model.public_id}/download" in main


def test_the_reward_function_is_shown_by_version(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    from portal.rules import reward_functions

    with write_session(engine) as session:
        code = "def reward_function(params):\n    return 9.0\n"
        reward_functions.save(session, model, code=code, by=people["alice"], now=NOON)
    address = f"/admin/models/{model.public_id}/reward-function"
    assert "return 9.0" in parsed(ada.get(address).text)
    assert "return 9.0" not in ada.get(f"{address}?version=1").text
    assert ada.get(f"{address}?version=7").status_code == 404
    assert "return 9.0" in parsed(ada.get(f"{address}/changes").text)


def test_a_training_in_progress_is_followed_live(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], redis: Redis
) -> None:
    with write_session(engine) as session:
        model = make_model(session, people["alice"])
        run = make_training(session, model, people["alice"])
        run.state, run.started_at = JobState.RUNNING, NOON
        measure(session, run)
    live.publish(redis, f"training:{run.public_id}", "iteration", {"drive": [[1.0, 2.0, 3.0, 4.0]]})
    address = f"/admin/models/{model.public_id}"
    text = parsed(ada.get(address).text)
    assert 'data-stream="/events?t=' in text
    assert f'hx-get="{address}?run={run.public_id}"' in text
    points = re.search(r'data-points="([^"]+)"', text)
    assert points
    told = ada.get(points.group(1)).get_json()
    assert (len(told["points"]), told["drive"], told["over"]) == (3, [[1.0, 2.0, 3.0, 4.0]], False)
    fragment = ada.get(f"{address}?run={run.public_id}", headers={"HX-Request": "true"}).text
    assert 'id="training-live"' in fragment
    assert f'href="{address}/trainings/{run.public_id}/stop"' in fragment
    assert "/garage/trainings/" not in fragment


def test_anybodys_training_is_stopped_after_asking_and_it_is_audited(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    with write_session(engine) as session:
        run = make_training(session, model, people["alice"])
    address = f"/admin/models/{model.public_id}/trainings/{run.public_id}/stop"
    page = parsed(ada.get(address).text)
    assert "Stop the training of Swift of alice?" in page
    assert f'action="{address}"' in page
    assert "<html" not in ada.get(address, headers={"HX-Request": "true"}).text
    answer = ada.post(address)
    assert answer.location == f"/admin/models/{model.public_id}?run={run.public_id}"
    page = ada.get(answer.location).text
    assert "The training stops" in page
    assert address not in page
    assert "This training is over" in ada.post(address, follow_redirects=True).text
    with read_session(engine) as session:
        assert session.get_one(TrainingRun, run.id).state == JobState.STOPPED
        (event,) = session.exec(select(AuditEvent).where(AuditEvent.action == "training.stop")).all()
    assert event.by_racer_id == people["ada"].id


def test_anybodys_evaluation_is_stopped_but_not_one_of_a_race(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    with write_session(engine) as session:
        own = make_evaluation(session, model, people["alice"])
        race = make_race(session, people["ada"], now=NOON)
        submission = submissions.enter(session, race, model, by=people["alice"], now=NOON)
        raced = session.get_one(Evaluation, submission.evaluation_id)
    tab = f"/admin/models/{model.public_id}/evaluations"
    page = ada.get(tab).text
    assert f'href="{tab}/{own.public_id}/stop"' in page
    assert f"{tab}/{raced.public_id}/stop" not in page
    assert "Stop the evaluation of Swift of alice?" in parsed(ada.get(f"{tab}/{own.public_id}/stop").text)
    assert ada.post(f"{tab}/{own.public_id}/stop").location == tab
    assert ada.post(f"{tab}/{raced.public_id}/stop").status_code in (404, 409)
    with read_session(engine) as session:
        assert session.get_one(Evaluation, own.id).state == JobState.STOPPED
        assert session.get_one(Evaluation, raced.id).state == JobState.QUEUED
        (event,) = session.exec(select(AuditEvent).where(AuditEvent.action == "evaluation.stop")).all()
    assert event.by_racer_id == people["ada"].id


def test_a_training_of_another_model_is_not_found_under_this_one(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    with write_session(engine) as session:
        other = make_training(session, make_model(session, people["bob"]), people["bob"])
    assert ada.get(f"/admin/models/{model.public_id}/trainings/{other.public_id}/points").status_code == 404
    assert ada.get(f"/admin/models/{model.public_id}?run={other.public_id}").status_code == 404
    assert ada.post(f"/admin/models/{model.public_id}/trainings/{other.public_id}/stop").status_code == 404
    assert ada.get(f"/admin/models/{model.public_id}/trainings/{other.public_id}/stop").status_code == 404
    assert ada.get("/admin/models/0000000000000000").status_code == 404


def test_a_download_is_the_racers_archive_and_is_audited(
    app: Flask, ada: FlaskClient, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    answer = ada.get(f"/admin/models/{model.public_id}/download")
    own = sign_in(app, people["alice"]).get(f"/garage/models/{model.public_id}/download")
    assert answer.headers["Content-Disposition"] == own.headers["Content-Disposition"]
    with read_session(engine) as session:
        event = session.exec(select(AuditEvent).where(AuditEvent.action == "model.download")).one()
        assert (event.by_racer_id, event.subject) == (people["ada"].id, f"model:{model.public_id}")
        assert event.after == {"name": "Swift", "owner": "alice"}
        assert session.get_one(Model, model.id).last_used_at != event.at, "the racer's use, not the administrator's"


def test_a_model_without_weights_has_no_download(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    with write_session(engine) as session:
        model = make_model(session, people["alice"])
    assert ada.get(f"/admin/models/{model.public_id}/download").status_code == 409
    assert audited(engine) == []


# Deleting


def test_the_question_says_what_goes_with_its_sizes_and_which_rows_stay_as_what(
    ada: FlaskClient, engine: Engine, settings: Settings, people: dict[str, Racer], model: Model
) -> None:
    raced(engine, settings, people, model)
    text = parsed(ada.get(f"/admin/models/delete?model={model.public_id}").text)
    assert "Delete Swift?" in text
    assert "<dt>Weights</dt><dd>6.8 KB</dd>" in text
    assert re.search(r"<dt>Logs of trainings</dt><dd>\d+ bytes</dd>", text)
    assert re.search(r"<dt>Replays of evaluations</dt><dd>\d+ bytes</dd>", text)
    assert "For 7 days it can be brought back" in text
    assert "Sunday cup" in text
    assert "place 1 of alice, driven by Swift" in text
    assert "marked as deleted" in text


def test_a_run_that_does_not_decide_and_one_that_drives_are_told_apart(
    ada: FlaskClient, engine: Engine, settings: Settings, people: dict[str, Racer], model: Model
) -> None:
    race = raced(engine, settings, people, model)
    with write_session(engine) as session:
        slower = submissions.enter(session, session.get_one(Race, race.id), model, by=people["alice"], now=NOON)
        finish_evaluation(session, settings, session.get_one(Evaluation, slower.evaluation_id))
        submissions.enter(session, session.get_one(Race, race.id), model, by=people["alice"], now=NOON)
    text = ada.get(f"/admin/models/delete?model={model.public_id}").text
    assert text.count("place 1 of alice") == 1
    assert text.count("that does not decide the place") == 1
    assert text.count("still drives") == 1


def test_deleting_one_is_undone_by_one_press(ada: FlaskClient, engine: Engine, model: Model) -> None:
    answer = ada.post(
        "/admin/models/delete", data={"model": model.public_id, "reason": "course is over", "back": "q=sw&sort=name"}
    )
    assert answer.location == f"/admin/models?q=sw&sort=name&undo={model.public_id}"
    assert stored(engine, model).deleted_at is not None
    page = parsed(ada.get(answer.location).text)
    assert "Swift is deleted." in page
    assert 'action="/admin/models/restore"' in page
    ada.post("/admin/models/restore", data={"model": model.public_id})
    assert stored(engine, model).deleted_at is None
    assert audited(engine) == ["model.delete", "model.restore"]


def test_several_at_once_report_what_was_done_and_what_not_and_why(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    with write_session(engine) as session:
        busy = make_model(session, people["bob"], "Busy")
        make_training(session, busy, people["bob"])
        gone = make_model(session, people["bob"], "Gone")
        model_deletion.delete(session, gone, by=people["bob"], now=NOON)
    chosen = {"model": [model.public_id, busy.public_id, gone.public_id]}
    assert "Delete 3 models?" in parsed(ada.get("/admin/models/delete", query_string=chosen).text)
    page = parsed(ada.post("/admin/models/delete", data=chosen, follow_redirects=True).text)
    assert "Swift is deleted." in page
    assert "It was so already for Gone." in page
    assert "Busy: This model is at work." in page
    assert stored(engine, busy).deleted_at is None


def test_deleting_for_good_asks_and_then_nothing_is_offered_to_undo(
    ada: FlaskClient, engine: Engine, model: Model
) -> None:
    chosen = {"model": model.public_id}
    ada.post("/admin/models/delete", data=chosen)
    assert "Nothing brings it back" in parsed(ada.get("/admin/models/delete_for_good", query_string=chosen).text)
    page = parsed(ada.post("/admin/models/delete_for_good", data=chosen, follow_redirects=True).text)
    assert "deleted for good" in page
    assert stored(engine, model).purged_at is not None
    answer = ada.post("/admin/models/restore", data=chosen, follow_redirects=True)
    assert "cannot be brought back" in parsed(answer.text)
    assert "Deleted for good" in parsed(ada.get(f"/admin/models/{model.public_id}").text)


def test_nobody_selected_and_somebody_gone_are_said(ada: FlaskClient) -> None:
    for verb in ("delete", "restore", "delete_for_good"):
        assert ada.get(f"/admin/models/{verb}").status_code == 422
        assert ada.post(f"/admin/models/{verb}").status_code == 422
        assert ada.post(f"/admin/models/{verb}", data={"model": "nothing"}).status_code == 404


def test_a_deleted_models_name_is_marked_where_its_runs_are_shown(
    app: Flask, ada: FlaskClient, engine: Engine, settings: Settings, people: dict[str, Racer], model: Model
) -> None:
    race = raced(engine, settings, people, model)
    ada.post("/admin/models/delete", data={"model": model.public_id})
    board = parsed(app.test_client().get(f"/races/{race.public_id}").text)
    assert "alice" in board
    alice = sign_in(app, people["alice"])
    assert "(deleted)" in parsed(alice.get(f"/races/{race.public_id}/submissions").text)
    with read_session(engine) as session:
        evaluation = session.exec(select(Evaluation).where(Evaluation.race_id == race.id)).one()
    replay = parsed(app.test_client().get(f"/evaluations/{evaluation.public_id}").text)
    assert "model deleted" in replay
    assert 'data-drive="' in replay


# While multi-user mode is off, and who may


def test_it_all_works_while_multi_user_mode_is_off_and_for_ended_racers(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    with write_session(engine) as session:
        limits.change(session, by=None, now=NOON, multi_user_enabled=False)
        session.get_one(Racer, people["alice"].id).sponsorship = Sponsorship.ENDED
    assert "Swift" in ada.get("/admin/models").text
    assert ada.get(f"/admin/models/{model.public_id}").status_code == 200
    assert ada.get(f"/admin/models/{model.public_id}/download").status_code == 200
    assert ada.post("/admin/models/delete", data={"model": model.public_id}).status_code == 303
    assert stored(engine, model).deleted_at is not None


def test_a_racer_who_tries_any_of_it_is_refused_and_changes_nothing(
    app: Flask, engine: Engine, people: dict[str, Racer], model: Model
) -> None:
    before = audited(engine)
    for browser in (sign_in(app, people["bob"]), sign_in(app, people["alice"])):
        for tab in (*TABS, "/download"):
            assert browser.get(f"/admin/models/{model.public_id}{tab}").status_code == 403
        assert browser.get("/admin/models").status_code == 403
        assert browser.get("/admin/models.csv").status_code == 403
        for verb in ("delete", "restore", "delete_for_good"):
            assert browser.post(f"/admin/models/{verb}", data={"model": model.public_id}).status_code == 403
    bob = sign_in(app, people["bob"])
    for path in ("", "/download", "/delete", "/configuration"):
        assert bob.get(f"/garage/models/{model.public_id}{path}").status_code == 404
    assert bob.post(f"/garage/models/{model.public_id}/delete").status_code == 404
    assert stored(engine, model).deleted_at is None
    assert audited(engine) == before


def test_the_racers_own_pages_are_as_they_were(app: Flask, people: dict[str, Racer], model: Model) -> None:
    alice = sign_in(app, people["alice"])
    for tab in TABS:
        text = parsed(alice.get(f"/garage/models/{model.public_id}{tab}").text)
        assert "/admin/" not in text, tab
        assert f"/garage/models/{model.public_id}/evaluate" in text


def test_the_list_answers_with_the_same_number_of_queries_however_many_models(
    ada: FlaskClient, app: Flask, people: dict[str, Racer], engine: Engine
) -> None:
    from sqlalchemy import event

    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    counts = []
    for size in (1, 60):
        with write_session(engine) as session:
            for number in range(size):
                session.add(make_row(people["alice"], f"{size}-{number}"))
        ada.get("/admin/models")
        event.listen(app.extensions["paddock_engine"], "before_cursor_execute", note)
        said.clear()
        ada.get("/admin/models?sort=state")
        event.remove(app.extensions["paddock_engine"], "before_cursor_execute", note)
        counts.append(len(said))
    assert counts[0] == counts[1]


def make_row(racer: Racer, name: str) -> Model:
    return Model(
        racer_id=racer.id or 0,
        name=name,
        car_name="car",
        car_metadata={},
        track="kidney",
        direction="clockwise",
        hyperparameters={},
        training_limit_ms=60_000,
        created_at=NOON,
    )


def test_lineage_is_shown_both_ways(ada: FlaskClient, engine: Engine, people: dict[str, Racer], model: Model) -> None:
    with write_session(engine) as session:
        child = make_model(session, people["alice"], "Child")
        child.cloned_from_id = model.id
    assert "Child" in ada.get(f"/admin/models/{model.public_id}/configuration").text
    text = ada.get(f"/admin/models/{child.public_id}/configuration").text
    assert f'<a href="/admin/models/{model.public_id}">Swift</a>' in text
    with read_session(engine) as session:
        assert models.parent_of(session, session.get_one(Model, child.id)) is not None
        assert session.exec(select(TrainingRun)).one().model_id == model.id
        assert model_list.get(session, model.public_id).id == model.id
