"""Maintenance: rings again, takes over, tells places, tidies."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlmodel import select

from jobs import artefacts, dispatch, maintenance, sweeping
from jobs.workplace import Workplace
from portal import clock, doorbell, live
from portal.database import read_session, write_session
from portal.rules import limits, queueing, trainings
from portal.tables import JobKind, JobState, OutboxEntry, TrainingRun
from tests.cast import NOON
from tests.jobs.paddock_yard import after, check_ledger, claim, finish, make_model, make_sponsored

LATER = after(10)


def request(workplace: Workplace, alias: str = "alice") -> TrainingRun:
    with write_session(workplace.engine) as session:
        racer = make_sponsored(session, alias)
        return trainings.request(session, make_model(session, racer), by=racer, now=NOON)


def on_queue(redis: Redis) -> list[str]:
    return Queue("training", connection=redis, serializer=JSONSerializer).get_job_ids()


def unsent(workplace: Workplace) -> int:
    with read_session(workplace.engine) as session:
        return len(session.exec(select(OutboxEntry).where(OutboxEntry.sent_at == None)).all())  # noqa: E711


def test_it_rings_for_what_the_portal_could_not_once(workplace: Workplace, redis: Redis) -> None:
    run = request(workplace)
    assert dispatch.send_outbox(workplace.engine, redis, NOON) == 0  # the portal's own head start
    assert dispatch.send_outbox(workplace.engine, redis, LATER) == 1
    assert dispatch.send_outbox(workplace.engine, redis, LATER) == 0
    assert on_queue(redis) == [f"training-{run.id}-0"]


def test_what_the_portal_rang_for_is_not_rung_twice(workplace: Workplace, redis: Redis) -> None:
    run = request(workplace)
    doorbell.ring(redis, JobKind.TRAINING, run.id or 0, 0)
    dispatch.send_outbox(workplace.engine, redis, LATER)
    dispatch.reconcile(workplace.engine, redis, LATER)
    assert on_queue(redis) == [f"training-{run.id}-0"]


def test_entries_of_jobs_that_are_not_queued_any_more_are_done_with(workplace: Workplace, redis: Redis) -> None:
    run = request(workplace)
    with write_session(workplace.engine) as session:
        queueing.request_stop(session, JobKind.TRAINING, run.id or 0, now=NOON)
    assert dispatch.send_outbox(workplace.engine, redis, LATER) == 0
    assert unsent(workplace) == 0
    assert on_queue(redis) == []


def test_jobs_that_wait_for_a_limit_are_rung_for_when_they_may_start(workplace: Workplace, redis: Redis) -> None:
    first, second = request(workplace, "alice"), request(workplace, "bob")
    with write_session(workplace.engine) as session:
        limits.change(session, by=None, now=NOON, trainings_at_once=1)
        token = claim(session, session.get_one(TrainingRun, first.id))
    assert dispatch.send_outbox(workplace.engine, redis, LATER) == 0
    assert unsent(workplace) == 1
    with write_session(workplace.engine) as session:
        assert token is not None
        finish(session, first, token, 5)
    assert dispatch.send_outbox(workplace.engine, redis, LATER) == 1
    assert on_queue(redis) == [f"training-{second.id}-0"]


def test_an_emptied_queue_is_filled_again_from_the_database(workplace: Workplace, redis: Redis) -> None:
    runs = [request(workplace, alias) for alias in ("alice", "bob")]
    dispatch.send_outbox(workplace.engine, redis, LATER)
    redis.flushall()
    assert dispatch.reconcile(workplace.engine, redis, LATER) == 2
    assert on_queue(redis) == [f"training-{run.id}-0" for run in runs]


@pytest.mark.parametrize("left_behind", ["failed", "finished", "queued", "started"])
def test_what_an_earlier_ring_left_behind_does_not_keep_a_job_waiting(
    workplace: Workplace, redis: Redis, left_behind: str
) -> None:
    run = request(workplace)
    name = f"training-{run.id}-0"
    doorbell.ring(redis, JobKind.TRAINING, run.id or 0, 0)
    Queue("training", connection=redis, serializer=JSONSerializer).remove(name)
    job = Job.fetch(name, connection=redis, serializer=JSONSerializer)
    job.set_status(left_behind)  # type: ignore[arg-type]
    dispatch.reconcile(workplace.engine, redis, clock.now() + timedelta(minutes=5))
    assert on_queue(redis) == [name]


def test_rings_for_jobs_that_are_not_queued_are_removed(workplace: Workplace, redis: Redis) -> None:
    run = request(workplace)
    for attempt in (0, 7):
        doorbell.ring(redis, JobKind.TRAINING, run.id or 0, attempt)
    doorbell.ring(redis, JobKind.TRAINING, 999, 0)
    dispatch.reconcile(workplace.engine, redis, LATER)
    assert on_queue(redis) == [f"training-{run.id}-0"]


def test_a_queue_server_that_is_away_keeps_jobs_in_the_outbox(workplace: Workplace) -> None:
    request(workplace)
    away = Redis.from_url("unix:///nowhere/valkey.sock", retry=None)
    maintenance.Rounds(Workplace(workplace.settings, workplace.engine, away)).go(LATER)
    assert unsent(workplace) == 1


def test_it_takes_a_job_from_a_lost_worker_and_tells_its_watchers(workplace: Workplace, redis: Redis) -> None:
    run = request(workplace)
    with write_session(workplace.engine) as session:
        claim(session, session.get_one(TrainingRun, run.id))
    assert maintenance.reap(workplace, after(90)) == 0
    assert maintenance.reap(workplace, after(91)) == 1
    assert maintenance.reap(workplace, after(91)) == 0
    with read_session(workplace.engine) as session:
        assert session.get_one(TrainingRun, run.id).state == JobState.QUEUED
        check_ledger(session)
    (_, fields), *_ = redis.xrevrange(f"{live.PREFIX}training:{run.public_id}")
    assert json.loads(fields[b"body"])["data"]["state"] == "queued"


def test_those_who_wait_are_told_when_their_place_changes(workplace: Workplace, redis: Redis) -> None:
    first, second = request(workplace, "alice"), request(workplace, "bob")
    places = maintenance.Places()
    assert places.tell(workplace.engine, redis) == 2
    assert places.tell(workplace.engine, redis) == 0
    with write_session(workplace.engine) as session:
        claim(session, session.get_one(TrainingRun, first.id))
    assert places.tell(workplace.engine, redis) == 1
    (_, fields), *_ = redis.xrevrange(f"{live.PREFIX}training:{second.public_id}")
    assert json.loads(fields[b"body"])["data"] == {"state": "queued", "message": "", "place": 1}


def test_the_sweep_removes_losers_and_never_the_winner_or_a_running_attempt(workplace: Workplace) -> None:
    runs = workplace.settings.runs_path
    over, running = request(workplace, "alice"), request(workplace, "bob")
    with write_session(workplace.engine) as session:
        token = claim(session, session.get_one(TrainingRun, over.id))
        assert token is not None
        won = finish(session, over, token, 60, artefact=f"training-{over.public_id}/2-won")
        claim(session, session.get_one(TrainingRun, running.id))
    assert won is not None
    for run, name in ((over, "1-lost.partial"), (over, "2-won"), (over, "2-late.partial"), (running, "1-now.partial")):
        (artefacts.folder_of(runs, run) / name).mkdir(parents=True)
    assert sweeping.sweep(workplace.engine, runs, after(61), maintenance.EPOCH) == 0  # its worker may still write
    assert sweeping.sweep(workplace.engine, runs, after(120), maintenance.EPOCH) == 2
    assert [path.name for path in artefacts.folder_of(runs, over).iterdir()] == ["2-won"]
    assert [path.name for path in artefacts.folder_of(runs, running).iterdir()] == ["1-now.partial"]


def test_an_untrained_network_is_not_kept_as_a_model(workplace: Workplace) -> None:
    run = request(workplace)
    folder = artefacts.folder_of(workplace.settings.runs_path, run) / "1-a.partial" / "model"
    folder.mkdir(parents=True)
    (folder / "best.safetensors").write_bytes(b"untrained")
    with write_session(workplace.engine) as session:
        queueing.request_stop(session, JobKind.TRAINING, run.id or 0, now=NOON)
    assert sweeping.sweep(workplace.engine, workplace.settings.runs_path, after(60), maintenance.EPOCH) == 1
    with read_session(workplace.engine) as session:
        assert session.get_one(TrainingRun, run.id).artefact is None
