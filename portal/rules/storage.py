"""Storage: what the artefacts of each account take, corrected from the disk, and charged once for each day in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, and_, col, or_, select, update

from portal.rules import ledger, limits, model_use
from portal.rules.queueing import table_of
from portal.tables import Account, Evaluation, JobKind, LedgerEntry, Limits, Model, Race, TrainingRun

CATCH_UP = timedelta(days=31)
"""Days that were missed while nothing ran are charged afterwards, so many at most."""

AnyTable = type[TrainingRun] | type[Evaluation]


class Kept(NamedTuple):
    """A job that left files: its folder relative to the runs directory, and what its row says they take."""

    job_id: int
    artefact: str
    size_bytes: int


class Charge(NamedTuple):
    """A day of storage that an account was not charged yet."""

    account_id: int
    stored_bytes: int
    on_day: date


def kept(session: Session, kind: JobKind, *, after_id: int, most: int) -> list[Kept]:
    """Jobs that left files, in the order of their row numbers from `after_id` on."""
    table = table_of(kind)
    query = select(col(table.id), col(table.artefact), col(table.size_bytes)).where(
        col(table.id) > after_id, col(table.artefact).is_not(None)
    )
    rows = session.exec(query.order_by(col(table.id)).limit(most))
    return [Kept(job_id or 0, artefact or "", size_bytes) for job_id, artefact, size_bytes in rows]


def correct(session: Session, kind: JobKind, found: Mapping[Kept, int]) -> int:
    """Writes what was found on the disk for jobs whose rows say something else; returns how many it changed.

    A job that got another folder meanwhile, or lost it, is left alone.
    """
    table, changed, ids = table_of(kind), 0, []
    for job, size_bytes in found.items():
        if job.size_bytes == size_bytes:
            continue
        same = (col(table.id) == job.job_id, col(table.artefact) == job.artefact)
        changed += session.exec(update(table).where(*same).values(size_bytes=size_bytes)).rowcount
        ids.append(job.job_id)
    models = session.exec(select(table.model_id).where(col(table.id).in_(ids)).distinct()).all()
    for model_id in sorted(models):
        model_use.measure(session, model_id)
    return changed


def today(now: datetime) -> date:
    """The day of a moment, in UTC."""
    return now.astimezone(UTC).date()


def days_due(session: Session, now: datetime) -> list[date]:
    """The days that are still to be charged: those since the last that was finished, and today.

    The first time it is today alone, and so it is where the last one lies in the future: the clock was wrong then.
    Days that were missed longer than `CATCH_UP` ago are not charged any more.
    """
    day, last = today(now), limits.current(session).storage_charged_on
    if last == day:
        return []
    first = day if last is None or last > day else max(last + timedelta(days=1), day - CATCH_UP)
    return [first + timedelta(days=number) for number in range((day - first).days + 1)]


def finish(session: Session, on_day: date) -> None:
    """Remembers that all accounts were charged for a day."""
    session.exec(update(Limits).values(storage_charged_on=on_day))


def charges(session: Session, on_day: date, *, now: datetime) -> list[Charge]:
    """What accounts are to be charged for a day and were not, racers' accounts first.

    Today costs by what is there now, a day that was missed by what was there at its beginning, as far as rows still
    tell. A racer pays for models that were not deleted, whatever the sponsorship; a race for its evaluations.
    """
    moment = now if on_day >= today(now) else datetime(on_day.year, on_day.month, on_day.day, tzinfo=UTC)
    racers = _totals(session, on_day, _of_racers(TrainingRun, moment), _of_racers(Evaluation, moment))
    races = _totals(session, on_day, _of_races(moment))
    return [Charge(account_id, size, on_day) for account_id, size in (*racers, *races) if size > 0]


def _totals(session: Session, on_day: date, *queries: Any) -> list[tuple[int, int]]:
    """Accounts by row number, which is the order that they are held in, with the sums of all queries."""
    totals: dict[int, int] = {}
    for query in queries:
        for account_id, size in session.exec(query.where(~_charged(on_day)).group_by(col(Account.id))):
            totals[account_id] = totals.get(account_id, 0) + int(size)
    return sorted(totals.items())


def _of_racers(table: AnyTable, moment: datetime) -> Any:
    query = (
        select(col(Account.id), func.sum(col(table.size_bytes)))
        .join(Model, col(Model.racer_id) == col(Account.racer_id))
        .join(table, col(table.model_id) == col(Model.id))
        .where(_there(table, moment), or_(col(Model.deleted_at).is_(None), col(Model.deleted_at) > moment))
    )
    return query.where(col(Evaluation.race_id).is_(None)) if table is Evaluation else query


def _of_races(moment: datetime) -> Any:
    return (
        select(col(Account.id), func.sum(col(Evaluation.size_bytes)))
        .join(Race, col(Race.id) == col(Account.race_id))
        .join(Evaluation, col(Evaluation.race_id) == col(Race.id))
        .where(_there(Evaluation, moment), or_(col(Race.deleted_at).is_(None), col(Race.deleted_at) > moment))
    )


def _there(table: AnyTable, moment: datetime) -> ColumnElement[bool]:
    return and_(col(table.artefact).is_not(None), or_(col(table.ended_at).is_(None), col(table.ended_at) <= moment))


def _charged(on_day: date) -> ColumnElement[bool]:
    line = select(LedgerEntry.id).where(LedgerEntry.account_id == Account.id, LedgerEntry.on_day == on_day)
    return line.exists()


def charge(session: Session, due: list[Charge], *, now: datetime) -> int:
    """Writes days of storage into the ledger, each once; returns how many were new."""
    charged = 0
    for account_id, stored_bytes, on_day in due:
        charged += ledger.store(session, session.get_one(Account, account_id), stored_bytes, on_day, now=now)
    return charged
