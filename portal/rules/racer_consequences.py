"""What would follow from doing something to racers: said before it is done, and nothing is changed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from portal.rules import quotas
from portal.rules.racer_actions import Action
from portal.rules.slices import slices
from portal.rules.sponsorship import CHANGES
from portal.tables import Account, Evaluation, JobState, Model, Racer, Sponsorship, Submission, TrainingRun


@dataclass(slots=True)
class Consequences:
    """Whom an action reaches, and what of theirs."""

    reached: int = 0
    """For how many something changes; the others are so already or cannot be changed."""
    same: int = 0
    refused: int = 0
    running: int = 0
    """Trainings and evaluations of their own at work now."""
    queued: int = 0
    models: int = 0
    stored_bytes: int = 0
    submissions: int = 0
    """What their models drove in races; it stays there."""


@dataclass(frozen=True, slots=True)
class Span:
    """The lowest and the highest of what the selected have now."""

    lowest: int
    highest: int


def of(session: Session, action: Action, people: Sequence[Racer]) -> Consequences:
    """What would follow for these racers."""
    found = Consequences(reached=len(people))
    if action in CHANGES:
        change = CHANGES[action.value]
        states = [Sponsorship(racer.sponsorship) for racer in people]
        found.reached = sum(state in change.of for state in states)
        found.same = sum(
            state == change.to or (action is Action.SPONSOR and state not in change.of) for state in states
        )
        found.refused = len(people) - found.reached - found.same
    for part in slices([racer.id or 0 for racer in people]):
        _count(session, found, part, with_models=action is Action.DELETE_MODELS)
    return found


def quotas_now(session: Session, people: Sequence[Racer]) -> dict[str, Span]:
    """What the selected may use now, by the account's columns."""
    accounts = list(quotas.accounts_of(session, people).values())
    values = {
        name: [getattr(account, name) or 0 for account in accounts]
        for name in ("quota_ms", "maximum_models", "models_at_once")
    }
    return {name: Span(min(found), max(found)) for name, found in values.items() if found}


def used_up(session: Session, people: Sequence[Racer]) -> int:
    """How many of these have nothing left of their hours."""
    count = 0
    for part in slices([racer.id or 0 for racer in people]):
        spent = col(Account.used_ms) + col(Account.reserved_ms) >= col(Account.quota_ms)
        query = select(func.count()).select_from(Account).where(col(Account.racer_id).in_(part), spent)
        count += session.exec(query).one()
    return count


def _count(session: Session, found: Consequences, racer_ids: Sequence[int], *, with_models: bool) -> None:
    own = col(Evaluation.race_id).is_(None)
    for table, extra in ((TrainingRun, ()), (Evaluation, (own,))):
        conditions: tuple[ColumnElement[bool], ...] = (col(table.racer_id).in_(racer_ids), *extra)
        active = col(table.state).in_([JobState.RUNNING, JobState.QUEUED])
        query = select(col(table.state), func.count()).where(active, *conditions).group_by(col(table.state))
        for state, count in session.exec(query):
            if state == JobState.RUNNING:
                found.running += count
            else:
                found.queued += count
    if with_models:
        there = (col(Model.racer_id).in_(racer_ids), col(Model.deleted_at).is_(None))
        models = select(func.count(), func.coalesce(func.sum(Model.stored_bytes), 0)).where(*there)
        count, stored = session.exec(models).one()
        entered = select(func.count()).select_from(Submission).join(Model, col(Submission.model_id) == col(Model.id))
        found.models += count
        found.stored_bytes += int(stored)
        found.submissions += session.exec(entered.where(*there)).one()
