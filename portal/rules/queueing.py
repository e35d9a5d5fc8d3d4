"""The life of a job: queued, claimed by one worker under a lease, and over; what it used is charged once.

The database is the truth. A worker owns a job by its token; time is charged from lease to lease, so that a lost worker
is charged up to its last renewal.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import func
from sqlmodel import Session, col, or_, select, update

from portal.rules import audit, budgets, ledger, limits, model_use, outbox, sponsorship
from portal.rules.broken import Code, RuleBroken
from portal.tables import Account, Evaluation, JobKind, JobState, Racer, ReservationState, TrainingRun

LEASE = timedelta(seconds=90)
MAXIMUM_ATTEMPTS = 3
AnyJob = TrainingRun | Evaluation
MILLISECOND = timedelta(milliseconds=1)
LONGEST_REASON = 500
"""Of a job's message in the audit; the job keeps it whole."""


class Lease(NamedTuple):
    """What a worker learns when it renews: whether to stop, and the time used so far in all attempts."""

    stop_requested: bool
    used_ms: int


def table_of(kind: JobKind) -> type[TrainingRun] | type[Evaluation]:
    return TrainingRun if kind == JobKind.TRAINING else Evaluation


def kind_of(job: AnyJob) -> JobKind:
    return JobKind.TRAINING if isinstance(job, TrainingRun) else JobKind.EVALUATION


def subject(job: AnyJob) -> str:
    """The job as the audit names it."""
    return f"{kind_of(job)}:{job.public_id}"


def find(session: Session, kind: JobKind, job_id: int) -> AnyJob | None:
    """A job by its row number, fresh and held until the transaction ends."""
    table = table_of(kind)
    query = select(table).where(table.id == job_id).with_for_update(key_share=True)
    return cast(AnyJob | None, session.exec(query.execution_options(populate_existing=True)).first())


def look(session: Session, kind: JobKind, job_id: int) -> AnyJob | None:
    """A job by its row number, for reading only."""
    return cast(AnyJob | None, session.get(table_of(kind), job_id))


def place(session: Session, job: AnyJob) -> int:
    """The job's place among the queued of its kind: 1 is next; 0 when it is not queued."""
    if job.state != JobState.QUEUED:
        return 0
    table = table_of(kind_of(job))
    ahead = or_(
        col(table.queued_at) < job.queued_at,
        (col(table.queued_at) == job.queued_at) & (col(table.id) < job.id),
    )
    query = select(func.count()).select_from(table).where(table.state == JobState.QUEUED, ahead)
    return session.exec(query).one() + 1


def queued(session: Session, kind: JobKind) -> Sequence[AnyJob]:
    """All queued jobs of a kind, the next one first."""
    table = table_of(kind)
    query = select(table).where(table.state == JobState.QUEUED)
    return cast(Sequence[AnyJob], session.exec(query.order_by(col(table.queued_at), col(table.id))).all())


def models_at_work(session: Session, racer_id: int, *, states: Sequence[JobState]) -> set[int]:
    """The racer's models in training or in an evaluation of the racer's own; a race's evaluations do not count."""
    trainings = select(TrainingRun.model_id).where(TrainingRun.racer_id == racer_id, col(TrainingRun.state).in_(states))
    evaluations = select(Evaluation.model_id).where(
        Evaluation.racer_id == racer_id, col(Evaluation.state).in_(states), col(Evaluation.race_id).is_(None)
    )
    return set(session.exec(trainings)) | set(session.exec(evaluations))


def admit(session: Session, account: Account, racer_id: int, model_id: int) -> None:
    """Refuses (conflict) a request for one more model at work than the racer may have, queued ones included."""
    allowed = ledger.hold(session, account).models_at_once
    busy = models_at_work(session, racer_id, states=(JobState.QUEUED, JobState.RUNNING)) - {model_id}
    if len(busy) >= allowed:
        raise RuleBroken(
            Code.CONFLICT,
            f"You may have {allowed} {_models(allowed)} in training or evaluation at a time. "
            "Wait until one is done, or stop one.",
        )


def _models(count: int) -> str:
    return "model" if count == 1 else "models"


def obstacle(session: Session, job: AnyJob) -> str:
    """Which limit a queued job waits for, as a sentence; empty where it may start."""
    kind = kind_of(job)
    table = table_of(kind)
    allowed = limits.current(session)
    most = allowed.trainings_at_once if kind == JobKind.TRAINING else allowed.evaluations_at_once
    running = session.exec(select(func.count()).select_from(table).where(table.state == JobState.RUNNING)).one()
    if running >= most:
        return f"Waits: {running} {kind}s are running, which is the limit of this instance."
    if isinstance(job, Evaluation) and job.race_id is not None:
        return ""
    account = _account(session, job)
    busy = models_at_work(session, job.racer_id, states=(JobState.RUNNING,)) - {job.model_id}
    if account is not None and len(busy) >= account.models_at_once:
        return f"Waits: {len(busy)} of your models are at work, which is your limit."
    return ""


def _account(session: Session, job: AnyJob) -> Account | None:
    reservation = ledger.reservation_of(session, kind_of(job), job.id or 0)
    return session.get(Account, reservation.account_id, populate_existing=True) if reservation else None


def refusal(session: Session, job: AnyJob, *, now: datetime) -> str:
    """Why a queued job must not start any more; empty where it may.

    A job that ran before and lost its worker is training in progress: it runs on.
    """
    if job.started_at is not None:
        return ""
    racer = session.get_one(Racer, job.racer_id)
    for_race = isinstance(job, Evaluation) and job.race_id is not None
    reason = sponsorship.race_refusal(session, racer) if for_race else sponsorship.refusal(session, racer)
    if reason:
        return reason
    reservation = ledger.reservation_of(session, kind_of(job), job.id or 0)
    account = _account(session, job)
    if reservation is None or account is None or reservation.state != ReservationState.HELD:
        return "Nothing is reserved for this job any more. Request it again."
    if account.quota_ms is not None and account.used_ms + account.reserved_ms > account.quota_ms:
        return "Your quota was lowered and does not cover this job any more. Ask the administrator for more hours."
    return budgets.start_refusal(session, account, kind_of(job), reservation.amount_ms, now=now)


def claim(session: Session, kind: JobKind, job_id: int, *, worker: str, now: datetime) -> str | None:
    """Makes a worker the owner of a queued job, once, and checks sponsorship, quota and limits again.

    Returns the token that every write carries. None: there is nothing to do; the job's state and message say whether
    somebody else has it, it was refused (its reservation is given back), or it waits for a limit.
    """
    limits.hold(session)
    job = find(session, kind, job_id)
    if job is None or job.state != JobState.QUEUED:
        return None
    refused = refusal(session, job, now=now)
    if refused:
        _end(session, job, JobState.REFUSED, now=now, message=refused)
        return None
    job.message = obstacle(session, job)
    if job.message:
        outbox.put(session, kind, job_id, job.attempt, now)  # rung again when it may start
        return None
    token = secrets.token_hex(16)
    table = table_of(kind)
    claimed = session.exec(
        update(table)
        .where(col(table.id) == job_id, col(table.state) == JobState.QUEUED)
        .values(
            state=JobState.RUNNING,
            token=token,
            worker=worker,
            attempt=col(table.attempt) + 1,
            lease_until=now + LEASE,
            started_at=func.coalesce(col(table.started_at), now),
        )
    )
    return token if claimed.rowcount else None


def owned(session: Session, kind: JobKind, job_id: int, token: str) -> AnyJob | None:
    """The running job whose token this is; None where the worker has lost it and must write nothing."""
    job = find(session, kind, job_id)
    return job if job is not None and job.state == JobState.RUNNING and job.token == token else None


def renew(session: Session, kind: JobKind, job_id: int, token: str, *, now: datetime) -> Lease | None:
    """Charges the time since the last renewal and extends the lease. None: the job is lost to this worker."""
    job = owned(session, kind, job_id, token)
    if job is None:
        return None
    job.used_ms = _used_ms(job, now)
    job.lease_until = now + LEASE
    session.flush()
    return Lease(job.stop_requested_at is not None, job.used_ms)


def _used_ms(job: AnyJob, now: datetime) -> int:
    """Time used up to now: each slice is at least nothing and at most one lease, whatever the clock does."""
    assert job.lease_until is not None  # noqa: S101  a running job has a lease
    slice_ms = (now - (job.lease_until - LEASE)) // MILLISECOND
    return job.used_ms + min(max(0, slice_ms), LEASE // MILLISECOND)


def finish(
    session: Session,
    kind: JobKind,
    job_id: int,
    token: str,
    *,
    state: JobState,
    now: datetime,
    message: str = "",
    message_line: int | None = None,
    artefact: str | None = None,
    results: dict[str, Any] | None = None,
) -> AnyJob | None:
    """Ends a job in a terminal state with its results (columns of its table) and settles what it used, once.

    Returns the job; None where it is lost to this worker, and nothing was written.
    """
    job = owned(session, kind, job_id, token)
    if job is None:
        return None
    job.used_ms = _used_ms(job, now)
    for name, value in (results or {}).items():
        setattr(job, name, value)
    _end(session, job, state, now=now, message=message, message_line=message_line, artefact=artefact)
    return job


def _end(
    session: Session,
    job: AnyJob,
    state: JobState,
    *,
    now: datetime,
    message: str = "",
    message_line: int | None = None,
    artefact: str | None = None,
) -> None:
    kind, job_id = kind_of(job), job.id or 0
    model_use.hold(session, job.model_id)
    job.state, job.ended_at, job.token, job.lease_until = state, now, None, None
    job.message, job.message_line, job.artefact = message, message_line, artefact
    charged = {"used_ms": 0, "amount_microusd": 0}
    if job.started_at is None:
        ledger.release(session, kind, job_id, now=now)
    else:
        reservation = ledger.reservation_of(session, kind, job_id)
        job.used_ms = min(job.used_ms, reservation.amount_ms) if reservation else job.used_ms
        price = _price(session, kind)
        if ledger.settle(session, kind, job_id, job.used_ms, price, now=now):
            model_use.charge(session, job.model_id, job.used_ms)
            charged = {"used_ms": job.used_ms, "amount_microusd": ledger.cost(job.used_ms, price)}
    model_use.measure(session, job.model_id)
    reason = message[:LONGEST_REASON]
    audit.record(
        session, f"{kind}.end", subject(job), by=None, now=now, after={"state": state} | charged, reason=reason
    )


def _price(session: Session, kind: JobKind) -> int:
    prices = limits.current(session)
    return prices.training_hour_microusd if kind == JobKind.TRAINING else prices.evaluation_hour_microusd


def requeue(session: Session, kind: JobKind, job_id: int, token: str, *, now: datetime, message: str = "") -> bool:
    """Gives a running job back to the queue because its worker is being stopped; the attempt does not count.

    False: the job was lost to this worker before.
    """
    job = owned(session, kind, job_id, token)
    if job is None:
        return False
    job.used_ms = _used_ms(job, now)
    _queue_again(session, job, now=now, attempt=job.attempt - 1, message=message)
    return True


def _queue_again(session: Session, job: AnyJob, *, now: datetime, attempt: int, message: str) -> None:
    job.state, job.token, job.lease_until, job.worker = JobState.QUEUED, None, None, ""
    job.attempt, job.message = attempt, message
    outbox.put(session, kind_of(job), job.id or 0, attempt, now)


def request_stop(session: Session, kind: JobKind, job_id: int, *, now: datetime, by: Racer | None = None) -> bool:
    """Stops a queued job at once and asks the worker of a running one. False: over, or asked for before."""
    job = find(session, kind, job_id)
    if job is None or job.is_over or job.stop_requested_at is not None:
        return False
    job.stop_requested_at = now
    audit.record(session, f"{kind}.stop", subject(job), by=by, now=now)
    if job.state == JobState.QUEUED:
        _end(session, job, JobState.STOPPED, now=now)
    session.flush()
    return True


def ended_since(session: Session, kind: JobKind, since: datetime) -> Sequence[AnyJob]:
    """Jobs that were over at a moment or later."""
    table = table_of(kind)
    return cast(Sequence[AnyJob], session.exec(select(table).where(col(table.ended_at) >= since)).all())


def salvage(session: Session, kind: JobKind, job_id: int, artefact: str, size_bytes: int = 0) -> bool:
    """Keeps what a lost or stopped attempt had saved, where the job is over without anything. False: it is not so."""
    job = find(session, kind, job_id)
    if job is None or not job.is_over or job.artefact is not None:
        return False
    model_use.hold(session, job.model_id)
    job.artefact, job.size_bytes = artefact, size_bytes
    model_use.measure(session, job.model_id)
    return True


def expired(session: Session, kind: JobKind, now: datetime) -> Sequence[AnyJob]:
    """Running jobs whose worker was not heard of for a whole lease."""
    table = table_of(kind)
    query = select(table).where(table.state == JobState.RUNNING, col(table.lease_until) < now)
    return cast(Sequence[AnyJob], session.exec(query).all())


def reap(session: Session, kind: JobKind, job_id: int, *, now: datetime) -> JobState | None:
    """Takes a job from a lost worker: queued again, or over where it was to stop or was lost three times.

    What was used up to the last renewal is charged. None: nothing to reap.
    """
    job = find(session, kind, job_id)
    if job is None or job.state != JobState.RUNNING or job.lease_until is None or job.lease_until >= now:
        return None
    if job.stop_requested_at is not None:
        _end(session, job, JobState.STOPPED, now=now)
    elif job.attempt >= MAXIMUM_ATTEMPTS:
        message = (
            f"The worker was lost {job.attempt} times. Start it again; if it happens again, tell the administrator."
        )
        _end(session, job, JobState.FAILED, now=now, message=message)
    else:
        _queue_again(session, job, now=now, attempt=job.attempt, message="The worker was lost; it starts again.")
    return JobState(job.state)
