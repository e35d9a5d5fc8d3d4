"""The worker: takes jobs from the queue by name, each in a forked process that dies with it.

RQ is the doorbell only. What may run is listed here, results and retries are the database's.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from typing import Any

import structlog
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import workplace
from portal import redis_connection
from portal.settings import Settings

ENTRANCES = frozenset({"jobs.training.run", "jobs.evaluation.run", "jobs.reward_checks.run"})
PRELOADED: dict[str, tuple[str, ...]] = {
    "training": ("jobs.training", "sim.learning.training", "numpy.random"),
    "evaluation": ("jobs.evaluation", "sim.evaluation"),
    "reward-checks": ("jobs.reward_checks", "jobs.sandbox.reward_check"),
}
"""By queue: imported once by the parent, so that a job starts in milliseconds. Nothing of torch may *run* there: a
process that ran its threads and then forks has children that hang."""
PR_SET_PDEATHSIG = 1
MONITOR_EVERY_S = 15

log = structlog.get_logger(__name__)
_libc = ctypes.CDLL(None, use_errno=True)


class SandboxMissing(RuntimeError):
    """This machine lacks a mandatory layer of the reward sandbox; the message names it and says the mend."""


class NotAnEntrance(Exception):
    """Something on the queue asks for a function that no job begins with."""


class KnownJob(Job):
    """A job whose function is one of ENTRANCES. Whoever can write to the queue server can name any function; here it
    does not run. Callbacks and web hooks, which are named there too, never run."""

    def perform(self) -> Any:
        if self.func_name not in ENTRANCES:
            raise NotAnEntrance(f"{self.func_name} is not a job of Paddock")
        return super().perform()

    def execute_success_callback(self, *_: Any) -> None:
        """Nothing: what a success means is in the database."""

    def execute_failure_callback(self, *_: Any) -> None:
        """Nothing: what a failure means is in the database."""

    def execute_stopped_callback(self, *_: Any) -> None:
        """Nothing: a stop is asked for in the database."""

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        """Nothing: a worker calls no addresses that it finds on a queue."""


class KnownQueue(Queue):
    """A queue of such jobs."""

    job_class = KnownJob


class PaddockWorker(Worker):
    """Forks a process for each job, which the kernel ends when the worker ends, however it went."""

    job_class = KnownJob
    queue_class = KnownQueue

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """In the child: a worker that is killed must not leave a job running that nobody watches."""
        _die_with(self.pid)
        super().main_work_horse(job, queue)

    def handle_warm_shutdown_request(self) -> None:
        """SIGTERM once: the job is told, so that a training saves itself and goes back to the queue."""
        if self.horse_pid:
            try:
                os.kill(self.horse_pid, signal.SIGTERM)  # the child only: its sandbox ends with it
            except ProcessLookupError:
                log.info("the job ended before it could be told", worker=self.name)

    def setup_work_horse_signals(self) -> None:
        """Ctrl-C in a terminal is the worker's affair; SIGTERM before the job has its own handler is remembered."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        workplace.listen_for_stop()


def _die_with(parent: int | None) -> None:
    if sys.platform != "linux":
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(1)


def run_worker(settings: Settings, queues: Sequence[str], name: str) -> None:
    """Works until SIGTERM or SIGINT. Raises SandboxMissing where racers' code could not be confined here.

    Asked to stop, a running training saves its model and goes back to the queue; an evaluation or a check is finished.
    Asked a second time, the running job is killed, and goes on elsewhere when its lease is over.
    """
    unknown = sorted(set(queues) - set(PRELOADED))
    if unknown or not queues:
        raise ValueError(f"no such queue: {', '.join(unknown) or '(none)'}; known are {', '.join(PRELOADED)}")
    _require_sandbox(settings)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for queue in queues:
        for module in PRELOADED[queue]:
            importlib.import_module(module)
    unique_name = f"{name}-{secrets.token_hex(4)}"  # a killed worker's name stays taken for a while
    workplace.furnish(settings, unique_name)
    worker = PaddockWorker(
        list(queues),
        name=unique_name,
        connection=redis_connection.for_workers(settings.redis_address),
        serializer=JSONSerializer,
        job_monitoring_interval=MONITOR_EVERY_S,
        log_job_description=False,
    )
    worker.work(logging_level="WARNING")


def _require_sandbox(settings: Settings) -> None:
    from jobs.sandbox.lockdown import missing_layers
    from jobs.sandbox.self_test import sandbox_layers

    layers = sandbox_layers()
    accepted = workplace.accepted_missing(settings)
    missing = missing_layers(layers, accepted)
    if missing:
        raise SandboxMissing(
            f"this machine lacks a protection that racers' code needs: {', '.join(missing)}. "
            "`paddock doctor` says more; PADDOCK_ACCEPT_WEAKER_SANDBOX=1 accepts what may be accepted."
        )
