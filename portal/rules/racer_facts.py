"""One racer as the administrator looks at them: what they may use, what they have, what they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlmodel import Session, col, select

from portal.rules import ledger, queueing, usage_totals
from portal.rules.audit_log import ListedEvent
from portal.rules.broken import Code, RuleBroken
from portal.rules.ledger import Balance
from portal.rules.queueing import AnyJob
from portal.tables import Account, AuditEvent, JobKind, Model, Racer, RacerRequest, UsageMonth

SHOWN_JOBS = 10
SHOWN_REQUESTS = 10
SHOWN_EVENTS = 15


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A training or an evaluation, and the name of its model."""

    kind: JobKind
    job: AnyJob
    model: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything on a racer's page but the statement."""

    racer: Racer
    account: Account
    balance: Balance
    models: list[Model]
    jobs: list[ListedJob]
    """The newest, of both kinds."""
    requests: list[RacerRequest]
    events: list[ListedEvent]
    """The newest of the audit that are about the racer."""
    month: UsageMonth | None
    """What this month used and is estimated to cost so far; None where it used nothing."""

    @property
    def stored_bytes(self) -> int:
        return sum(model.stored_bytes for model in self.models)


def get(session: Session, public_id: str) -> Racer:
    """A racer with a profile. Raises RuleBroken (missing) for anybody else."""
    query = select(Racer).where(Racer.public_id == public_id, col(Racer.alias).is_not(None))
    racer = session.exec(query).first()
    if racer is None:
        raise RuleBroken(Code.MISSING, "There is no such racer.")
    return racer


def of(session: Session, racer: Racer, *, now: datetime) -> Facts:
    """The facts of now."""
    account = ledger.account_of(session, racer)
    in_garage = select(Model).where(Model.racer_id == racer.id, col(Model.deleted_at).is_(None))
    requests = select(RacerRequest).where(RacerRequest.racer_id == racer.id).order_by(col(RacerRequest.id).desc())
    return Facts(
        racer=racer,
        account=account,
        balance=ledger.balance_of(account),
        models=list(session.exec(in_garage.order_by(col(Model.stored_bytes).desc(), col(Model.id).desc()))),
        jobs=_jobs(session, racer),
        requests=list(session.exec(requests.limit(SHOWN_REQUESTS))),
        events=_events(session, racer),
        month=session.get(UsageMonth, (account.id, usage_totals.month_of(now))),
    )


def _jobs(session: Session, racer: Racer) -> list[ListedJob]:
    found: list[ListedJob] = []
    for kind in JobKind:
        table = queueing.table_of(kind)
        query = select(table, Model.name).join(Model, col(table.model_id) == col(Model.id))
        query = query.where(table.racer_id == racer.id).order_by(col(table.id).desc()).limit(SHOWN_JOBS)
        rows = cast(Sequence[tuple[AnyJob, str]], session.exec(query).all())
        found += [ListedJob(kind, job, name) for job, name in rows]
    return sorted(found, key=lambda listed: listed.job.queued_at, reverse=True)[:SHOWN_JOBS]


def _events(session: Session, racer: Racer) -> list[ListedEvent]:
    query = (
        select(AuditEvent, Racer)
        .join(Racer, col(AuditEvent.by_racer_id) == col(Racer.id), isouter=True)
        .where(AuditEvent.subject == f"racer:{racer.public_id}")
        .order_by(col(AuditEvent.id).desc())
    )
    return [ListedEvent(event, by, racer) for event, by in session.exec(query.limit(SHOWN_EVENTS))]
