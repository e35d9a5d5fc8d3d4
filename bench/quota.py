"""Contention: many processes against one quota and one limit of the instance, by the rules and through served pages."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import requests
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from bench import crowd, databases
from bench.crowd import GRANTED, REFUSED, Answers, Ask
from bench.garages import MINUTE_MS, make_model, make_racer
from bench.rows import Row
from bench.serving import free_port, served
from paddock import valkey
from portal import clock
from portal.app import create_app
from portal.database import make_engine, read_session, write_session
from portal.forms.car import values_of
from portal.rules import browser_sessions, cars, ledger, limits, queueing, trainings
from portal.rules.broken import RuleBroken
from portal.settings import Settings
from portal.tables import Car, JobKind, JobState, Model, Racer, TrainingRun
from sim import car as sim_car


@dataclass(frozen=True)
class Scene:
    """An engine of the process that asks, and the people and models that were made for it."""

    address: str
    processes: int
    questions: int

    @property
    def limit(self) -> int:
        """Rather more than a third of what is asked for."""
        return self.processes * self.questions * 3 // 8

    @contextmanager
    def writing(self) -> Iterator[Session]:
        engine = make_engine(self.address)
        try:
            with write_session(engine) as session:
                yield session
        finally:
            engine.dispose()


@click.command()
@click.option("--processes", default=8, show_default=True, type=click.IntRange(1, 64), help="Who ask at once.")
@click.option("--requests", "questions", default=100, show_default=True, type=click.IntRange(1, 1000), help="By each.")
@databases.option
def measure(processes: int, questions: int, databases: tuple[str, ...]) -> list[Row]:
    """Let processes ask for more than there is: of one racer's hours, of everybody's cars, of trainings at once."""
    rows: list[Row] = []
    for kind in databases:
        for name, case in CASES.items():
            with migrated(kind) as address:
                scene = Scene(address, processes, questions)
                answers, stored = case(scene)
                rows += answers.rows(f"{kind}, {name}", scene.limit, abs(stored - answers.granted))
    return rows


migrated = databases.migrated


def hours_of_one_racer(scene: Scene) -> tuple[Answers, int]:
    """One racer with hours for so many trainings of a minute, and a model for each question."""
    count = scene.processes * scene.questions
    with scene.writing() as session:
        racer = make_racer(session, "alice", quota_ms=scene.limit * MINUTE_MS, most=count)
        numbers = [make_model(session, racer, f"m{number}").id for number in range(count)]

    def begin(process: int) -> Ask:
        engine = _connected(scene)

        def ask(question: int) -> str:
            model_id = numbers[process * scene.questions + question]
            with write_session(engine) as session:
                model, owner = session.get_one(Model, model_id), session.get_one(Racer, racer.id)
                trainings.request(session, model, by=owner, now=clock.now(), seed=1)
            return GRANTED

        return _refusable(ask)

    answers = crowd.ask(begin, scene.processes, scene.questions)
    with scene.writing() as session:
        account = ledger.account_of(session, racer)
        reserved = ledger.recompute(session, account).reserved_ms
        if reserved != account.reserved_ms or _count(session, TrainingRun) * MINUTE_MS != reserved:
            return answers, -1
        return answers, reserved // MINUTE_MS


def cars_of_all(scene: Scene) -> tuple[Answers, int]:
    """A racer for each process, and one limit on the cars of all of them."""
    people = _people(scene)

    def begin(process: int) -> Ask:
        engine, owner = _connected(scene), people[process]

        def ask(question: int) -> str:
            with write_session(engine) as session:
                name, car = f"car {question}", sim_car.Car.default()
                cars.create(session, owner, name=name, colour="red", car=car, now=clock.now())
            return GRANTED

        return _refusable(ask)

    answers = crowd.ask(begin, scene.processes, scene.questions)
    with scene.writing() as session:
        return answers, _count(session, Car)


def trainings_at_once(scene: Scene) -> tuple[Answers, int]:
    """Queued trainings of a racer for each process, which so many workers claim; over the limit they wait."""
    people = _people(scene)
    with scene.writing() as session:
        limits.change(session, by=None, now=clock.now(), trainings_at_once=scene.limit)
        jobs = [
            [
                trainings.request(
                    session, make_model(session, owner, f"m{number}"), by=owner, now=clock.now(), seed=1
                ).id
                for number in range(scene.questions)
            ]
            for owner in people
        ]

    def begin(process: int) -> Ask:
        engine = _connected(scene)

        def ask(question: int) -> str:
            job_id = jobs[process][question] or 0
            with write_session(engine) as session:
                token = queueing.claim(session, JobKind.TRAINING, job_id, worker=f"w{process}", now=clock.now())
            return GRANTED if token else REFUSED

        return ask

    answers = crowd.ask(begin, scene.processes, scene.questions)
    with scene.writing() as session:
        return answers, _count(session, TrainingRun, col(TrainingRun.state) == JobState.RUNNING)


def cars_through_pages(scene: Scene) -> tuple[Answers, int]:
    """The cars again, by the form of a served portal: sessions, CSRF and templates included."""
    people = _people(scene)
    with tempfile.TemporaryDirectory(prefix="pb") as folder, valkey.running(Path(folder)) as queue:
        environment = {
            "PADDOCK_DATA": folder,
            "PADDOCK_REDIS_URL": queue,
            "PADDOCK_PORT": str(free_port()),
            "PADDOCK_DATABASE_URL": scene.address,
        }
        settings = Settings.read(environment)
        cookies = [_cookie(settings, scene, racer) for racer in people]
        with served(environment):
            answers = crowd.ask(lambda process: _visitor(settings, cookies[process]), scene.processes, scene.questions)
    with scene.writing() as session:
        return answers, _count(session, Car)


def _visitor(settings: Settings, cookie: dict[str, str]) -> Ask:
    """Somebody signed in who opened the form once and sends it again and again."""
    http = requests.Session()
    http.trust_env = False
    for name, value in cookie.items():
        http.cookies.set(name, value, domain=settings.host, path="/")
    address = f"{settings.address}/garage/cars/new"
    token = re.search(r'name="csrf_token"\s+value="([^"]+)"', http.get(address, timeout=60).text)
    assert token  # noqa: S101  every form has one
    values = values_of(sim_car.Car.default(), name="car")

    def ask(question: int) -> str:
        fields = [*values.items(multi=True), ("csrf_token", token.group(1))]
        fields = [(name, f"car {question}" if name == "name" else value) for name, value in fields]
        answer = http.post(address, data=fields, allow_redirects=False, timeout=60)
        if answer.status_code == 409 and "All racers together may have" in answer.text:
            return REFUSED
        return GRANTED if answer.status_code == 303 else f"status {answer.status_code}"

    return ask


def _cookie(settings: Settings, scene: Scene, racer: Racer) -> dict[str, str]:
    """The cookie of a browser in which the racer is signed in."""
    with scene.writing() as session:
        secret = browser_sessions.begin(session, racer, now=clock.now(), life_s=3600)
    app = create_app(settings)
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None  # noqa: S101  there is a secret key
    return {app.config["SESSION_COOKIE_NAME"]: signer.dumps({"_user_id": secret, "_fresh": True})}


CASES = {
    "hours of one racer": hours_of_one_racer,
    "cars of all racers": cars_of_all,
    "trainings at once": trainings_at_once,
    "cars through pages": cars_through_pages,
}


def _connected(scene: Scene) -> Engine:
    """An engine of this process's own that has its connection already."""
    engine = make_engine(scene.address)
    with read_session(engine) as session:
        limits.current(session)
    return engine


def _refusable(ask: Ask) -> Ask:
    def asked(question: int) -> str:
        try:
            return ask(question)
        except RuleBroken:
            return REFUSED

    return asked


def _people(scene: Scene) -> list[Racer]:
    """A racer for each process, and room for so many cars."""
    with scene.writing() as session:
        limits.change(session, by=None, now=clock.now(), cars=scene.limit)
        quota_ms, most = scene.questions * MINUTE_MS, scene.questions
        return [
            make_racer(session, f"racer-{number}", quota_ms=quota_ms, most=most) for number in range(scene.processes)
        ]


def _count(session: Session, table: type[Car] | type[TrainingRun], *which: object) -> int:
    return session.exec(select(func.count()).select_from(table).where(*which)).one()  # type: ignore[arg-type]
