"""Faults on purpose: workers are killed at named points, the queue server is stopped and emptied, jobs rung twice.

After each: one terminal state, one settlement, sums that the ledger explains, no process left behind.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

import jobs.training
from jobs import dispatch, maintenance, sweeping
from jobs.workplace import Workplace, open_workplace
from paddock import valkey
from portal import clock, doorbell
from portal.database import read_session, write_session
from portal.rules import queueing, trainings
from portal.tables import JobKind, JobState, TrainingRun
from tests.jobs.fake_training import CountingTrainer
from tests.jobs.paddock_yard import check_ledger, make_model, make_sponsored
from tests.jobs.workers import Trap, is_alive, wait_until, worker


def request(workplace: Workplace) -> int:
    """A training, rung for as the portal does."""
    with write_session(workplace.engine) as session:
        racer = make_sponsored(session)
        run = trainings.request(session, make_model(session, racer), by=racer, now=clock.now(), seed=3)
    doorbell.ring(workplace.redis, JobKind.TRAINING, run.id or 0, run.attempt)
    return run.id or 0


def stored(workplace: Workplace, run_id: int) -> TrainingRun:
    with read_session(workplace.engine) as session:
        return session.get_one(TrainingRun, run_id)


def is_over(workplace: Workplace, run_id: int) -> bool:
    return stored(workplace, run_id).is_over


def tidy_up(workplace: Workplace) -> None:
    """What maintenance does in the two minutes after a fault."""
    later = clock.now() + timedelta(seconds=120)
    maintenance.reap(workplace, later)
    dispatch.reconcile(workplace.engine, workplace.redis, later)
    dispatch.send_outbox(workplace.engine, workplace.redis, later + dispatch.HEAD_START)


def kill_before(name: str, trap: Trap) -> Callable[..., Any]:
    original = getattr(jobs.training, name)

    def sprung(*arguments: Any, **named: Any) -> Any:
        trap.spring()
        return original(*arguments, **named)

    return sprung


def kill_after(name: str, trap: Trap) -> Callable[..., Any]:
    original = getattr(jobs.training, name)

    def sprung(*arguments: Any, **named: Any) -> Any:
        result = original(*arguments, **named)
        trap.spring()
        return result

    return sprung


def before_claim(trap: Trap, _: CountingTrainer) -> None:
    patch.object(jobs.training, "claim", kill_before("claim", trap)).start()


def after_claim(trap: Trap, _: CountingTrainer) -> None:
    patch.object(jobs.training, "claim", kill_after("claim", trap)).start()


def in_the_middle_of_a_checkpoint(trap: Trap, trainer: CountingTrainer) -> None:
    trainer.before_save = lambda iteration: trap.spring() if iteration == 2 else None


def after_the_result_before_its_settlement(trap: Trap, _: CountingTrainer) -> None:
    original = queueing.finish

    def sprung(*arguments: Any, **named: Any) -> Any:
        trap.spring()
        return original(*arguments, **named)

    patch.object(queueing, "finish", sprung).start()


def after_the_settlement(trap: Trap, _: CountingTrainer) -> None:
    patch.object(jobs.training, "execute", kill_after("execute", trap)).start()


POINTS = [
    before_claim,
    after_claim,
    in_the_middle_of_a_checkpoint,
    after_the_result_before_its_settlement,
    after_the_settlement,
]
CASES = [(point, "parent") for point in POINTS] + [(before_claim, "horse"), (in_the_middle_of_a_checkpoint, "horse")]


@pytest.mark.parametrize(("point", "victim"), CASES, ids=lambda case: getattr(case, "__name__", case))
def test_a_worker_that_is_killed_costs_time_and_nothing_else(
    workplace: Workplace, tmp_path: Path, point: Callable[[Trap, CountingTrainer], None], victim: str
) -> None:
    trap = Trap(tmp_path, victim)
    trainer = CountingTrainer(4, starts=tmp_path / "starts")
    run_id = request(workplace)
    with worker(workplace.settings, workplace.engine, trainer, lambda it: point(trap, it)) as first:
        wait_until(lambda: trap.horse and not is_alive(trap.horse), "the death of the job's process")
        if victim == "parent":
            wait_until(lambda: not first.is_alive(), "the death of the worker")
        else:
            tidy_up(workplace)
            wait_until(lambda: is_over(workplace, run_id), "the end of the training on the same worker")
    if victim == "parent":
        tidy_up(workplace)
        with worker(workplace.settings, workplace.engine, trainer):
            wait_until(lambda: is_over(workplace, run_id), "the end of the training on another worker")
    run = stored(workplace, run_id)
    assert (run.state, run.iterations) == (JobState.COMPLETED, 4)
    with read_session(workplace.engine) as session:
        check_ledger(session)
    check_artefacts(workplace, run)


def check_artefacts(workplace: Workplace, run: TrainingRun) -> None:
    """The winner is complete, and after the sweep it is alone."""
    runs = workplace.settings.runs_path
    assert run.artefact is not None
    assert (runs / run.artefact / "model/last.safetensors").read_text() == "4"
    sweeping.sweep(workplace.engine, runs, clock.now() + timedelta(minutes=1), maintenance.EPOCH)
    assert [str(path.relative_to(runs)) for path in (runs / run.artefact).parent.iterdir()] == [run.artefact]


def test_a_training_goes_on_from_its_last_checkpoint_after_its_worker_was_killed(
    workplace: Workplace, tmp_path: Path
) -> None:
    trap = Trap(tmp_path, "parent")
    trainer = CountingTrainer(6, starts=tmp_path / "starts")
    run_id = request(workplace)

    def sabotage(trainer: CountingTrainer) -> None:
        trainer.before_save = lambda iteration: trap.spring() if iteration == 5 else None

    with worker(workplace.settings, workplace.engine, trainer, sabotage) as first:
        wait_until(lambda: not first.is_alive(), "the death of the worker")
    tidy_up(workplace)
    with worker(workplace.settings, workplace.engine, trainer):
        wait_until(lambda: is_over(workplace, run_id), "the end of the training")
    assert trainer.starts is not None
    assert trainer.starts.read_text().split() == ["0", "4"]
    assert stored(workplace, run_id).attempt == 2


def test_what_a_training_had_saved_is_kept_when_its_worker_is_lost_for_good(
    workplace: Workplace, tmp_path: Path
) -> None:
    trap = Trap(tmp_path, "parent")
    run_id = request(workplace)

    def sabotage(trainer: CountingTrainer) -> None:
        trainer.before_save = lambda iteration: trap.spring() if iteration == 3 else None

    with worker(workplace.settings, workplace.engine, CountingTrainer(9), sabotage) as first:
        wait_until(lambda: not first.is_alive(), "the death of the worker")
    with write_session(workplace.engine) as session:
        queueing.request_stop(session, JobKind.TRAINING, run_id, now=clock.now())
    tidy_up(workplace)
    assert stored(workplace, run_id).state == JobState.STOPPED
    later = clock.now() + timedelta(minutes=5)
    sweeping.sweep(workplace.engine, workplace.settings.runs_path, later, maintenance.EPOCH)
    run = stored(workplace, run_id)
    assert run.artefact is not None
    assert (workplace.settings.runs_path / run.artefact / "model/last.safetensors").read_text() == "2"


def test_a_job_that_was_rung_for_twice_runs_once(workplace: Workplace, tmp_path: Path) -> None:
    run_id = request(workplace)
    queue = Queue("training", connection=workplace.redis, serializer=JSONSerializer)
    for number in range(3):
        queue.enqueue("jobs.training.run", args=(run_id,), job_id=f"again-{number}", result_ttl=0, job_timeout=-1)
    trainer = CountingTrainer(3, starts=tmp_path / "starts", pause_s=0.05)
    with worker(workplace.settings, workplace.engine, trainer), worker(workplace.settings, workplace.engine, trainer):
        wait_until(lambda: is_over(workplace, run_id) and not queue.get_job_ids(), "the end of all rings")
    assert trainer.starts is not None
    assert trainer.starts.read_text() == "0\n"
    with read_session(workplace.engine) as session:
        check_ledger(session)


def test_a_queue_server_that_was_stopped_and_emptied_costs_a_moment(workplace: Workplace, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="pv") as name:
        folder = Path(name)
        settings = replace(workplace.settings, redis_url=f"unix://{folder / 'valkey.sock'}")
        with valkey.running(folder):
            place = open_workplace(settings)
            first = request(place)
            trainer = CountingTrainer(2)
            survivor = worker(settings, place.engine, trainer)
            with survivor as process:
                wait_until(lambda: is_over(place, first), "the first training")
                run_second_after_an_outage(place, folder, process.is_alive)
            place.close()


def run_second_after_an_outage(place: Workplace, folder: Path, alive: Callable[[], bool]) -> None:
    """Stops the server and empties it, requests a training meanwhile, and expects the same worker to run it."""
    with contextlib.suppress(RedisError):  # it hangs up instead of an answer
        Redis.from_url(place.settings.redis_address, retry=None).shutdown(nosave=True)
    with write_session(place.engine) as session:
        bob = make_sponsored(session, "bob")
        run = trainings.request(session, make_model(session, bob), by=bob, now=clock.now(), seed=3)
    shutil.rmtree(folder / "appendonlydir")
    with valkey.running(folder):
        dispatch.reconcile(place.engine, place.redis, clock.now())
        wait_until(lambda: is_over(place, run.id or 0), "the second training, after the outage")
        assert alive()
    assert stored(place, run.id or 0).state == JobState.COMPLETED
