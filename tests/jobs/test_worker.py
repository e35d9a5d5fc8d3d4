"""The worker: what it runs, what it refuses, and how it stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from rq import Callback, Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import dispatch
from jobs import worker as worker_module
from jobs.worker import KnownJob, NotAnEntrance, SandboxMissing, run_worker
from jobs.workplace import Workplace
from portal import clock, doorbell
from portal.database import read_session, write_session
from portal.rules import queueing, trainings
from portal.settings import Settings
from portal.tables import JobKind, JobState, TrainingRun
from tests.jobs.fake_training import CountingTrainer
from tests.jobs.paddock_yard import check_ledger, make_model, make_sponsored
from tests.jobs.workers import wait_until, worker


@pytest.fixture
def run_id(workplace: Workplace) -> int:
    with write_session(workplace.engine) as session:
        racer = make_sponsored(session)
        run = trainings.request(session, make_model(session, racer), by=racer, now=clock.now(), seed=3)
    doorbell.ring(workplace.redis, JobKind.TRAINING, run.id or 0, run.attempt)
    return run.id or 0


def stored(workplace: Workplace, run_id: int) -> TrainingRun:
    with read_session(workplace.engine) as session:
        check_ledger(session)
        return session.get_one(TrainingRun, run_id)


def has_state(workplace: Workplace, run_id: int, state: JobState) -> Callable[[], bool]:
    return lambda: stored(workplace, run_id).state == state


def test_it_runs_what_the_portal_rings_for_and_leaves_nothing_on_the_queue(workplace: Workplace, run_id: int) -> None:
    with worker(workplace.settings, workplace.engine, CountingTrainer()):
        wait_until(has_state(workplace, run_id, JobState.COMPLETED), "the end of the training")
        wait_until(lambda: not Job.exists(f"training-{run_id}-0", workplace.redis), "an empty queue")
    assert stored(workplace, run_id).worker.startswith("test-")


def test_asked_to_stop_it_saves_its_training_gives_it_back_and_ends(
    workplace: Workplace, run_id: int, tmp_path: Path
) -> None:
    trainer = CountingTrainer(100_000, pause_s=0.02, starts=tmp_path / "starts")
    with worker(workplace.settings, workplace.engine, trainer) as process:
        wait_until(lambda: stored(workplace, run_id).iterations >= 3, "three iterations")
        process.terminate()
        wait_until(lambda: not process.is_alive(), "the end of the worker")
        assert process.exitcode == 0
    run = stored(workplace, run_id)
    assert (run.state, run.attempt) == (JobState.QUEUED, 0)
    trainer.iterations = run.iterations + 1
    dispatch.send_outbox(workplace.engine, workplace.redis, clock.now() + dispatch.HEAD_START)
    with worker(workplace.settings, workplace.engine, trainer):
        wait_until(has_state(workplace, run_id, JobState.COMPLETED), "the end of the training")
    assert (tmp_path / "starts").read_text().split() == ["0", str(run.iterations)]


def test_a_training_that_does_not_stop_in_time_is_given_back_all_the_same(workplace: Workplace, run_id: int) -> None:
    def hurry(_: CountingTrainer) -> None:
        worker_module.importlib.import_module("jobs.lease").PATIENCE_S = 0.1  # type: ignore[attr-defined]

    with worker(workplace.settings, workplace.engine, CountingTrainer(9, pause_s=60), hurry) as process:
        wait_until(has_state(workplace, run_id, JobState.RUNNING), "the start of the training")
        process.terminate()
        wait_until(lambda: not process.is_alive(), "the end of the worker")
    assert stored(workplace, run_id).state == JobState.QUEUED


def test_a_stop_of_the_racers_reaches_a_running_training(workplace: Workplace, run_id: int) -> None:
    with worker(workplace.settings, workplace.engine, CountingTrainer(100_000, pause_s=0.02)):
        wait_until(lambda: stored(workplace, run_id).iterations >= 2, "two iterations")
        with write_session(workplace.engine) as session:
            queueing.request_stop(session, JobKind.TRAINING, run_id, now=clock.now())
        wait_until(has_state(workplace, run_id, JobState.STOPPED), "the stop")
    assert stored(workplace, run_id).artefact is not None


@pytest.mark.parametrize("name", ["os.system", "jobs.training.execute", "subprocess.run"])
def test_it_runs_no_function_that_is_not_a_job(workplace: Workplace, tmp_path: Path, name: str) -> None:
    proof = tmp_path / "proof"
    queue = Queue("training", connection=workplace.redis, serializer=JSONSerializer)
    job = queue.enqueue(name, args=(f"touch {proof}",), failure_ttl=60)
    with worker(workplace.settings, workplace.engine, CountingTrainer()):
        wait_until(lambda: job.get_status() == "failed", "the refusal")
    result = job.latest_result()
    assert result is not None
    assert NotAnEntrance.__name__ in str(result.exc_string)
    assert not proof.exists()


def test_it_runs_no_callback_that_somebody_put_on_the_queue(redis: Redis, tmp_path: Path) -> None:
    queue = Queue("training", connection=redis, serializer=JSONSerializer)
    job = queue.enqueue("jobs.training.run", args=(1,), on_failure=Callback(os.remove))
    known = KnownJob.fetch(job.id, connection=redis, serializer=JSONSerializer)
    known.execute_failure_callback(object, ValueError, ValueError("x"), None)
    known.execute_success_callback(object, None)


def test_an_unknown_queue_is_named(settings: Settings) -> None:
    with pytest.raises(ValueError, match="no such queue: trainings"):
        run_worker(settings, ["trainings"], "w")


def test_it_takes_no_job_where_racers_code_cannot_be_confined(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.sandbox.self_test.sandbox_layers", lambda: {"seccomp": False})
    with pytest.raises(SandboxMissing, match="seccomp"):
        run_worker(settings, ["training"], "w")


def test_a_killed_worker_takes_its_job_with_it(workplace: Workplace, run_id: int, tmp_path: Path) -> None:
    trainer = CountingTrainer(100_000, pause_s=0.02)

    def note(trainer: CountingTrainer) -> None:
        trainer.before_save = lambda _: (tmp_path / "beat").write_text(str(time.monotonic()))  # type: ignore[assignment,return-value]

    with worker(workplace.settings, workplace.engine, trainer, note) as process:
        wait_until((tmp_path / "beat").exists, "a heartbeat of the training")
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
    last = (tmp_path / "beat").read_text()
    time.sleep(0.3)
    assert (tmp_path / "beat").read_text() == last


BEFORE_AND_AFTER = """
import importlib, sys
from pathlib import Path
from jobs.worker import PRELOADED
for module in PRELOADED["training"]:
    importlib.import_module(module)
before = set(sys.modules)
from jobs.sandbox import RewardProcess
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.learning.training import TrainingConfig, train
from sim.track import Direction
from sim.track_library import TrackLibrary
code = "def reward_function(params):\\n    return 1.0\\n"
track, car = TrackLibrary().get("paddock-oval"), Car.default()
config = TrainingConfig(track, Direction.COUNTERCLOCKWISE, car, Hyperparameters(), code, seed=1, limit_ms=60_000)
with RewardProcess(code) as reward:
    train(config, reward=reward, out=Path(sys.argv[1]), maximum_iterations=1)
print(*sorted(set(sys.modules) - before))
"""


@pytest.mark.slow
def test_a_training_imports_nothing_that_its_worker_has_not_loaded_before(tmp_path: Path) -> None:
    """Each job is a fork: what the parent has not imported every training would import anew."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", BEFORE_AND_AFTER, str(tmp_path / "model")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
