"""LIVE races as people meet them: the queue, the control page without scripts, and nothing that is known too early."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import Session, select

from portal import clock
from portal.commentary import Rivals, lines_of
from portal.database import read_session, write_session
from portal.rules import live_races, live_stage, standings
from portal.rules.ranking import LapTime
from portal.settings import Settings
from portal.streams.renderers import live_race
from portal.tables import Evaluation, JobState, Lap, LiveRun, LiveState, Model, Race, Racer, Submission, Visibility
from sim.episode import STATUSES, EpisodeStatus
from sim.trace import DriveTrace
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import parsed
from tests.portal.races_cast import make_model, make_race, make_result
from tests.portal.replay_cast import drive_of

SECOND = timedelta(seconds=1)
LAPS_MS = (9_000, 8_400, 12_000)


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        people = {name: make_racer(session, name) for name in ("olivia", "alice", "bob")}
        for name in ("alice", "bob"):
            make_model(session, people[name])
        return people


@pytest.fixture
def race(engine: Engine, people: dict[str, Racer]) -> Race:
    with write_session(engine) as session:
        race = make_race(session, people["olivia"], name="Friday-LIVE")
        live_races.make(session, race, by=people["olivia"], now=clock.now(), limit_s=60)
        return race


@pytest.fixture
def olivia(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["olivia"])


def model_of(session: Session, racer: Racer) -> Model:
    return session.exec(select(Model).where(Model.racer_id == racer.id)).one()


def queue_up(engine: Engine, race: Race, *racers: Racer) -> list[str]:
    """Puts each racer's car into the queue; returns the runs' ids."""
    with write_session(engine) as session:
        own = session.get_one(Race, race.id)
        return [
            live_races.enter(session, own, model_of(session, racer), by=racer, now=clock.now()).public_id
            for racer in racers
        ]


def on_stage(engine: Engine, settings: Settings, race: Race, run_id: str, *, driven_ms: int) -> None:
    """A run that was launched, driven by a worker, and has been shown for so long."""
    now = clock.now()
    with write_session(engine) as session:
        own = session.get_one(Race, race.id)
        organizer = session.get_one(Racer, own.owner_id)
        begun = now - live_races.COUNTDOWN - timedelta(milliseconds=driven_ms)
        live_races.launch(session, own, run_id, by=organizer, now=begun)
        run = live_stage.find_run(session, own, run_id)
        assert run is not None
        evaluation = session.get_one(Evaluation, run.evaluation_id)
        evaluation.state, evaluation.ended_at = JobState.COMPLETED, begun + SECOND
        evaluation.total_ms, evaluation.best_lap_ms = sum(LAPS_MS), min(LAPS_MS)
        evaluation.artefact = f"evaluation-{evaluation.public_id}/1-a"
        for number, time_ms in enumerate(LAPS_MS, start=1):
            lap = {"number": number, "time_ms": time_ms, "resets": 0, "complete": True}
            session.add(Lap(evaluation_id=evaluation.id or 0, **lap))  # type: ignore[arg-type]
        session.add(evaluation)
        session.flush()
        folder = settings.runs_path / evaluation.artefact
        folder.mkdir(parents=True)
        (folder / "drive.bin").write_bytes(drive_of(*LAPS_MS).to_bytes())
        live_races.advance(session, own, now=begun + SECOND)


def run_of(engine: Engine, run_id: str) -> LiveRun:
    with read_session(engine) as session:
        return session.exec(select(LiveRun).where(LiveRun.public_id == run_id)).one()


def test_an_organizer_makes_a_race_live_on_its_control_page(
    app: Flask, engine: Engine, people: dict[str, Racer]
) -> None:
    with write_session(engine) as session:
        race = make_race(session, people["olivia"])
    browser = sign_in(app, people["olivia"])
    address = f"/races/{race.public_id}/live/control"
    assert 'value="180"' in parsed(browser.get(address).text), "three minutes is what is usual"
    wrong = browser.post(f"/races/{race.public_id}/live/make", data={"limit_s": "5"})
    assert wrong.status_code == 422
    assert "Write 30 to 600 seconds." in parsed(wrong.text)
    assert browser.get(f"/races/{race.public_id}/live").status_code == 404
    assert browser.post(f"/races/{race.public_id}/live/make", data={"limit_s": "60"}).status_code == 303
    assert "The stage is empty" in parsed(browser.get(address).text)
    page = parsed(browser.get(f"/races/{race.public_id}").text)
    assert "Watch LIVE" in page
    assert "as many as fit into 1 min" in page


def test_a_race_that_somebody_entered_offers_no_live_control(
    olivia: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    with write_session(engine) as session:
        race = make_race(session, people["olivia"], name="Ordinary")
    address = f"/races/{race.public_id}"
    assert "LIVE control" in parsed(olivia.get(address).text)
    with write_session(engine) as session:
        make_result(session, session.get_one(Race, race.id), people["bob"], 9_000, 9_000, 9_000)
    assert "LIVE control" not in parsed(olivia.get(address).text), "it stays what it is"


def test_a_racer_comes_into_the_queue_and_goes(
    app: Flask, client: FlaskClient, engine: Engine, race: Race, people: dict[str, Racer]
) -> None:
    browser = sign_in(app, people["alice"])
    address = f"/races/{race.public_id}/live"
    with read_session(engine) as session:
        model = model_of(session, people["alice"]).public_id
    assert "Into the queue" in parsed(browser.get(address).text)
    assert browser.post(address + "/enter", data={"model": "nonsense"}).status_code == 404
    assert browser.post(address + "/enter", data={}).status_code == 422
    assert browser.post(address + "/enter", data={"model": model}).status_code == 303
    again = browser.post(address + "/enter", data={"model": model})
    assert again.status_code == 409
    assert "You have a car in the queue" in parsed(again.text)
    assert "<li>alice</li>" in parsed(client.get(address).text)
    assert client.get(address + "/state").get_json()["queue"] == ["alice"]
    own = browser.get(address).text
    assert "Take it out" in own
    run = live_races_queue(engine, race)[0]
    assert browser.post(address + "/withdraw", data={"run": run}).status_code == 303
    assert client.get(address + "/state").get_json()["queue"] == []
    assert "LIVE race" in browser.post(f"/races/{race.public_id}/enter", data={"model": model}).text


def live_races_queue(engine: Engine, race: Race) -> list[str]:
    with read_session(engine) as session:
        return [run.public_id for run, _ in live_stage.queue(session, race)]


def test_the_organizer_orders_launches_and_clears_by_plain_forms(
    olivia: FlaskClient, engine: Engine, redis: Redis, race: Race, people: dict[str, Racer]
) -> None:
    first, second = queue_up(engine, race, people["alice"], people["bob"])
    address = f"/races/{race.public_id}/live"
    assert olivia.post(f"{address}/move", data={"run": second, "to": "up"}).status_code == 303
    assert live_races_queue(engine, race) == [second, first]
    assert olivia.post(f"{address}/order", data={"order": [first, second]}).status_code == 303
    assert live_races_queue(engine, race) == [first, second]
    assert olivia.post(f"{address}/launch", data={"run": first}).status_code == 303
    assert run_of(engine, first).state == LiveState.LAUNCHED
    refused = olivia.post(f"{address}/launch", data={"run": second})
    assert refused.status_code == 409
    assert "A car is on the track" in parsed(refused.text)
    assert "countdown" in parsed(olivia.get(f"{address}/control").text)
    assert olivia.post(f"{address}/speed", data={"speed": "3"}).status_code == 422
    assert olivia.post(f"{address}/clear").status_code == 303
    assert run_of(engine, first).state == LiveState.CLEARED
    for verb, data in (("entries", {"on": "0"}), ("autolaunch", {"on": "1"})):
        assert olivia.post(f"{address}/{verb}", data=data).status_code == 303
    page = parsed(olivia.get(f"{address}/control").text)
    assert "Open the entries" in page
    assert "Stop launching by itself" in page
    fragment = olivia.post(f"{address}/autolaunch", data={"on": "0"}, headers={"HX-Request": "true"})
    assert fragment.text.lstrip().startswith('<div id="live-control"')


def test_nobody_knows_a_part_of_the_drive_before_its_time(
    app: Flask, client: FlaskClient, engine: Engine, settings: Settings, race: Race, people: dict[str, Racer]
) -> None:
    (run,) = queue_up(engine, race, people["alice"])
    pieces = f"/races/{race.public_id}/live/runs/{run}"
    assert client.get(f"{pieces}/0").status_code == 409
    on_stage(engine, settings, race, run, driven_ms=3_000)
    now = client.get(f"{pieces}/0")
    found = now.get_json()
    assert "private" in now.headers["Cache-Control"]
    rows = DriveTrace.from_bytes(base64.b64decode(found["drive"])).rows
    assert (len(rows), found["last"]) == (151, False)
    assert [line["kind"] for line in found["lines"]] == ["start", "sector", "sector", "sector", "lap"]
    assert client.get(f"{pieces}/1").status_code == 200
    assert client.get(f"{pieces}/2").status_code == 409
    for wrong in ("9", "x", "99999", "-1"):
        assert client.get(f"{pieces}/{wrong}").status_code in (404, 409)
    told = client.get(f"/races/{race.public_id}/live/state").get_json()["stage"]
    assert (told["state"], told["drive_ms"], told["best_lap_ms"]) == ("driving", None, None)
    with read_session(engine) as session:
        submission = session.exec(select(Submission)).one()
        evaluation = session.get_one(Evaluation, submission.evaluation_id)
    for hidden in (
        f"/races/{race.public_id}/replay/{submission.public_id}",
        f"/races/{race.public_id}/replay/{submission.public_id}/drive",
        f"/races/{race.public_id}/submissions/{submission.public_id}/record.json",
        f"/evaluations/{evaluation.public_id}/drive",
    ):
        assert client.get(hidden).status_code == 404, hidden
        assert sign_in(app, people["alice"]).get(hidden).status_code == 404, "its racer watches with everybody"
    result = f"/races/{race.public_id}/submissions/{submission.public_id}"
    with read_session(engine) as session:
        model = model_of(session, people["alice"]).public_id
    for own in (
        f"/races/{race.public_id}",
        f"/races/{race.public_id}/submissions",
        result,
        f"/garage/models/{model}/submissions",
    ):
        page = parsed(sign_in(app, people["alice"]).get(own).text)
        assert "when the broadcast has shown it" in page, own
        for told in ("8.400", "29.400", "Ranked", evaluation.fingerprint or "no fingerprint"):
            assert told not in page, (own, told)


def test_a_page_of_a_run_that_is_left_open_waits_until_the_broadcast_has_shown_it(
    app: Flask, client: FlaskClient, engine: Engine, settings: Settings, race: Race, people: dict[str, Racer]
) -> None:
    (run,) = queue_up(engine, race, people["alice"])
    on_stage(engine, settings, race, run, driven_ms=3_000)
    with write_session(engine) as session:
        submission = session.exec(select(Submission)).one()
        evaluation = session.get_one(Evaluation, submission.evaluation_id)
        evaluation.fingerprint = "f1a9" * 16
        session.add(evaluation)
    address = f"/races/{race.public_id}/submissions/{submission.public_id}"
    alice = sign_in(app, people["alice"])
    waiting = alice.get(address, headers={"HX-Request": "true"})
    assert waiting.status_code == 200
    assert "Its result comes when the broadcast has shown it." in waiting.text
    assert 'hx-trigger="every 3s"' in waiting.text, "it goes on asking"
    assert f'href="/races/{race.public_id}/live"' in waiting.text
    for told in ("8.400", "f1a9", "record.json", "Drive it again"):
        assert told not in waiting.text, told
    moved = alice.get(f"/evaluations/{evaluation.public_id}")
    assert (moved.status_code, moved.location) == (303, address)
    polled = alice.get(f"/evaluations/{evaluation.public_id}", headers={"HX-Request": "true"})
    assert (polled.status_code, polled.headers["HX-Redirect"]) == (204, address)
    alice.post(f"{address}/rerun")
    with read_session(engine) as session:
        again = session.exec(select(Submission)).one()
        assert again.rerun_id is None, "a re-run would tell the result before the broadcast"
    for other in (client, sign_in(app, people["bob"])):
        assert other.get(address).status_code == 404
        assert other.get(f"/evaluations/{evaluation.public_id}").status_code == 404
    with write_session(engine) as session:
        live_races.advance(session, session.get_one(Race, race.id), now=clock.now() + 60 * SECOND)
    shown = alice.get(address, headers={"HX-Request": "true"}).text
    assert "8.400" in shown
    assert "f1a9" in shown
    assert "every 3s" not in shown
    assert "8.400" in client.get(address).text


def test_lines_are_told_anew_when_the_results_changed(
    client: FlaskClient, engine: Engine, settings: Settings, race: Race, people: dict[str, Racer]
) -> None:
    (run,) = queue_up(engine, race, people["alice"])
    on_stage(engine, settings, race, run, driven_ms=3_000)
    piece = f"/races/{race.public_id}/live/runs/{run}/0"
    before = client.get(piece).get_json()
    assert client.get(piece).get_json() == before
    with write_session(engine) as session:
        result = make_result(session, session.get_one(Race, race.id), people["bob"], 7_000)
        standings.record_result(session, session.get_one(Evaluation, result.evaluation_id), clock.now())
    after = client.get(piece).get_json()
    assert after["drive"] == before["drive"]
    assert after["lines"] != before["lines"], "laps are measured by the faster one of another car from now on"


def test_what_was_shown_is_everybodys(
    client: FlaskClient, olivia: FlaskClient, engine: Engine, settings: Settings, race: Race, people: dict[str, Racer]
) -> None:
    (run,) = queue_up(engine, race, people["alice"])
    on_stage(engine, settings, race, run, driven_ms=sum(LAPS_MS) + 1_000)
    with write_session(engine) as session:
        live_races.advance(session, session.get_one(Race, race.id), now=clock.now())
    pieces = f"/races/{race.public_id}/live/runs/{run}"
    last = client.get(f"{pieces}/2").get_json()
    assert last["last"] is True
    assert "Best lap: 8.400." in last["lines"][-1]["text"]
    assert client.get(f"{pieces}/3").status_code in (404, 409)
    page = parsed(client.get(f"/races/{race.public_id}/live").text)
    assert "8.400" in page
    declared = olivia.post(f"/races/{race.public_id}/live/winner")
    assert declared.status_code == 303
    told = client.get(f"/races/{race.public_id}/live/state").get_json()
    assert told["winner"] == {"alias": "alice", "time_ms": 8_400}
    assert "alice wins with 8.400" in " ".join(parsed(client.get(f"/races/{race.public_id}/live").text).split())


def test_what_the_stream_says_is_the_state(app: Flask, race: Race) -> None:
    with app.test_request_context("/"):
        assert '"stage":null' in (live_race(race.public_id, {}) or "")
        assert live_race(race.public_id + ".7", {}) is None
        assert live_race("0000000000000000", {}) is None


def test_a_private_live_race_is_for_its_people_and_controlled_by_its_organizer(
    app: Flask, client: FlaskClient, engine: Engine, settings: Settings, race: Race, people: dict[str, Racer]
) -> None:
    (run,) = queue_up(engine, race, people["alice"])
    on_stage(engine, settings, race, run, driven_ms=3_000)
    bob = sign_in(app, people["bob"])
    base = f"/races/{race.public_id}/live"
    assert bob.get(f"{base}/control").status_code == 403
    assert bob.post(f"{base}/launch", data={"run": run}).status_code == 403
    with write_session(engine) as session:
        own = session.get_one(Race, race.id)
        own.visibility = Visibility.PRIVATE
        session.add(own)
    for path in ("", "/state", f"/runs/{run}/0"):
        assert client.get(base + path).status_code == 404, path
        assert bob.get(base + path).status_code == 404, path
    assert bob.get(f"{base}/control").status_code == 404
    for path in ("enter", "withdraw", "launch", "winner"):
        assert bob.post(f"{base}/{path}", data={"run": run, "model": run}).status_code == 404, path


def test_the_commentator_names_what_happens_and_measures_by_the_rivals(app: Flask) -> None:
    trace = drive_of(9_000, 8_000, 8_500)
    trace.rows[60:75, 7] = STATUSES.index(EpisodeStatus.OFF_TRACK)
    laps = [
        LapTime(9_000, sectors_ms=(3_000, 3_000, 3_000)),
        LapTime(8_000, sectors_ms=(2_500, 2_500, 3_000)),
        LapTime(8_500, sectors_ms=(2_600, 2_900, 3_000)),
    ]
    with app.test_request_context("/"):
        lines = lines_of(trace, laps, "alice", Rivals(8_200, (2_400, 2_600, 2_900)))
        alone = lines_of(trace, laps[:1], "alice", Rivals(None, (None, None, None)))
    assert [line.ms for line in lines] == sorted(line.ms for line in lines)
    said = [line.text for line in lines]
    assert said[0] == "alice is on the track."
    assert [line.text for line in lines if line.kind == "mishap"] == ["alice leaves the track."]
    assert [line.text for line in lines if line.kind == "lap"] == [
        "Lap 1: 9.000. Its best lap, +0.800 to the leader.",
        "Lap 2: 8.000. The fastest lap of the race!",
        "Lap 3: 8.500.",
    ]
    marks = [line.mark for line in lines if line.kind == "sector"]
    assert marks[:6] == [
        "personal best",
        "personal best",
        "personal best",
        "personal best",
        "best of the race",
        "slower",
    ]
    assert said[-1] == "The time is up. Best lap: 8.000."
    assert "Lap 1: 9.000. The fastest lap of the race!" in [line.text for line in alone]
