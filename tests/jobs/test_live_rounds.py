"""LIVE races on a real database and queue server: steps are taken once, told to open pages, and survive a crash."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlmodel import select

from jobs import live_rounds
from jobs.workplace import Workplace
from portal.database import read_session, write_session
from portal.rules import live_races
from portal.tables import Evaluation, JobState, LiveRun, LiveState, Model, Race, Racer
from tests.cast import NOON
from tests.jobs.paddock_yard import make_sponsored
from tests.portal.races_cast import make_model, make_race

SECOND = timedelta(seconds=1)


@pytest.fixture
def race(workplace: Workplace) -> Race:
    """A LIVE race that launches by itself, with alice's car in the queue."""
    with write_session(workplace.engine) as session:
        olivia, alice = make_sponsored(session, "olivia"), make_sponsored(session, "alice")
        race = make_race(session, olivia, now=NOON, opens_at=NOON - 60 * SECOND)
        live_races.make(session, race, by=olivia, now=NOON, limit_s=60)
        live_races.enter(session, race, make_model(session, alice), by=alice, now=NOON)
        live_races.set_autolaunch(session, race, by=olivia, now=NOON, is_on=True)
        return race


def told(redis: Redis, race: Race) -> list[str]:
    """The events of the race's channel, oldest first."""
    rows: Any = redis.xrange(f"live:race:{race.public_id}")
    return [json.loads(fields[b"body"])["event"] for _, fields in rows]


def drive(workplace: Workplace, **changes: Any) -> None:
    with write_session(workplace.engine) as session:
        evaluation = session.exec(select(Evaluation)).one()
        for name, value in changes.items():
            setattr(evaluation, name, value)
        session.add(evaluation)


def run(workplace: Workplace) -> LiveRun:
    with read_session(workplace.engine) as session:
        return session.exec(select(LiveRun)).one()


def test_a_race_goes_on_by_itself_and_every_step_is_told_once(workplace: Workplace, redis: Redis, race: Race) -> None:
    assert live_rounds.go(workplace, NOON) == 1
    assert len(Queue("evaluation", connection=redis, serializer=JSONSerializer).get_job_ids()) == 1
    assert live_rounds.go(workplace, NOON + SECOND) == 0
    drive(workplace, state=JobState.COMPLETED, total_ms=60_000, best_lap_ms=9_000, ended_at=NOON + 2 * SECOND)
    assert live_rounds.go(workplace, NOON + 3 * SECOND) == 1
    assert (run(workplace).state, run(workplace).anchor_at) == (LiveState.DRIVING, NOON + live_races.COUNTDOWN)
    assert live_rounds.go(workplace, NOON + 69 * SECOND) == 0
    assert live_rounds.go(workplace, NOON + 70 * SECOND) == 1
    assert run(workplace).state == LiveState.FINISHED
    assert told(redis, race) == ["live", "live", "live", "standings"]
    assert live_rounds.go(workplace, NOON + 90 * SECOND) == 0, "nobody waits"


def test_what_came_due_while_nobody_looked_is_done_by_who_comes_next(
    workplace: Workplace, redis: Redis, race: Race
) -> None:
    live_rounds.go(workplace, NOON)
    drive(workplace, state=JobState.COMPLETED, total_ms=60_000, best_lap_ms=9_000, ended_at=NOON + 2 * SECOND)
    much_later: datetime = NOON + 3600 * SECOND
    assert live_rounds.go(workplace, much_later) == 1
    assert run(workplace).anchor_at == much_later, "everybody sees all of it, from its beginning"
    assert live_rounds.go(workplace, much_later + 61 * SECOND) == 1
    assert run(workplace).state == LiveState.FINISHED


def test_a_lost_worker_is_said_and_the_car_can_be_launched_again(
    workplace: Workplace, redis: Redis, race: Race
) -> None:
    live_rounds.go(workplace, NOON)
    drive(workplace, state=JobState.FAILED, message="The worker was lost.", ended_at=NOON + 2 * SECOND)
    assert live_rounds.go(workplace, NOON + 3 * SECOND) == 1
    assert (run(workplace).state, run(workplace).message) == (LiveState.FAILED, "The worker was lost.")
    with write_session(workplace.engine) as session:
        olivia = session.exec(select(Racer).where(Racer.alias_key == "olivia")).one()
        again = live_races.launch(
            session, session.get_one(Race, race.id), run(workplace).public_id, by=olivia, now=NOON + 5 * SECOND
        )
    assert again is not None


def test_a_car_whose_model_is_gone_does_not_stop_the_rounds(workplace: Workplace, redis: Redis, race: Race) -> None:
    with write_session(workplace.engine) as session:
        model = session.exec(select(Model)).one()
        model.deleted_at = NOON
        session.add(model)
    assert live_rounds.go(workplace, NOON) == 1
    assert run(workplace).state == LiveState.FAILED
    assert told(redis, race) == ["live"]
