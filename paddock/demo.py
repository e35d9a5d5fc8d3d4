"""The demo: people, models and an open race, made by the rules that people's clicks call.

It can be run again: what is there already is left as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from redis import Redis
from sqlalchemy import Engine
from sqlmodel import Session, select

from paddock.demo_password import DEMO_PASSWORD
from portal import clock, doorbell, redis_connection
from portal.database import make_engine, read_session, write_session
from portal.rules import local_accounts, models, racers, races, submissions, trainings
from portal.settings import Settings
from portal.tables import Evaluation, JobKind, Model, Race, Racer, TrainingRun
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.reward_examples import DEFAULT_EXAMPLE
from sim.track_design import CircuitPlan, Corner, draw
from sim.track_library import TrackLibrary

WAIT_S = 600.0
LOOK_EVERY_S = 0.5
TRAINING_LIMIT_MS = 60_000
EPISODES = 160
"""Enough for clean laps of the oval, so that nobody waits a minute for the demo."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Person:
    """Somebody of the demo: account, alias and colours."""

    username: str
    name: str
    alias: str
    country: str
    body: str
    trim: str


PEOPLE = (
    Person("olivia", "Olivia Park", "olivia", "NZ", "purple", "yellow"),
    Person("alice", "Alice Moreau", "alice", "FR", "teal", "white"),
    Person("bob", "Bob Adeyemi", "bob", "NG", "orange", "black"),
    Person("carol", "Carol Lind", "carol", "SE", "blue", "yellow"),
    Person("dave", "Dave Okada", "dave", "JP", "red", "white"),
)
MODELS = (("alice", "First-light", "paddock-oval", 0), ("bob", "Steady-bob", "paddock-oval", 1))
RACE_NAME = "Paddock-Open"
TRACKS = (
    CircuitPlan(
        name="demo-triangle",
        title="Demo Triangle",
        description="Three corners of a car park, brought in as an organizer would bring in their own.",
        difficulty="easy",
        width_m=1.0,
        corners=(Corner(0.0, 0.0, 1.3), Corner(8.0, 0.0, 1.3), Corner(4.0, 6.5, 1.5)),
    ),
    CircuitPlan(
        name="demo-hall",
        title="Demo Hall",
        description="Around the pillars of an exhibition hall: a square with one corner pushed in.",
        difficulty="medium",
        width_m=0.9,
        corners=(
            Corner(0.0, 0.0, 1.2),
            Corner(8.0, 0.0, 1.2),
            Corner(8.0, 4.0, 1.2),
            Corner(4.2, 4.0, 1.2),
            Corner(4.2, 8.0, 1.2),
            Corner(0.0, 8.0, 1.2),
        ),
    ),
)


def prepare(settings: Settings, *, say: Say) -> None:
    """Makes the demo. Raises ValueError where its well-known passwords would be open to others."""
    if not (settings.is_loopback and settings.uses_local_provider):
        raise ValueError("the demo works on 127.0.0.1 with the local provider only")
    engine = make_engine(settings.database_address)
    redis = redis_connection.for_requests(settings.redis_address)
    try:
        for person in PEOPLE:
            with write_session(engine) as session:
                _join(session, person)
        say(f"{len(PEOPLE)} people are there")
        _bring_in_tracks(settings)
        say(f"{len(TRACKS)} more tracks are there")
        runs = [_train(engine, redis, *model) for model in MODELS]
        _wait(engine, TrainingRun, runs)
        say(f"{len(MODELS)} models are trained")
        entries = _race(engine, redis, settings)
        _wait(engine, Evaluation, entries)
        say(f"{RACE_NAME} is open")
    finally:
        redis.close()
        engine.dispose()


def _join(session: Session, person: Person) -> None:
    """An account at the local provider, a first sign-in and a profile."""
    now = clock.now()
    account = local_accounts.find(session, person.username)
    if account is None:
        email = f"{person.username}@demo.example"
        account = local_accounts.create(
            session, person.username, DEMO_PASSWORD, name=person.name, email=email, by=None, now=now
        )
    identity = racers.Identity(
        issuer=racers.LOCAL_ISSUER, subject=account.subject, name=account.name, email=account.email, groups=()
    )
    racer = racers.sign_in(session, identity, admin_groups=(), now=now)
    if not racer.has_profile:
        racers.save_profile(
            session,
            racer,
            alias=person.alias,
            country=person.country,
            avatar_body=person.body,
            avatar_trim=person.trim,
            now=now,
        )


def _bring_in_tracks(settings: Settings) -> None:
    """What `paddock tracks import` does, for those that are not there yet."""
    library = TrackLibrary(settings.tracks_path)
    for plan in TRACKS:
        if plan.name not in library.names():
            library.add(draw(plan))


def _train(engine: Engine, redis: Redis, alias: str, name: str, track: str, seed: int) -> int:
    """A model of one racer and its training; returns the training's id."""
    with write_session(engine) as session:
        racer = _racer(session, alias)
        model = session.exec(select(Model).where(Model.racer_id == racer.id, Model.name == name)).first()
        run = trainings.latest(session, model) if model else None
        if run is None:
            model = model or _make_model(session, racer, name, track)
            run = trainings.request(session, model, by=racer, now=clock.now(), seed=seed)
        session.flush()
        assert run.id is not None  # noqa: S101  flushed
        run_id, attempt = run.id, run.attempt
    doorbell.ring(redis, JobKind.TRAINING, run_id, attempt)
    return run_id


def _make_model(session: Session, racer: Racer, name: str, track: str) -> Model:
    return models.create(
        session,
        racer,
        name=name,
        car=Car.default(),
        car_name="Starter car",
        track=track,
        direction="counterclockwise",
        reward_code=DEFAULT_EXAMPLE.code,
        hyperparameters=replace(Hyperparameters(), term_cond_max_episodes=EPISODES),
        training_limit_ms=TRAINING_LIMIT_MS,
        now=clock.now(),
    )


def _race(engine: Engine, redis: Redis, settings: Settings) -> list[int]:
    """The open race and its entries; returns the evaluations' ids."""
    track = TrackLibrary(settings.tracks_path).get("paddock-oval")
    now = clock.now()
    evaluations: list[int] = []
    with write_session(engine) as session:
        if session.exec(select(Race).where(Race.name == RACE_NAME)).first() is not None:
            return []
        race = races.create(
            session,
            _racer(session, "olivia"),
            name=RACE_NAME,
            description="Three laps of the oval, the total time counts. Enter as often as you like.",
            track=track.name,
            direction="counterclockwise",
            opens_at=now,
            closes_at=now + timedelta(days=7),
            now=now,
        )
        for alias, name, _, _ in MODELS:
            racer = _racer(session, alias)
            model = session.exec(select(Model).where(Model.racer_id == racer.id, Model.name == name)).one()
            evaluations.append(submissions.enter(session, race, model, by=racer, now=now).evaluation_id)
    for evaluation in evaluations:
        doorbell.ring(redis, JobKind.EVALUATION, evaluation, 0)
    return evaluations


def _racer(session: Session, alias: str) -> Racer:
    return session.exec(select(Racer).where(Racer.alias_key == alias)).one()


def _wait(engine: Engine, table: type[TrainingRun] | type[Evaluation], ids: list[int]) -> None:
    """Waits until all of these jobs are over. Raises ValueError when one did not complete."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with read_session(engine) as session:
            jobs = [job for job in (session.get(table, number) for number in ids) if job is not None]
        if all(job.is_over for job in jobs):
            failed = [f"{job.public_id}: {job.state} {job.message}" for job in jobs if job.state != "completed"]
            if failed:
                raise ValueError("a job of the demo did not complete: " + "; ".join(failed))
            return
        time.sleep(LOOK_EVERY_S)
    raise ValueError("the demo's jobs are still not done; look at the workers' logs")
