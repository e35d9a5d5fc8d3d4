"""What the rules of sponsorship say, in plain Python and without a database: what the real ones are compared with.

It is as slow and obvious as can be. A verdict is None where something is granted, else the code of the refusal.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from portal.rules.broken import Code
from portal.tables import JobKind, JobState, Sponsorship

LEASE_S = 90
ATTEMPTS = 3
EVALUATION_MS = 60_000
HOUR_MS = 3_600_000
GB_BYTES = 2**30
SUMS = (
    "trainings",
    "evaluations",
    "training_ms",
    "evaluation_ms",
    "byte_days",
    "training_microusd",
    "evaluation_microusd",
    "storage_microusd",
)


@dataclass
class PlainJob:
    kind: JobKind
    model: PlainModel
    amount_ms: int
    number: int
    state: JobState = JobState.QUEUED
    attempt: int = 0
    token: str | None = None
    lease_until: datetime | None = None
    started: bool = False
    stop_requested: bool = False
    used_ms: int = 0
    bytes: int = 0
    ended_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.state not in (JobState.QUEUED, JobState.RUNNING)

    def use(self, now: datetime) -> None:
        """Time since the last renewal: at least nothing, at most one lease."""
        assert self.lease_until is not None
        since = self.lease_until - timedelta(seconds=LEASE_S)
        self.used_ms += min(max(0, (now - since) // timedelta(milliseconds=1)), LEASE_S * 1000)


@dataclass
class PlainModel:
    racer: PlainRacer
    limit_ms: int
    deleted: bool = False
    purged: bool = False
    used_ms: int = 0
    jobs: list[PlainJob] = field(default_factory=list)

    @property
    def stored_bytes(self) -> int:
        return 0 if self.purged else sum(job.bytes for job in self.jobs)

    @property
    def has_weights(self) -> bool:
        return any(job.kind == JobKind.TRAINING and job.bytes for job in self.jobs)

    def is_at_work(self, *states: JobState) -> bool:
        return any(job.state in states for job in self.jobs)


@dataclass
class PlainRacer:
    quota_ms: int
    sponsorship: Sponsorship = Sponsorship.ACTIVE
    models_at_once: int = 2
    reserved_ms: int = 0
    used_ms: int = 0
    spent_microusd: int = 0
    models: list[PlainModel] = field(default_factory=list)
    stored_days: set[date] = field(default_factory=set)
    days: dict[date, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: dict.fromkeys(SUMS, 0)))

    @property
    def months(self) -> dict[date, dict[str, int]]:
        """The days, added up."""
        months: dict[date, dict[str, int]] = {}
        for day, sums in self.days.items():
            month = months.setdefault(day.replace(day=1), dict.fromkeys(SUMS, 0))
            for name, amount in sums.items():
                month[name] += amount
        return months

    def models_at_work(self, *states: JobState) -> list[PlainModel]:
        return [model for model in self.models if model.is_at_work(*states)]


ACTIVE = (JobState.QUEUED, JobState.RUNNING)


class PlainBooks:
    """Racers with their models and jobs, the limits and the prices."""

    def __init__(self, quota_ms: int, trainings_at_once: int, limits_ms: list[int], racers: int) -> None:
        self.enabled = True
        self.at_once = {JobKind.TRAINING: trainings_at_once, JobKind.EVALUATION: 100}
        self.hour_microusd = {JobKind.TRAINING: 3_500_000, JobKind.EVALUATION: 3_500_000}
        self.gb_month_microusd = 23_000
        self.racers = [PlainRacer(quota_ms) for _ in range(racers)]
        for racer in self.racers:
            racer.models = [PlainModel(racer, limit_ms) for limit_ms in limits_ms]
        self.jobs: list[PlainJob] = []

    def may_work(self, racer: PlainRacer) -> bool:
        return self.enabled and racer.sponsorship == Sponsorship.ACTIVE

    def request(self, kind: JobKind, model: PlainModel) -> Code | None:
        """Asks for a training or an evaluation."""
        racer, amount_ms = model.racer, model.limit_ms if kind == JobKind.TRAINING else EVALUATION_MS
        if model.deleted:
            return Code.MISSING
        if not self.may_work(racer):
            return Code.FORBIDDEN
        others = [busy for busy in racer.models_at_work(*ACTIVE) if busy is not model]
        if len(others) >= racer.models_at_once:
            return Code.CONFLICT
        if kind == JobKind.TRAINING and any(job.kind == kind and not job.is_over for job in model.jobs):
            return Code.CONFLICT
        if kind == JobKind.EVALUATION and not model.has_weights:
            return Code.CONFLICT
        if racer.reserved_ms + racer.used_ms + amount_ms > racer.quota_ms:
            return Code.CONFLICT
        racer.reserved_ms += amount_ms
        number = 1 + sum(job.kind == kind for job in self.jobs)
        self.jobs.append(PlainJob(kind, model, amount_ms, number))
        model.jobs.append(self.jobs[-1])
        return None

    def claim(self, job: PlainJob, now: datetime) -> JobState:
        """The state in which a worker's claim leaves a job: running only where it got it now."""
        if job.state != JobState.QUEUED:
            return job.state
        racer = job.model.racer
        if not job.started and (not self.may_work(racer) or racer.used_ms + racer.reserved_ms > racer.quota_ms):
            self.end(job, JobState.REFUSED, now)
        elif not self._has_to_wait(job):
            job.state, job.started = JobState.RUNNING, True
            job.attempt += 1
            job.lease_until = now + timedelta(seconds=LEASE_S)
        return job.state

    def _has_to_wait(self, job: PlainJob) -> bool:
        running = [other for other in self.jobs if other.kind == job.kind and other.state == JobState.RUNNING]
        others = [busy for busy in job.model.racer.models_at_work(JobState.RUNNING) if busy is not job.model]
        return len(running) >= self.at_once[job.kind] or len(others) >= job.model.racer.models_at_once

    def end(self, job: PlainJob, state: JobState, now: datetime, stored_bytes: int = 0) -> None:
        """Gives the reservation back, charges what was used, once."""
        racer = job.model.racer
        racer.reserved_ms -= job.amount_ms
        if job.started:
            job.used_ms = min(job.used_ms, job.amount_ms)
            money = job.used_ms * self.hour_microusd[job.kind] // HOUR_MS
            racer.used_ms += job.used_ms
            racer.spent_microusd += money
            job.model.used_ms += job.used_ms
            day = racer.days[now.date()]
            day[f"{job.kind}s"] += 1
            day[f"{job.kind}_ms"] += job.used_ms
            day[f"{job.kind}_microusd"] += money
        job.state, job.ended_at, job.bytes, job.token, job.lease_until = state, now, stored_bytes, None, None

    def queue_again(self, job: PlainJob, attempt: int) -> None:
        job.state, job.attempt, job.token, job.lease_until = JobState.QUEUED, attempt, None, None

    def reap(self, job: PlainJob, now: datetime) -> None:
        """What becomes of a job whose lease is over."""
        if job.stop_requested:
            self.end(job, JobState.STOPPED, now)
        elif job.attempt >= ATTEMPTS:
            self.end(job, JobState.FAILED, now)
        else:
            self.queue_again(job, job.attempt)

    def stop(self, job: PlainJob, now: datetime) -> bool:
        if job.is_over or job.stop_requested:
            return False
        job.stop_requested = True
        if job.state == JobState.QUEUED:
            self.end(job, JobState.STOPPED, now)
        return True

    def delete(self, model: PlainModel) -> Code | None:
        if model.deleted:
            return Code.MISSING
        if model.is_at_work(*ACTIVE):
            return Code.CONFLICT
        model.deleted = True
        return None

    def restore(self, model: PlainModel) -> Code | None:
        if model.purged:
            return Code.CONFLICT
        model.deleted = False
        return None

    def store(self, now: datetime) -> int:
        """Charges today's storage of everybody who was not charged for it; returns how many were."""
        charged, day = 0, now.date()
        for racer in self.racers:
            kept = sum(model.stored_bytes for model in racer.models if not model.deleted)
            if kept and day not in racer.stored_days:
                whole = GB_BYTES * monthrange(day.year, day.month)[1]
                money = (2 * kept * self.gb_month_microusd + whole) // (2 * whole)
                racer.stored_days.add(day)
                racer.spent_microusd += money
                racer.days[day]["byte_days"] += kept
                racer.days[day]["storage_microusd"] += money
                charged += 1
        return charged

    def change(self, racer: PlainRacer, verb: str) -> bool | Code:
        """Pause, resume, end or sponsor: whether it changed anything, or the refusal."""
        before, after = {
            "pause": (Sponsorship.ACTIVE, Sponsorship.PAUSED),
            "resume": (Sponsorship.PAUSED, Sponsorship.ACTIVE),
            "end": (None, Sponsorship.ENDED),
            "sponsor": (Sponsorship.ENDED, Sponsorship.ACTIVE),
        }[verb]
        if verb in ("pause", "resume") and racer.sponsorship == Sponsorship.ENDED:
            return Code.CONFLICT
        changes = racer.sponsorship != after if before is None else racer.sponsorship == before
        racer.sponsorship = after if changes else racer.sponsorship
        return changes
