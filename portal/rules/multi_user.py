"""Multi-user mode: switched on and off as a whole, with what follows said before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from portal.rules import limits
from portal.rules.broken import Code, RuleBroken
from portal.tables import Evaluation, JobState, Model, Racer, Role, Sponsorship, TrainingRun


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom and what the switch reaches: racers that the host sponsors, administrators left out, and what is theirs."""

    racers: int
    running: int
    """Trainings and evaluations at work; they run to their end and are charged."""
    queued: int
    models: int
    stored_bytes: int


def reach(session: Session) -> Reach:
    """The numbers of now."""
    others = select(Racer.id).where(Racer.role != Role.ADMIN, col(Racer.alias).is_not(None))
    sponsored = others.where(Racer.sponsorship != Sponsorship.ENDED)
    models = select(func.count(), func.coalesce(func.sum(Model.stored_bytes), 0)).where(
        col(Model.racer_id).in_(others), col(Model.deleted_at).is_(None)
    )
    count, stored = session.exec(models).one()
    return Reach(
        racers=session.exec(select(func.count()).select_from(sponsored.subquery())).one(),
        running=_jobs(session, JobState.RUNNING),
        queued=_jobs(session, JobState.QUEUED),
        models=count,
        stored_bytes=int(stored),
    )


def _jobs(session: Session, state: JobState) -> int:
    others = select(Racer.id).where(Racer.role != Role.ADMIN)
    counted = (
        select(func.count()).select_from(table).where(table.state == state, col(table.racer_id).in_(others))
        for table in (TrainingRun, Evaluation)
    )
    return sum(session.exec(query).one() for query in counted)


def enable(session: Session, *, by: Racer, now: datetime, access: bool, permissions: bool, reason: str = "") -> bool:
    """Switches multi-user mode on. False: it was on already.

    Both boxes of the retired console have to be ticked: that the participants have access, and that permissions are
    set. Raises RuleBroken (invalid, with the field) for one that is not.
    """
    if not access:
        raise RuleBroken(Code.INVALID, "Tick this box once the participants can reach this portal.", "access")
    if not permissions:
        raise RuleBroken(Code.INVALID, "Tick this box once you have looked at the limits and quotas.", "permissions")
    action = "multi-user.enable"
    return limits.change(session, by=by, now=now, reason=reason, action=action, multi_user_enabled=True)


def disable(session: Session, *, by: Racer, now: datetime, understood: bool, reason: str = "") -> bool:
    """Switches multi-user mode off. False: it was off already. Raises RuleBroken (invalid) where the box is not ticked.

    Nobody new can join; sponsored racers can neither open nor train models; what runs, runs to its end and is charged;
    models stay, and their storage goes on costing. Nothing is changed on any racer, so enabling brings all back.
    """
    if not understood:
        raise RuleBroken(Code.INVALID, "Tick this box to say that you know what follows.", "understood")
    action = "multi-user.disable"
    return limits.change(session, by=by, now=now, reason=reason, action=action, multi_user_enabled=False)
