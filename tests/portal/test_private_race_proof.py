"""A private race, probed on every address that a race has: whoever it is not for learns nothing, not even that it is.

The addresses come from the application itself, so one that is added later is probed as well. Each answer is compared
with the answer for a race that never was: the same status, headers and text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import Session, select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal import clock
from portal.database import read_session, write_session
from portal.rules import (
    live_races,
    overlay_keys,
    race_announcements,
    race_hooks,
    race_people,
    race_teams,
    seasons,
    submissions,
)
from portal.rules.seasons import SeasonDetails
from portal.settings import Settings
from portal.tables import Evaluation, LiveRun, Model, Race, RaceHook, Racer, Season, Submission, TeamScoring, Visibility
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.races_cast import make_model, make_race, make_result
from tests.portal.replay_cast import drive_of

NEVER_WAS = "fedcba9876543210"
NAME = "Zugspitze"
"""In no other text of the portal."""
OWN_HEADER = re.compile("Set-Cookie|Content-Length|X-RateLimit-|Retry-After")
"""What an answer says of the visitor or of itself, not of the race."""
WHO = ("anonymous", "stranger", "former")


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        return {alias: make_racer(session, alias) for alias in ("olivia", "alice", "bob", "carol")}


@pytest.fixture
def race(engine: Engine, settings: Settings, people: dict[str, Racer]) -> Race:
    """A private race with everything that a race can have: alice is in it, bob drove in it and was removed."""
    olivia, now = people["olivia"], clock.now()
    with write_session(engine) as session:
        race = make_race(session, olivia, name=f"{NAME} cup", description=f"{NAME} by night", teams=TeamScoring.BEST)
        race.visibility = Visibility.PRIVATE
        live_races.make(session, race, by=olivia, now=now, limit_s=60)
        race_people.renew(session, race, by=olivia, now=now, days=7)
        for name in ("alice", "bob"):
            race_people.join(session, people[name], race.invite_code or "", now=now)
        race_teams.make(session, race, f"{NAME} team", by=people["bob"], now=now)
        model = make_model(session, people["alice"])
        live_races.enter(session, race, model, by=people["alice"], now=now)
        race_announcements.announce(session, race, f"{NAME} tonight", by=olivia, now=now)
        race_hooks.add(session, race, "https://hook.example/race", by=olivia, now=now)
        overlay_keys.renew(session, race, by=olivia, now=now)
        seasons.create(session, olivia, SeasonDetails("Winter", "", (10, 5), [race.public_id]), now=now)
        for name in ("alice", "bob"):
            submission = make_result(session, race, people[name], 9_000, 9_100, 9_200)
            evaluation = session.get_one(Evaluation, submission.evaluation_id)
            evaluation.rules = submissions.episode_rules(race)
            evaluation.artefact = f"evaluation-{evaluation.public_id}/1-a"
            session.add(evaluation)
            folder = settings.runs_path / evaluation.artefact
            folder.mkdir(parents=True)
            (folder / "drive.bin").write_bytes(drive_of(9_000, 9_100, 9_200).to_bytes())
        race_people.remove(session, race, people["bob"], by=olivia, now=now)
        return race


def visitor(app: Flask, people: dict[str, Racer], who: str) -> FlaskClient:
    return {
        "anonymous": lambda: app.test_client(),
        "stranger": lambda: sign_in(app, people["carol"]),
        "former": lambda: sign_in(app, people["bob"]),
        "member": lambda: sign_in(app, people["alice"]),
        "organizer": lambda: sign_in(app, people["olivia"]),
    }[who]()


def parts_of(session: Session, race: Race, people: dict[str, Racer]) -> dict[str, str]:
    """What the addresses of the race name besides the race, as somebody would who has guessed all of it."""
    submission = session.exec(select(Submission).where(Submission.racer_id == people["alice"].id)).one()
    return {
        "submission_id": submission.public_id,
        "run_id": session.exec(select(LiveRun)).one().public_id,
        "hook_id": session.exec(select(RaceHook)).one().public_id,
        "racer_id": people["alice"].public_id,
        "alias": "alice",
    }


def addresses(app: Flask, known: dict[str, str], method: str) -> Iterator[str]:
    """Every address below a race that answers to the method, with `{race}` where the race is named."""
    for rule in app.url_map.iter_rules():
        if "race_id" in rule.arguments and method in (rule.methods or ()):
            yield from _filled(app, rule, known)


def _filled(app: Flask, rule: Rule, known: dict[str, str]) -> Iterator[str]:
    verbs = re.search(r"<any\(([^)]*)\):(\w+)>", rule.rule)
    choices = [word.strip() for word in verbs[1].split(",")] if verbs else [""]
    for choice in choices:
        values = {name: known.get(name, "1") for name in rule.arguments}
        if verbs:
            values[verbs[2]] = choice
        values["race_id"] = "RACE"
        with app.test_request_context("/"):
            yield app.url_for(rule.endpoint, **values).replace("RACE", "{race}")  # type: ignore[arg-type]


def told(answer: TestResponse, public_id: str) -> tuple[object, ...]:
    """All that an answer says, without what is another one each time."""
    text = answer.get_data(as_text=True).replace(public_id, "RACE")
    text = re.sub(r'(name="csrf_token" value|name="csrf-token" content|nonce)="[^"]*"', r"\1", text)
    spoken = {name: value.replace(public_id, "RACE") for name, value in answer.headers if not OWN_HEADER.match(name)}
    return answer.status_code, text, spoken


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("fragment", [False, True], ids=["page", "fragment"])
def test_every_address_answers_as_for_a_race_that_never_was(
    app: Flask, engine: Engine, race: Race, people: dict[str, Racer], who: str, fragment: bool
) -> None:
    with read_session(engine) as session:
        known = parts_of(session, race, people)
    probe = visitor(app, people, who)
    headers = {"HX-Request": "true"} if fragment else {}
    found = list(addresses(app, known, "GET"))
    assert len(found) >= 30, found
    for address in [*found, "/races/{race}/replay/" + known["submission_id"] + "?ghost=" + known["submission_id"]]:
        here, nowhere = address.format(race=race.public_id), address.format(race=NEVER_WAS)
        answer = probe.get(here, headers=headers)
        assert told(answer, race.public_id) == told(probe.get(nowhere, headers=headers), NEVER_WAS), here
        assert NAME not in answer.get_data(as_text=True), here
        assert answer.status_code in (404, 303, 204), (here, answer.status_code)


@pytest.mark.parametrize("who", WHO)
def test_nobody_changes_it_from_outside(
    app: Flask, engine: Engine, race: Race, people: dict[str, Racer], who: str
) -> None:
    with read_session(engine) as session:
        known = parts_of(session, race, people)
        before = session.exec(select(Race)).one().model_dump()
        model = session.exec(select(Model).where(Model.racer_id == people["bob"].id)).first()
    probe = visitor(app, people, who)
    typed = {"model": model.public_id if model else "x", "text": "x", "reason": "x", "name": "x", "code": "x"}
    found = list(addresses(app, known, "POST"))
    assert len(found) >= 25, found
    for address in found:
        here, nowhere = address.format(race=race.public_id), address.format(race=NEVER_WAS)
        answer = probe.post(here, data=typed)
        assert told(answer, race.public_id) == told(probe.post(nowhere, data=typed), NEVER_WAS), here
        assert NAME not in answer.get_data(as_text=True), here
    with read_session(engine) as session:
        assert session.exec(select(Race)).one().model_dump() == before


@pytest.mark.parametrize("who", WHO)
def test_no_other_page_tells_of_it(app: Flask, engine: Engine, race: Race, people: dict[str, Racer], who: str) -> None:
    with read_session(engine) as session:
        pairs = session.exec(select(Evaluation, Racer).join(Racer).where(Evaluation.race_id == race.id)).all()
        drives = {str(racer.alias): evaluation.public_id for evaluation, racer in pairs}
        models = session.exec(select(Model).where(Model.racer_id == people["bob"].id)).all()
        season = session.exec(select(Season)).one().public_id
    probe = visitor(app, people, who)
    evaluations = [f"/evaluations/{public_id}" for public_id in drives.values()]
    own = [f"/garage/models/{model.public_id}/submissions" for model in models]
    for address in (
        *("/", "/races", "/races?q=by+night", "/racers/olivia", "/racers/alice", "/racers/bob", "/garage", "/profile"),
        *("/seasons", f"/seasons/{season}", f"/tracks/{race.track}", "/requests", "/join"),
        *evaluations,
        *own,
    ):
        for headers in ({}, {"HX-Request": "true"}):
            answer = probe.get(address, headers=headers)
            assert answer.status_code < 500, address
            for word in (NAME, race.public_id):
                assert word not in answer.get_data(as_text=True), (address, word)
    for address in (f"/evaluations/{drives['alice']}", f"/evaluations/{drives['alice']}/drive"):
        assert probe.get(address).status_code == 404, address
    with read_session(engine) as session:
        assert session.exec(select(Race)).one().audience == 1, "whoever was let out hears of nothing more"


def test_its_own_people_see_all_of_it(app: Flask, engine: Engine, race: Race, people: dict[str, Racer]) -> None:
    """The other half of the proof: what strangers are refused is there."""
    with read_session(engine) as session:
        known = parts_of(session, race, people)
    alice = visitor(app, people, "member")
    base = f"/races/{race.public_id}"
    replay = f"{base}/replay/{known['submission_id']}"
    for address in (
        *(base, f"{base}/screen", f"{base}/overlay", f"{base}/live", f"{base}/live/state", f"{base}/standings.csv"),
        *(f"{base}/standings.json", f"{base}/submissions/{known['submission_id']}", replay, f"{replay}/drive"),
        f"{replay}/picture.png",
    ):
        assert alice.get(address).status_code == 200, address
    assert NAME in alice.get(base).text
